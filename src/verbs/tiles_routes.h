/* tiles_routes.h - what the verbs of tiles keep in a region: the routes that they have configured, each of them once; what is under way. */
#pragma once

#include "plmr/tiles.h"
#include "verbs/reduce.h"

/* Routes for a multicast from core `from` of every line along the axis. In *n_routes how many the axis may have: with
 * more senders than that, software relays every n_routes cores, as in plmr_multicast_begin. */
plmr_status plmr_tiles_route_multicast(plmr_region *region, enum plmr_axis axis, int from, const char *what,
                                       int *n_routes);

/* The plan of a sum along the axis, with its routes; the region's. */
plmr_status plmr_tiles_route_sum(plmr_region *region, enum plmr_axis axis, const plmr_reduce_algorithm *algorithm,
                                 const plmr_reduce_options *options, const char *what, const plmr_reduce_plan **plan);

/* Forgets the last sum that a plan was made for, whose routes are taken back. */
void plmr_tiles_forget_sum(plmr_region *region);

/* How many cores of a line will send; 0: it is seen. */
int *plmr_tiles_planned(plmr_region *region, enum plmr_axis axis);

/* The region's tiles, a list; those that a verb along the axis is to bring something to, NULL: there are none. */
plmr_tiles **plmr_tiles_all(plmr_region *region);
plmr_tiles **plmr_tiles_under_way(plmr_region *region, enum plmr_axis axis);

/* Routes between neighbours, over which software relays, and n_bytes of every core for what goes through it. */
plmr_status plmr_tiles_route_relays(plmr_region *region, const char *what, int64_t n_bytes);

void plmr_tiles_routes_destroy(plmr_tiles_routes *routes);
