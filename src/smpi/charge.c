/* Part of builds for simulated clusters (meson -Dsmpi=true) alone: a simulated rank is charged its arithmetic's time by
 * rates, whatever the processor does meanwhile, so that a prediction is the same on every machine.
 *
 * PLMR_SMPI_RATES="ROW CORE FMA BYTE" turns charging on, in seconds: a pass of the time plane over a row of a block,
 * and over each core of the row; a multiply-add of a product of matrices; a byte that a product with a vector reads.
 * Values are then left out, and with them a model's virtual time, which is found apart from them; messages are all there,
 * and so are other clocks. Without it everything is computed and costs nothing.
 *
 * The linker puts __wrap_x in the place of x. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "base/values.h"
#include "infer/step.h"
#include "kernel/kernel.h"
#include "kernel/vector.h"
#include "ranks/simulated.h"
#include "time/clock_rows.h"
#include "verbs/reduce.h"

struct rates {
    double row, core, fma, byte;
};

static const struct rates *rates(void)
{
    static struct rates known;
    static int read; /* 1: charging, -1: not */
    const char *text = read ? NULL : getenv("PLMR_SMPI_RATES");
    if (!read)
        read = text && sscanf(text, "%lf %lf %lf %lf", &known.row, &known.core, &known.fma, &known.byte) == 4 ? 1 : -1;
    return read > 0 ? &known : NULL;
}

bool plmr_simulated_valueless(void)
{
    return rates() != NULL;
}

/* ---- the time plane: clocks are always computed, for virtual time needs them ---- */

const plmr_clock_rows *__real_plmr_clock_rows_chosen(void);
const plmr_clock_rows *__wrap_plmr_clock_rows_chosen(void);

static const plmr_clock_rows *charge_row(int n)
{
    plmr_simulated_work(rates()->row + n * rates()->core);
    return __real_plmr_clock_rows_chosen();
}

static void exchange(int n, int reach, double own, double x_lat, const double *t, const double *up, double up_lat,
                     const double *down, double down_lat, double *next)
{
    charge_row(n)->exchange(n, reach, own, x_lat, t, up, up_lat, down, down_lat, next);
}

static void multicast(int n, double own, double start, const double *x_lat, const double *t, const double *up,
                      double up_lat, const double *down, double down_lat, double *next)
{
    charge_row(n)->multicast(n, own, start, x_lat, t, up, up_lat, down, down_lat, next);
}

static double most(int n, const double *t, double *latest)
{
    return charge_row(n)->most(n, t, latest);
}

static void advance(int n, const double *t, const double *next, double *least, double *latest)
{
    charge_row(n)->advance(n, t, next, least, latest);
}

static void leg(int n, const double *head_src, double flight, double stream, double forward, double *free_dst,
                double *head_dst)
{
    charge_row(n)->leg(n, head_src, flight, stream, forward, free_dst, head_dst);
}

static void chains(int n, int step, double stage, const double *stream, const double *flight, double *const *t,
                   int from, double *word)
{
    charge_row(PLMR_CHAINS * n)->chains(n, step, stage, stream, flight, t, from, word);
}

const plmr_clock_rows *__wrap_plmr_clock_rows_chosen(void)
{
    static const plmr_clock_rows charged = {exchange, multicast, most, advance, leg, chains};
    return rates() ? &charged : __real_plmr_clock_rows_chosen();
}

/* A model's virtual time is found once, apart from its values, and no prediction has it. On many ranks it would take most of a
 * simulation: a step of the reduction in attention is as many messages as a layer's values are. */
plmr_status __real_plmr_layer_time(plmr_cost_pass *pass);
plmr_status __wrap_plmr_layer_time(plmr_cost_pass *pass);

plmr_status __wrap_plmr_layer_time(plmr_cost_pass *pass)
{
    return rates() ? PLMR_OK : __real_plmr_layer_time(pass);
}

/* ---- what each rank would find again ---- */

/* All simulated ranks run here, so one look at the machine is enough. */
plmr_site __real_plmr_machine_site(void);
plmr_site __wrap_plmr_machine_site(void);

plmr_site __wrap_plmr_machine_site(void)
{
    static plmr_site site;
    static bool known;
    if (!known)
        site = __real_plmr_machine_site();
    known = true;
    return site;
}

