/* points.h - the inside of flows of messages: what the files that make and carry them out share. */
#pragma once

#include "plmr/points.h"
#include "ranks/ranks.h"
#include "region/profile.h"
#include "region/region.h"
#include "time/points.h"

/* What ranks tell each other of a message. */
struct plmr_came {
    plmr_core_place from, to;
    int32_t words, first_to, n_values;
};

/* Values under way between ranks, one piece for each rank: what its cores send, message by message, or get. */
typedef struct plmr_points_values {
    int64_t *n_out, *n_in; /* values, by rank; those that stay on this rank are not among them, but after all others */
    int n_each; /* values in every message that comes, one a core, to the first of its tile on; or 0, and else */
    int64_t n_landings;            /* where those of each message */
    struct plmr_landing *landings; /* are put, in that order */
    float *in;                     /* room for all that come, kept; what stays is put there when it begins */
    plmr_dealing *dealing;         /* NULL: this rank has all */
    struct plmr_ends *from, *to;   /* alike in all lines: messages of a line that this rank's cores send, and get; */
    int64_t n_from, n_to;
    float *out; /* while under way */
    plmr_exchange *messages;
} plmr_points_values;

struct plmr_points {
    plmr_region *region;
    char *name;
    plmr_messages messages; /* this rank's, in arrays that are the flow's; */
    bool alike;             /* or those of line 0 along the axis, every line's being the same */
    enum plmr_axis axis;
    int n_each;                     /* values in every message, from the first of a tile on; or 0, and else */
    int32_t *first_from, *n_values; /* by message in the order in which they go */
    int64_t from_size, to_size;     /* floats that tiles have at least; alike on all ranks, as are those below */
    struct plmr_cores {
        int least[2], most[2]; /* by axis */
    } senders, receivers;      /* cores among which they are; of none least is larger */
    uint64_t n_links;          /* wavelets times links, */
    uint64_t n_borders;        /* and those of them that are borders */
    int64_t hops;              /* of the longest way */
    int64_t relay_bytes;       /* charged to every core */
    plmr_profile *links;       /* wavelets by link; NULL: none are kept */
    plmr_points_values values;
    plmr_tiles *into; /* under way: where values go; NULL: not under way */
    plmr_arrivals arrivals;
    struct plmr_points *next;  /* of those under way in the region, */
    struct plmr_points *older; /* and of all in it */
};

/* An error if `which` message does not go as one. Patterns ask of theirs, for a list's numbers are a rank's own. */
plmr_status plmr_points_check_words(const plmr_region *region, const char *name, const char *which, int32_t n_values);

/* Routes, or relays; links and ways. */
plmr_status plmr_points_route(plmr_points *points);

/* Notes in the region's profile over which links a flow's words go. */
void plmr_points_note_ways(plmr_points *points);

/* Messages of line 0 that all lines along an axis have likewise, from place i of the line to place j: takes what they
 * are from `list`, whose cores are such places. Every rank has all of them. Collective. */
plmr_status plmr_points_create_alike(plmr_region *region, const char *name, enum plmr_axis axis,
                                     const plmr_parts *parts, plmr_points **points);

/* All messages are one core's, as long as each other and from the same place of its tile, and go as one. Collective. */
plmr_status plmr_points_create_fan(plmr_region *region, const char *name, const plmr_parts *parts,
                                   plmr_points **points);

/* What clocks and values of the messages of a region, or of one of its lines, need: whose they are, how long they take, where
 * in tiles they go. Collective. */
void plmr_points_plan(plmr_points *points, const plmr_region *of, const int32_t *first_to);

/* What the values' ways need, of n messages that come; begin and end. */
void plmr_points_values_plan(plmr_points *points, const struct plmr_came *came, int64_t n, const int32_t *first_to);
void plmr_points_values_begin(plmr_points *points, const plmr_tiles *from);
void plmr_points_values_end(plmr_points *points, plmr_tiles *to);
void plmr_points_values_free(plmr_points_values *values);

/* Tiles are destroyed: flows that bring something to them are under way no more, which their regions complain of. */
void plmr_points_give_up(const plmr_tiles *tiles);

/* Destroys all flows of a region. */
void plmr_points_destroy_all(plmr_region *region);

/* An error if a flow of the region is under way. */
plmr_status plmr_points_check_ended(const plmr_region *region);

/* ---- for patterns ---- */

/* A list of messages as it grows. */
typedef struct plmr_parts_list {
    plmr_parts parts; /* in arrays that are the list's */
    int64_t room;
} plmr_parts_list;

void plmr_parts_add(plmr_parts_list *list, int32_t from, int32_t to, int32_t first_from, int32_t first_to,
                    int32_t n_values);

/* Makes the flow, and frees the list. */
plmr_status plmr_parts_flow(plmr_parts_list *list, plmr_region *region, const char *name, plmr_points **points);

/* Is the core of this rank's block? */
bool plmr_points_is_here(const plmr_region *region, int32_t core);

/* Cores are numbered by int32_t: an error of a region that has more. */
plmr_status plmr_points_check_size(const plmr_region *region, const char *name);

/* What every pattern asks of its arguments. */
plmr_status plmr_points_check_pattern(plmr_region *region, const char *name, int n_values, plmr_points *const *points,
                                      const char *verb);
