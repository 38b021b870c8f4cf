/* traffic.h - what ranks send each other while values of a model are made: by which their grid is chosen. */
#pragma once

#include "model/shape.h"
#include "ranks/mapping.h"

/* Of n_prompt tokens that are prefilled and n_decode that follow, through n_layers. A prompt's products take their rows of
 * activations, in f32, from along x, once for all products of one activation, and their columns of weights, once for the
 * prompt, from along y; a token's sums in f32 go along y where the model's dimension comes in and along x where it comes
 * out, and the vocabulary's along y. Left out is what is small beside: norms, keys and values, messages' latencies.
 *
 * For example a layer of llama3-8b, dimension 4,096, queries 4,096, keys and values 1,024 each, FFN 14,336: a token has 4,096
 * elements for queries, keys and values, 4,096 for the attention's output, 4,096 for gate and up and 14,336 for down, so
 * 2,048 of them 218 MB along x; the weights are 218 M of 2 bytes, 436 MB along y. A token in decode has sums of 4,096 + 2
 * x 1,024 + 2 x 14,336 elements along y, 139 kB, and twice 4,096 along x, 33 kB. Local. */
plmr_rank_traffic plmr_model_traffic(const plmr_model_shape *shape, int n_layers, int64_t n_prompt, int64_t n_decode);