void __real_plmr_machine_caches(int n_ranks, size_t *l2_bytes, size_t *l3_bytes);
void __wrap_plmr_machine_caches(int n_ranks, size_t *l2_bytes, size_t *l3_bytes);

void __wrap_plmr_machine_caches(int n_ranks, size_t *l2_bytes, size_t *l3_bytes)
{
    static size_t l2, l3;
    static int known_for;
    if (known_for != n_ranks)
        __real_plmr_machine_caches(n_ranks, &l2, &l3);
    known_for = n_ranks;
    *l2_bytes = l2, *l3_bytes = l3;
}

plmr_status __real_plmr_reduce_plan_create(const plmr_reduce_algorithm *algorithm, const plmr_device *device,
                                           enum plmr_axis axis, int n, const plmr_reduce_options *options,
                                           plmr_reduce_plan **out);
plmr_status __wrap_plmr_reduce_plan_create(const plmr_reduce_algorithm *algorithm, const plmr_device *device,
                                           enum plmr_axis axis, int n, const plmr_reduce_options *options,
                                           plmr_reduce_plan **out);

/* Groups of trees are the same on all ranks. To choose them is to try all of them, which is most of a start. */
static struct chosen_groups {
    int n, n_levels, n_groups[PLMR_TREE_LEVELS];
    enum plmr_axis axis;
} chosen[32];

/* What was chosen for such a line; else where to keep it, or NULL: there is no room. */
static struct chosen_groups *groups_of(enum plmr_axis axis, int n, int n_levels)
{
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++) {
        struct chosen_groups *c = &chosen[i];
        if (c->n == 0)
            *c = (struct chosen_groups){.n = n, .n_levels = n_levels, .axis = axis};
        if (c->n == n && c->n_levels == n_levels && c->axis == axis)
            return c;
    }
    return NULL;
}

plmr_status __wrap_plmr_reduce_plan_create(const plmr_reduce_algorithm *algorithm, const plmr_device *device,
                                           enum plmr_axis axis, int n, const plmr_reduce_options *options,
                                           plmr_reduce_plan **out)
{
    bool chooses = algorithm == plmr_reduce_find("ktree") && options->n_group_levels == 0 && options->n_levels > 1;
    struct chosen_groups *groups = chooses ? groups_of(axis, n, options->n_levels) : NULL;
    plmr_reduce_options given = *options;
    if (groups && groups->n_groups[0]) {
        memcpy(given.n_groups, groups->n_groups, sizeof given.n_groups);
        given.n_group_levels = options->n_levels - 1;
    }
    PLMR_TRY(__real_plmr_reduce_plan_create(algorithm, device, axis, n, &given, out));
    if (groups)
        memcpy(groups->n_groups, (*out)->groups, sizeof groups->n_groups);
    return PLMR_OK;
}

/* ---- the data plane ---- */

void __real_plmr_gemm_block_run(const plmr_gemm_block *block, plmr_gemm_scratch *scratch);
void __wrap_plmr_gemm_block_run(const plmr_gemm_block *block, plmr_gemm_scratch *scratch);

/* What values there are is of no matter: made-up ones are zeros, and weights, which are most of the memory, are never written, so that
 * they take none. */
void __real_plmr_source_synthetic(plmr_source *source, uint64_t seed, int64_t rows, int64_t cols);
void __wrap_plmr_source_synthetic(plmr_source *source, uint64_t seed, int64_t rows, int64_t cols);

static plmr_status get_zeros(const plmr_source *source, int64_t row, int64_t col, int n_rows, int n_cols, float *out,
                             size_t ld)
{
    (void)source, (void)row, (void)col;
    for (int i = 0; i < n_rows; i++)
        memset(out + (size_t)i * ld, 0, (size_t)n_cols * sizeof *out);
    return PLMR_OK;
}

void __wrap_plmr_source_synthetic(plmr_source *source, uint64_t seed, int64_t rows, int64_t cols)
{
    __real_plmr_source_synthetic(source, seed, rows, cols);
    if (rates())
        source->get = get_zeros;
}

void __real_plmr_convert_from_float(enum plmr_dtype dtype, int64_t n, const float *restrict from, void *restrict to);
void __wrap_plmr_convert_from_float(enum plmr_dtype dtype, int64_t n, const float *restrict from, void *restrict to);

