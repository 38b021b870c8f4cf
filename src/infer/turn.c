#include "infer/turn.h"

#include "base/wall.h"

/* Of a token's time, by measurement on one and two ranks. */
static const double saved = 0.4;

static double elements(const plmr_matrix *m)
{
    return (double)m->n_in * (double)m->n_out;
}

void plmr_turn_plan(plmr_engine *engine)
{
    enum { SHORT = 64 };
    if (engine->setup.n_batch == 1 && engine->n_prefilled <= SHORT)
        plmr_engine_read_in_place(engine);
}

static double elements_in_place(const plmr_engine *e)
{
    double sum = e->output.in_place ? elements(&e->output) : 0;
    for (int layer = 0; layer < e->n_layers; layer++)
        for (int which = 0; which < PLMR_N_WEIGHTS; which++) {
            const plmr_matrix *m = e->layers[layer].matrix[which];
            sum += m && m->in_place ? elements(m) : 0;
        }
    return sum;
}

/* What has been spent since start_s is worth it up to worth_s; an element more saves each_s. */
struct stake {
    double start_s, worth_s, each_s;
};

static void turn(struct stake *s, plmr_matrix *m)
{
    if (!m || !m->in_place || plmr_wall_s() - s->start_s >= s->worth_s)
        return;
    m->in_place = false;
    plmr_matrix_keep(m);
    s->worth_s += s->each_s * elements(m);
}

/* Some of the memory may be at hand: what the first take says little of the rest, so that an eighth of all that there is to save is
 * staked. What a layer was made of is let go before the next one takes more. */
void plmr_turn_if_it_pays(plmr_engine *engine, double token_s, int64_t n_tokens)
{
    double all = elements_in_place(engine), saves_s = saved * token_s * (double)n_tokens;
    struct stake stake = {plmr_wall_s(), saves_s / 8, saves_s / (all + 1)};
    for (int layer = 0; layer < engine->n_layers; layer++) {
        for (int which = 0; which < PLMR_N_WEIGHTS; which++)
            turn(&stake, engine->layers[layer].matrix[which]);
        plmr_engine_forget(engine, layer);
    }
    turn(&stake, &engine->output);
    engine->turned_s += plmr_wall_s() - stake.start_s;
}
