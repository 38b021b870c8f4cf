/* plmr.h - all of the library: devices, the mesh of ranks, regions of cores, and the verbs of mesh programs. */
#ifndef PLMR_H
#define PLMR_H

#include "plmr/device.h"
#include "plmr/mesh.h"
#include "plmr/program.h"
#include "plmr/region.h"
#include "plmr/ring.h"
#include "plmr/status.h"
#include "plmr/tiles.h"
#include "plmr/types.h"

#endif
