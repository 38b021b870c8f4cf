/* tune.h - searches where and how a language model runs fastest on a device: the region of cores of each phase, the
 * levels and groups of its allreduces, fusing, and the layers of a region. Pure time plane: no values, no printing.
 *
 * Prefill and decode do not depend on each other's choice: prefill's ends with the relayout, decode's begins with the
 * first logits. So each is searched by itself, and the best of both are the best for time to first token, for time per
 * output token and for the whole request. But for one thing: experts stay on their wafers, so those that share them are
 * the same in both phases (report.h).
 */
#pragma once

#include "device/standing.h"
#include "infer/timing.h"

/* Regions have at least an eighth of the device's shorter side, but no fewer rows and columns than these, and no more than those. */
enum { PLMR_TUNE_LEAST_SIDE = 3, PLMR_TUNE_MOST_LEAST = 8 };
int plmr_tune_least_side(const plmr_device *device);

typedef struct plmr_tune_task {
    plmr_ranks *ranks; /* one row of ranks */
    const plmr_device *device;
    const plmr_evidence_list *evidence; /* of the device; rank 0's */
    const plmr_model_shape *shape;
    plmr_llm_setup setup; /* all but the phase searched for; its progress is the search's */
    bool decode;          /* the phase: decode, of n_tokens - n_prompt tokens, else prefill */
    int wide;             /* wafers that share the experts of a layer; 0: any */
} plmr_tune_task;

/* Tokens that decode makes. */
static inline int64_t plmr_tune_decodes(const plmr_tune_task *task)
{
    return task->setup.n_tokens - task->setup.n_prompt;
}

/* Why a choice does not fit, whatever its routes: the first of these. */
enum plmr_tune_lack {
    PLMR_TUNE_LACKS_NOTHING = 0,
    PLMR_TUNE_LACKS_SRAM,
    PLMR_TUNE_LACKS_CACHE,
    PLMR_TUNE_LACKS_WAFERS
};

/* What a choice comes to: the cost of the phase, all tokens of it. In prefill a choice has rows = cols, groups are
 * chosen by the model, and `unfused` is of no meaning. */
typedef struct plmr_tune_result {
    plmr_phase_setup point;
    plmr_placement placement;
    plmr_phase_cost cost;
    double aside_cycles; /* of them: the relayout, or the first logits */
    int64_t n_tokens;    /* that the cache is to hold */
    int replicas;        /* as often all of it is there */
    int64_t n_wafers;    /* that its stages take */
    bool wafers_matter;  /* more than time: there is no saying how many there are */
    double loss;         /* by the setup's aim; 0: there is none, and time decides */
    enum plmr_tune_lack lack;
    bool over_routes; /* a core's */
} plmr_tune_result;

/* What a choice that exceeds memory or routes would take is said, too. Collective. */
plmr_status plmr_tune_evaluate(const plmr_tune_task *task, const plmr_phase_setup *point, plmr_tune_result *result);

/* The same of a choice that may be none, as where the device's defects leave its region no place: *refusal then says so,
 * for the caller to free, and there is no result; else it is NULL. */
plmr_status plmr_tune_try(const plmr_tune_task *task, const plmr_phase_setup *point, plmr_tune_result *result,
                          plmr_status *refusal);

/* Whether a is to be preferred: what fits to what does not, fewer wafers where it is not said how many there are, what the
 * aim wants, less time. */
bool plmr_tune_is_better(const plmr_tune_result *a, const plmr_tune_result *b);

/* All choices that a search has looked at. */
typedef struct plmr_tune_search {
    const plmr_tune_task *task;
    int n_sides, *sides; /* rows and columns that are worth trying, rising */
    int n_results;
    plmr_tune_result *results; /* rows, cols, ... as evaluated: no two alike */
    plmr_status refusal;       /* of the first choice that was refused; NULL: none was */
} plmr_tune_search;

/* Numbers of rows or columns, rising: those with which some dimension of the model or of the request is dealt in
 * smaller chunks than with one fewer; the vocabulary, which is met once a token, only if `finely`. Between two of them
 * all tiles are alike, and more cores are only farther, but for how evenly a tree's groups come out. At most `most`. For
 * the caller to free. Local. */
int *plmr_tune_sides(const plmr_tune_task *task, bool finely, int most, int *n_sides);

/* From the best of a coarse grid of squares, and in decode of oblongs, step by step to the better neighbour; from the
 * best of all with finer steps. Results are then sorted, best first. What the model refuses is left out. Fails where nothing
 * fits the device. Collective. */
plmr_status plmr_tune_search_run(const plmr_tune_task *task, plmr_tune_search *search);
void plmr_tune_search_free(plmr_tune_search *search);

/* The best choice of each of the n best regions, as indices into results; returns how many there are. */
int plmr_tune_best(const plmr_tune_search *search, int n, int *indices);

/* What holds a choice back: one of P, L, M and R, and why. */
enum { PLMR_TUNE_BINDS = 4 };
typedef struct plmr_tune_bind {
    char letter, why[160];
} plmr_tune_bind;

/* P or L, by what most of the time goes into, and by what a larger region would change; M and R where the search has
 * met a faster choice that exceeds memory or routes. Returns how many there are in *n. Collective: looks at one more
 * choice. */
plmr_status plmr_tune_find_binds(const plmr_tune_search *search, const plmr_tune_result *result,
                                 plmr_tune_bind binds[PLMR_TUNE_BINDS], int *n);
