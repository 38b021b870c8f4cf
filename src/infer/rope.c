#include "infer/rope.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

int plmr_rope_first_context(const plmr_model_shape *shape)
{
    return shape->scaling.n_context ? shape->scaling.n_context : shape->n_context;
}

/* The pair that turns so many times in the first context, as a real number. */
static double pair_of(const plmr_model_shape *shape, double turns)
{
    const double pi = 3.14159265358979323846;
    return shape->rope_dim * log(plmr_rope_first_context(shape) / (turns * 2 * pi)) / (2 * log(shape->rope_base));
}

/* How much of a pair's angle is scaled: all; or, with YaRN, none up to a pair, all from another on, a ramp between. */
static double scaled_share(const plmr_model_shape *shape, int64_t pair)
{
    const plmr_rope_scaling *scaling = &shape->scaling;
    if (!scaling->is_yarn)
        return 1;
    double low = fmax(0, floor(pair_of(shape, scaling->fast)));
    double high = fmin(shape->rope_dim - 1, ceil(pair_of(shape, scaling->slow)));
    double along = ((double)pair - low) / fmax(0.001, high - low);
    return fmin(1, fmax(0, along));
}

/* Radians from one position to the next. */
static double speed_of(const plmr_model_shape *shape, bool plain, const float *factors, int64_t pair)
{
    double base = plain ? shape->window_rope_base : shape->rope_base;
    double speed = pow(base, -2.0 * (double)pair / shape->rope_dim) / (factors ? factors[pair] : 1);
    double share = plain || shape->scaling.factor == 1 ? 0 : scaled_share(shape, pair);
    return share == 0 ? speed : speed * (share / shape->scaling.factor + 1 - share);
}

static double magnitude_of(const plmr_model_shape *shape, bool plain)
{
    const plmr_rope_scaling *scaling = &shape->scaling;
    if (plain)
        return 1;
    double grown = scaling->is_yarn && scaling->factor > 1 ? 0.1 * log(scaling->factor) : 0;
    return scaling->magnitude * (1 + grown) / (1 + scaling->log_scale * grown);
}

static void fill(const plmr_model_shape *shape, bool window, const float *factors, int64_t n, float *cosine,
                 float *sine)
{
    int64_t n_pairs = shape->rope_dim / 2;
    bool plain = window && shape->window_rope_base != 0;
    double magnitude = magnitude_of(shape, plain);
    for (int64_t i = 0; i < n_pairs; i++) {
        double speed = speed_of(shape, plain, factors, i);
        for (int64_t position = 0; position < n; position++) {
            cosine[position * n_pairs + i] = (float)(cos((double)position * speed) * magnitude);
            sine[position * n_pairs + i] = (float)(sin((double)position * speed) * magnitude);
        }
    }
}

plmr_rope plmr_rope_create(const plmr_model_shape *shape, const float *factors, int64_t n)
{
    plmr_rope rope;
    size_t n_bytes = (size_t)(n * (shape->rope_dim / 2)) * sizeof(float);
    for (int window = 0; window < 2; window++) {
        rope.cosine[window] = plmr_take(n_bytes);
        rope.sine[window] = plmr_take(n_bytes);
        fill(shape, window, factors, n, rope.cosine[window], rope.sine[window]);
    }
    return rope;
}

void plmr_rope_free(plmr_rope *rope)
{
    for (int window = 0; window < 2; window++) {
        free(rope->cosine[window]);
        free(rope->sine[window]);
    }
}