void __wrap_plmr_convert_from_float(enum plmr_dtype dtype, int64_t n, const float *restrict from, void *restrict to)
{
    if (!rates())
        __real_plmr_convert_from_float(dtype, n, from, to);
}

void __real_plmr_convert_to_float(enum plmr_dtype dtype, int64_t n, const void *restrict from, float *restrict to);
void __wrap_plmr_convert_to_float(enum plmr_dtype dtype, int64_t n, const void *restrict from, float *restrict to);

void __wrap_plmr_convert_to_float(enum plmr_dtype dtype, int64_t n, const void *restrict from, float *restrict to)
{
    if (!rates())
        __real_plmr_convert_to_float(dtype, n, from, to);
}

static double elements(int n_runs, const plmr_run *runs, int size)
{
    double n = 0;
    for (int i = 0; i < n_runs; i++)
        n += (double)runs[i].count * size;
    return n;
}

/* Messages are helped on their way now and then, as by the real kernel. */
void __wrap_plmr_gemm_block_run(const plmr_gemm_block *block, plmr_gemm_scratch *scratch)
{
    enum { PARTS = 4 };
    if (!rates()) {
        __real_plmr_gemm_block_run(block, scratch);
        return;
    }
    double rows = elements(block->n_row_runs, block->row_runs, block->ms);
    double cols = elements(block->n_col_runs, block->col_runs, block->ns);
    for (int part = 1; part <= PARTS; part++) {
        plmr_simulated_work(rates()->fma * rows * cols * block->kt * (block->t1 - block->t0) / PARTS);
        if (block->progress)
            block->progress(block->progress_context, (double)part / PARTS);
    }
}

const plmr_vector_functions *__real_plmr_vectors(void);
const plmr_vector_functions *__wrap_plmr_vectors(void);

static void gemv_onto(enum plmr_dtype dtype, enum plmr_dtype accumulate, int kt, int64_t n, const float *x,
                      const void *b, size_t ldb, const float *onto, float *part, const void *next)
{
    (void)accumulate, (void)x, (void)b, (void)ldb, (void)onto, (void)part, (void)next;
    plmr_simulated_work(rates()->byte * kt * (double)n * (double)plmr_dtype_bytes(dtype));
}

static void gemv_program(enum plmr_dtype dtype, const plmr_gemv_program *program, float *stack)
{
    double n_rows = 0;
    for (int i = 0; i < program->n_ops; i++)
        n_rows += program->ops[i].kind != PLMR_TREE_MERGE && program->row[program->ops[i].core] >= 0 ? program->kt : 0;
    (void)stack;
    plmr_simulated_work(rates()->byte * n_rows * program->n_strips * program->n_cols * (double)plmr_dtype_bytes(dtype));
}

static void squares(int64_t n, int kt, const float *x, float *sums)
{
    (void)x, (void)sums;
    plmr_simulated_work(rates()->fma * (double)n * kt);
}

const plmr_vector_functions *__wrap_plmr_vectors(void)
{
    static plmr_vector_functions charged;
    charged = *__real_plmr_vectors();
    charged.gemv_onto = gemv_onto;
    charged.gemv_program = gemv_program;
    charged.squares = squares;
    return rates() ? &charged : __real_plmr_vectors();
}

const plmr_line_functions *__real_plmr_lines(void);
const plmr_line_functions *__wrap_plmr_lines(void);

static void gemv_lines(enum plmr_dtype dtype, const plmr_gemv_lines *lines)
{
    plmr_simulated_work(rates()->byte * (double)lines->n * PLMR_LINE_COLS * (double)plmr_dtype_bytes(dtype));
}

/* Once, before a matrix's first use: not charged. */
static void turn(size_t element_bytes, int n, int64_t n_k, const char *const *from, const int32_t *row, void *to,
                 size_t ld)
{
    (void)element_bytes, (void)n, (void)n_k, (void)from, (void)row, (void)to, (void)ld;
}

const plmr_line_functions *__wrap_plmr_lines(void)
{
    static plmr_line_functions charged;
    charged = *__real_plmr_lines();
    charged.gemv_lines = gemv_lines;
    charged.turn = turn;
    return rates() ? &charged : __real_plmr_lines();
}

