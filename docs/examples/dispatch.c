/* Expert dispatch: every core has a token, a vector of D values, which goes to the expert that its router chose; experts
 * are cores with room for CAPACITY tokens each. One flow of messages there, one back; tokens whose expert is full stay.
 * Build: cc dispatch.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include <plmr/plmr.h>

enum { N = 24, TOKENS = N * N, D = 16, EXPERTS = 12, APART = TOKENS / EXPERTS, CAPACITY = 47 };

struct layer {
    plmr_tiles *tokens, *rooms; /* a token; the tokens of an expert, slot by slot */
    int wrong, n;               /* messages: from core to core and slot */
    int32_t token[TOKENS], expert[TOKENS], slot[TOKENS], length[TOKENS];
    float factor[TOKENS]; /* of every token, in the end */
};

static void route(struct layer *l)
{
    int used[EXPERTS] = {0};
    for (int token = 0; token < TOKENS; token++) {
        int e = (int)((uint32_t)token * 2654435761u >> 16) % EXPERTS;
        l->factor[token] = used[e] < CAPACITY ? (float)(e + 2) : 1;
        if (used[e] == CAPACITY)
            continue;
        l->token[l->n] = token;
        l->expert[l->n] = e * APART + N / 2;
        l->slot[l->n] = D * used[e]++;
        l->length[l->n++] = D;
    }
}

static void make(void *context, int row, int col)
{
    struct layer *l = context;
    for (int i = 0; i < D; i++)
        plmr_tiles_at(l->tokens, row, col)[i] = (float)(row * N + col + i);
}

static void work(void *context, int row, int col)
{
    struct layer *l = context;
    for (int i = 0; i < CAPACITY * D; i++)
        plmr_tiles_at(l->rooms, row, col)[i] *= (float)((row * N + col) / APART + 2);
}

static void check(void *context, int row, int col)
{
    struct layer *l = context;
    for (int i = 0; i < D; i++)
        l->wrong += plmr_tiles_at(l->tokens, row, col)[i] != l->factor[row * N + col] * (float)(row * N + col + i);
}

static plmr_status run(plmr_region *region, void *context)
{
    struct layer *l = context;
    plmr_points *there, *back;
    route(l);
    PLMR_TRY(plmr_tiles_create(region, "tokens", D, &l->tokens));
    PLMR_TRY(plmr_tiles_create(region, "experts' tokens", CAPACITY * D, &l->rooms));
    plmr_parts out = {l->n, l->token, l->expert, NULL, l->slot, l->length};
    plmr_parts in = {l->n, l->expert, l->token, l->slot, NULL, l->length};
    PLMR_TRY(plmr_points_create(region, "dispatch", &out, &there));
    PLMR_TRY(plmr_points_create(region, "combine", &in, &back));
    PLMR_TRY(plmr_compute(region, 0, make, l));
    PLMR_TRY(plmr_points_run(there, l->tokens, l->rooms));
    PLMR_TRY(plmr_compute(region, CAPACITY * D, work, l));
    PLMR_TRY(plmr_points_run(back, l->rooms, l->tokens));
    PLMR_TRY(plmr_compute(region, 0, check, l));
    plmr_points_destroy(there);
    plmr_points_destroy(back);
    PLMR_CHECK(l->wrong == 0, PLMR_ERROR_SYSTEM, "%d values are wrong", l->wrong);
    if (plmr_rank() == 0)
        printf("%d of %d tokens found room\n", l->n, TOKENS);
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    plmr_program program = {.name = "dispatch", .rows = N, .cols = N, .run = run, .context = &(struct layer){0}};
    return plmr_program_main(argc, argv, &program);
}
