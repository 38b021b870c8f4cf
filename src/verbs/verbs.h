/* verbs.h - what an author of a distributed matrix product sees: rings, shifts, multicasts, products.
 *
 * Each verb advances the clocks of all cores, charges ledgers and, in compute mode, moves values. Formulas and
 * constants are explained in docs/MODEL.md; every constant comes from the device.
 */
#pragma once

#include "data/product.h"
#include "time/busy.h"
#include "verbs/flow.h"

/* Between begin and end of a shift, multicast or gather the cores may work on the tiles that they hold; verbs on
 * different axes overlap too. Local but for messages. */

/* All cores pass their tile to the ring neighbour before them. The core is busy shift_launch + shift_wavelet * W; both
 * its exchanges are done 2 ramps + hops + W after both partners were ready. */
plmr_status plmr_shift_begin(plmr_tensor *tensor);
void plmr_shift_end(plmr_tensor *tensor);

/* Where programs plan no routes beyond the next core, and software passes messages on; relay.c: routes to and from each
 * of a core's four neighbours. What it costs: see time/points.h. */
plmr_status plmr_relay_route(plmr_region *region);

/* Rotates the tensor by its width slot: width slot x by x slots, the short way round, in floor(slots / 2) rounds that
 * all cores take part in. */
plmr_status plmr_align(plmr_tensor *tensor);

/* The owner of k slot `slot` sends its tile to all cores along the tensor's axis. Every owner has a route of its own
 * while n_routes, what the program grants the axis, suffice; else software relays it every n_routes cores. */
plmr_status plmr_multicast_begin(plmr_tensor *tensor, int slot, int n_routes);
void plmr_multicast_end(plmr_tensor *tensor);

/* Every core collects all tiles along the tensor's axis. Then `select` takes k slot `slot` as the one to multiply. */
plmr_status plmr_gather_begin(plmr_tensor *tensor, int n_routes);
void plmr_gather_end(plmr_tensor *tensor);
void plmr_select(plmr_tensor *tensor, int slot);

/* Every core multiplies the tiles it holds now and adds to its C tile: one compute step. Values are deferred and done
 * for many steps at once, in the order in which each core would. */
void plmr_multiply_add(plmr_product *product);

/* Every core multiplies its tile of A by the tile of B that it holds now, transposed; the partial products are added
 * along x by chains from both ends to the core that C's tile belongs to: the root takes its own, then the low side,
 * then the high. */
plmr_status plmr_multiply_converge(plmr_product *product);
