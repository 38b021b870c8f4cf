/* plmr.h - all of the library: devices, the grid of ranks, regions of cores, the verbs of mesh programs, and
 * the commands. */
#ifndef PLMR_H
#define PLMR_H

#include "plmr/commands.h"
#include "plmr/cores.h"
#include "plmr/device.h"
#include "plmr/part.h"
#include "plmr/points.h"
#include "plmr/program.h"
#include "plmr/ranks.h"
#include "plmr/region.h"
#include "plmr/ring.h"
#include "plmr/status.h"
#include "plmr/tiles.h"
#include "plmr/types.h"

#endif
