/* room.h - whether a model has room in the memory of the hosts, before anything is loaded. */
#pragma once

#include "infer/engine.h"

/* Fails where weights and key-value cache take more than this rank's host has left, and says how many such hosts would do.
 * `dims`: elements of a head in the cache. Local. */
plmr_status plmr_room_check(const plmr_engine *engine, int dims);
