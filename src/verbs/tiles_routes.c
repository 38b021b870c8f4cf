#include "verbs/tiles_routes.h"

#include <stdlib.h>

#include "base/larger.h"
#include "base/memory.h"
#include "verbs/verbs.h"

struct sum {
    enum plmr_axis axis;
    const plmr_reduce_algorithm *algorithm;
    plmr_reduce_options options; /* as asked for */
    plmr_reduce_plan *plan;
    struct sum *next;
};

struct plmr_tiles_routes {
    int most;         /* that the multicasts of one axis may have */
    bool *sender[2];  /* by axis: cores with a multicast of their own */
    int n_senders[2]; /* how many */
    struct sum *sums;
    bool relays;
    int planned[2];           /* senders of multicasts that the program has told of */
    plmr_tiles *all;          /* tiles of the region; a list */
    plmr_tiles *under_way[2]; /* by axis */
};

/* Made with the first verb: the multicasts of both axes share what the routers have left then. */
static plmr_tiles_routes *routes_of(plmr_region *region)
{
    if (region->tiles_routes)
        return region->tiles_routes;
    plmr_tiles_routes *routes = plmr_take_zeroed(1, sizeof *routes);
    for (int axis = 0; axis < 2; axis++)
        routes->sender[axis] = plmr_take_zeroed((size_t)region->extent[axis], sizeof(bool));
    return region->tiles_routes = routes;
}

int *plmr_tiles_planned(plmr_region *region, enum plmr_axis axis)
{
    return &routes_of(region)->planned[axis];
}

plmr_tiles **plmr_tiles_all(plmr_region *region)
{
    return &routes_of(region)->all;
}

plmr_tiles **plmr_tiles_under_way(plmr_region *region, enum plmr_axis axis)
{
    return &routes_of(region)->under_way[axis];
}

plmr_status plmr_tiles_route_multicast(plmr_region *region, enum plmr_axis axis, int from, const char *what,
                                       int *n_routes)
{
    plmr_tiles_routes *routes = routes_of(region);
    int n = region->extent[axis];
    if (!routes->most)
        routes->most = plmr_region_multicast_routes(region);
    bool is_new = !routes->sender[axis][from];
    plmr_flow one = plmr_flow_multicast(region, axis, from, 1, what);
    if (is_new && routes->n_senders[axis] < routes->most)
        PLMR_TRY(plmr_flow_route(&one, what));
    routes->sender[axis][from] = true;
    routes->n_senders[axis] += is_new;
    int senders = plmr_larger(routes->n_senders[axis], routes->planned[axis]);
    *n_routes = senders > routes->most ? routes->most : n;
    return PLMR_OK;
}

/* Do two sums add up the same way, to the same cores? */
static bool alike(const plmr_reduce_options *a, const plmr_reduce_options *b)
{
    return a->to_root == b->to_root && a->root == b->root && a->n_groups[0] == b->n_groups[0];
}

plmr_status plmr_tiles_route_sum(plmr_region *region, enum plmr_axis axis, const plmr_reduce_algorithm *algorithm,
                                 const plmr_reduce_options *options, const char *what, const plmr_reduce_plan **out)
{
    plmr_tiles_routes *routes = routes_of(region);
    struct sum *sum = routes->sums;
    while (sum && (sum->axis != axis || sum->algorithm != algorithm || !alike(&sum->options, options)))
        sum = sum->next;
    if (!sum) {
        plmr_reduce_plan *plan;
        PLMR_TRY(plmr_reduce_plan_create(algorithm, region->device, axis, region->extent[axis], options, &plan));
        plmr_status status = plmr_reduce_route(region, axis, plan, what);
        if (status) {
            plmr_reduce_plan_destroy(plan);
            return status;
        }
        sum = plmr_take(sizeof *sum);
        *sum = (struct sum){axis, algorithm, *options, plan, routes->sums};
        routes->sums = sum;
    }
    *out = sum->plan;
    return PLMR_OK;
}

static void forget_sum(plmr_tiles_routes *routes)
{
    struct sum *sum = routes->sums;
    routes->sums = sum->next;
    plmr_reduce_plan_destroy(sum->plan);
    free(sum);
}

void plmr_tiles_forget_sum(plmr_region *region)
{
    forget_sum(region->tiles_routes);
}

plmr_status plmr_tiles_route_relays(plmr_region *region, const char *what, int64_t n_bytes)
{
    plmr_tiles_routes *routes = routes_of(region);
    plmr_routed_before before = plmr_region_routes_begin(region);
    plmr_status status = routes->relays ? PLMR_OK : plmr_relay_route(region);
    if (!status)
        status = plmr_region_charge(region, what, n_bytes);
    routes->relays = routes->relays || !status;
    return plmr_region_routes_end(region, &before, status);
}

void plmr_tiles_routes_destroy(plmr_tiles_routes *routes)
{
    while (routes && routes->sums)
        forget_sum(routes);
    for (int axis = 0; routes && axis < 2; axis++)
        free(routes->sender[axis]);
    free(routes);
}