const plmr_few_functions *__real_plmr_few(void);
const plmr_few_functions *__wrap_plmr_few(void);

static void few_multiply(enum plmr_dtype dtype, const plmr_few_product *product)
{
    double each = fmax(rates()->fma * (double)product->pitch, rates()->byte * (double)plmr_dtype_bytes(dtype));
    plmr_simulated_work(each * PLMR_FEW_COLS * (double)product->n_k);
}

const plmr_few_functions *__wrap_plmr_few(void)
{
    static plmr_few_functions charged;
    charged = (plmr_few_functions){.lanes = __real_plmr_few()->lanes, .multiply = few_multiply};
    return rates() ? &charged : __real_plmr_few();
}

const plmr_packed_functions *__real_plmr_packed(void);
const plmr_packed_functions *__wrap_plmr_packed(void);

/* Charged with the products that what is widened goes into. */
static void widen(enum plmr_packing packing, int64_t n_blocks, const unsigned char *wanted,
                  const unsigned char *const *from, const unsigned char *const *next, uint16_t *to)
{
    (void)packing, (void)n_blocks, (void)wanted, (void)from, (void)next, (void)to;
}

static void add_rows(const plmr_gemv_rows *rows)
{
    plmr_simulated_work(rates()->byte * (double)((rows->end - rows->first) * PLMR_PACKED_COLS) * sizeof(uint16_t));
}

const plmr_packed_functions *__wrap_plmr_packed(void)
{
    static const plmr_packed_functions charged = {.widen = widen, .add_rows = add_rows};
    return rates() ? &charged : __real_plmr_packed();
}

const plmr_few_packed_functions *__real_plmr_few_packed(void);
const plmr_few_packed_functions *__wrap_plmr_few_packed(void);

static void packed_multiply(const plmr_packed_product *product)
{
    double each = fmax(rates()->fma * (double)product->n_rows, rates()->byte * sizeof(uint16_t));
    plmr_simulated_work(each * PLMR_PACKED_COLS * (double)product->n_k);
}

const plmr_few_packed_functions *__wrap_plmr_few_packed(void)
{
    static const plmr_few_packed_functions charged = {.multiply = packed_multiply};
    return rates() ? &charged : __real_plmr_few_packed();
}

const plmr_attention_functions *__real_plmr_attention(void);
const plmr_attention_functions *__wrap_plmr_attention(void);

static void charge_scores(const plmr_tree_op *ops, int n_ops, int s, int n_rows, int64_t n_keys, const float *q,
                          size_t ldq, enum plmr_dtype dtype, const void *kt, size_t ldk, float *scores, size_t lds)
{
    (void)ops, (void)q, (void)ldq, (void)kt, (void)ldk, (void)scores, (void)lds;
    double each = fmax(rates()->fma * n_rows, rates()->byte * (double)plmr_dtype_bytes(dtype));
    plmr_simulated_work(each * n_ops * s * (double)n_keys);
}

static double span_length(int n, const plmr_span *spans)
{
    double length = 0;
    for (int i = 0; i < n; i++)
        length += spans[i].to > spans[i].from ? (double)(spans[i].to - spans[i].from) : 0;
    return length;
}

static void weighted_sums(int n_rows, int n_cols, const float *p, size_t ldp, const plmr_span *first,
                          const plmr_span *second, const float *v, size_t ldv, float *out, size_t ldo)
{
    (void)p, (void)ldp, (void)v, (void)ldv, (void)out, (void)ldo;
    plmr_simulated_work(rates()->fma * n_cols * (span_length(n_rows, first) + span_length(n_rows, second)));
}

static void weighted_program(const plmr_weighted_program *program)
{
    double n_keys = 0, bytes = program->n_cols * (double)plmr_dtype_bytes(program->dtype) + sizeof(float);
    for (const plmr_tree_op *op = program->ops; op < program->ops + program->n_ops; op++)
        n_keys += op->kind == PLMR_TREE_MERGE ? 0 : program->first[op->core + 1] - program->first[op->core];
    plmr_simulated_work(rates()->byte * program->n_rows * n_keys * bytes);
}

const plmr_attention_functions *__wrap_plmr_attention(void)
{
    static const plmr_attention_functions charged = {charge_scores, weighted_sums, weighted_program};
    return rates() ? &charged : __real_plmr_attention();
}
