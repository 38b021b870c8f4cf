#include "baseline/roofline.h"

#include "infer/step.h"

const plmr_gpu plmr_gpu_a100 = {.name = "A100", .flops = 312e12, .bandwidth = 2.039e12, .power = 400};

enum { ELEMENT_BYTES = 2 };

static double roof_s(const plmr_gpu *gpu, int n, double flops, double n_bytes)
{
    double arithmetic_s = flops / (gpu->flops * n), memory_s = n_bytes / (gpu->bandwidth * n);
    return arithmetic_s > memory_s ? arithmetic_s : memory_s;
}

/* Parameters that every token is multiplied with: all but the table of embeddings, which is looked up. */
static double multiplied(const plmr_model_shape *shape)
{
    double layers = (double)plmr_model_layer_needs(shape).weights * shape->n_layers;
    return layers + shape->dim + (double)shape->n_vocab * shape->dim;
}

static double token_bytes(const plmr_model_shape *shape)
{
    return (double)plmr_model_layer_needs(shape).cache * shape->n_layers * ELEMENT_BYTES;
}

/* Scores and weighted values of a token with so many to look at. */
static double attention_flops(const plmr_model_shape *shape, double n_context)
{
    return 2 * n_context * shape->n_layers * (double)plmr_model_layer_needs(shape).context_macs;
}

double plmr_roofline_prefill_s(const plmr_gpu *gpu, int n, const plmr_model_shape *shape, int64_t n_tokens)
{
    double tokens = (double)n_tokens, output = (double)shape->n_vocab * shape->dim;
    double each = 2 * (multiplied(shape) - output) + attention_flops(shape, tokens / 2);
    return roof_s(gpu, n, tokens * each + 2 * output, multiplied(shape) * ELEMENT_BYTES);
}

double plmr_roofline_token_s(const plmr_gpu *gpu, int n, const plmr_model_shape *shape, int64_t n_context)
{
    double context = (double)n_context;
    return roof_s(gpu, n, 2 * multiplied(shape) + attention_flops(shape, context),
                  multiplied(shape) * ELEMENT_BYTES + context * token_bytes(shape));
}

double plmr_roofline_gemv_s(const plmr_gpu *gpu, int n, int64_t k, int64_t n_columns)
{
    double elements = (double)k * (double)n_columns;
    return roof_s(gpu, n, 2 * elements, elements * ELEMENT_BYTES);
}
