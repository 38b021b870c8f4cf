/* record.h - what is known of one run of one algorithm, and its form as JSON.
 *
 * The list is the only place that names the fields: the struct, the JSON keys and their order are made from it.
 * X(type, key). A text that is NULL, a count that is -1, a real that is not finite and a hash that is not known are
 * null in JSON. The keys down to `date` are fixed; others may be added after them.
 */
#pragma once

#include <jansson.h>

#include "base/build.h"
#include "plmr/status.h"
#include "plmr/types.h"
#include "ranks/ranks.h"

/* clang-format off */
#define PLMR_ENERGY_FIELDS(X)    /* an estimate from the bottom up: see plmr_device_energy */                          \
    X(real, energy_estimate_j)                                                                                         \
    X(real, energy_compute_j)                                                                                          \
    X(real, energy_sram_j)                                                                                             \
    X(real, energy_fabric_j)                                                                                           \
    X(real, energy_idle_j)

#define PLMR_STANDING_FIELDS(X)  /* of the times above: see device/standing.h */                                       \
    X(text, standing)            /* the weakest tag of the device's numbers that they rest on, */                      \
    X(text, standing_of)         /* those that have it, */                                                             \
    X(text, rests_on)            /* and all */                                                                         \
    X(real, uncertainty)         /* RMS error of measurements that rest on the same; null: none is known */            \
    X(text, uncertainty_of)      /* their sets, or "none known" */

#define PLMR_WAFER_LINK_FIELDS(X) /* from wafer to wafer; null: ways are as those within one */                       \
    X(real, link_bytes_s)                                                                                              \
    X(real, link_bytes)          /* that went so */                                                                    \
    X(real, energy_link_j)       /* for that; null: not known */

#define PLMR_OUTSIDE_FIELDS(X)   /* what comes in while cores work; null: all is there */                              \
    X(real, outside_bytes)       /* in the whole run, */                                                               \
    X(real, outside_cycles)      /* which took so long, */                                                             \
    X(real, cycles_outside)      /* of these those that cores waited */                                                \
    X(real, outside_host_share)  /* what of it DRAM has no room for */                                                 \
    X(text, outside)             /* "weights", or "weights and cache" */                                               \
    X(text, bound)               /* of decode's tokens, or else the prompt: "outside" or "cores" */                    \
    X(real, energy_outside_j)    /* of taking it in, beside the estimate; null: not known */

#define PLMR_RECORD_FIELDS(X)                                                                                          \
    X(text, command)                                                                                                   \
    X(text, algorithm)                                                                                                 \
    X(text, device)                                                                                                    \
    X(count, rows)               /* cores */                                                                           \
    X(count, cols)                                                                                                     \
    X(count, m)                                                                                                        \
    X(count, k)                                                                                                        \
    X(count, n)                                                                                                        \
    X(text, dtype)                                                                                                     \
    X(text, mode)                                                                                                      \
    X(count, ranks)                                                                                                    \
    X(real, cycles)                                                                                                    \
    X(real, virtual_s)           /* cycles over the device's clock */                                                  \
    X(real, compute_cycles)                                                                                            \
    X(real, efficiency)          /* compute_cycles over cycles */                                                      \
    X(count, hops_critical)                                                                                            \
    X(count, stages_critical)                                                                                          \
    X(count, routes_max)                                                                                               \
    X(count, routes_limit)                                                                                             \
    X(count, sram_peak_bytes)                                                                                          \
    X(count, sram_limit_bytes)                                                                                         \
    X(count, wavelet_hops)                                                                                             \
    X(real, energy_j)            /* the device's power times virtual_s; null where the power is unknown */             \
    X(count, padded_m)                                                                                                 \
    X(count, padded_k)                                                                                                 \
    X(count, padded_n)                                                                                                 \
    X(text, violates)            /* "", "M", "R" or "M,R" */                                                           \
    X(real, verify_max_abs_err)                                                                                        \
    X(real, verify_max_rel_err)  /* the same over the largest element of the reference */                              \
    X(hash, checksum)            /* of the result's bits: 16 hexadecimal digits */                                     \
    X(real, wall_s)                                                                                                    \
    X(real, core_steps_per_s)                                                                                          \
    X(real, gflops)              /* useful ones, without padding */                                                    \
    X(text, version)                                                                                                   \
    X(text, host)                                                                                                      \
    X(text, date)                /* ISO 8601, UTC */                                                                   \
    X(text, accumulate)                                                                                                \
    X(text, transposed)          /* "B" for C = A B^T, else "" */                                                      \
    X(count, steps)              /* compute steps of each core */                                                      \
    X(count, routes_program)     /* distinct routes of the whole program */                                            \
    X(text, groups)              /* of a reduction tree, level by level: "24", "40,5" */                               \
    X(count, seed)               /* of synthetic values */                                                             \
    X(text, verified)            /* "yes", "no": an element is further off than rounding allows, or null: not checked */  \
    X(real, verify_bound)        /* the largest error that rounding allows any checked element */                      \
    X(count, verify_elements)    /* checked */                                                                         \
    X(text, ranks_grid)          /* "2x3": rows x columns of ranks */                                                  \
    X(text, kernel)              /* instruction set of the arithmetic on the host */                                   \
    X(text, error)               /* why there are no cycles: what the device cannot hold */                            \
    X(real, multiply_adds)       /* with padding */                                                                    \
    X(count, border_hops)        /* of wavelet_hops those over borders */                                              \
    PLMR_ENERGY_FIELDS(X)                                                                                              \
    PLMR_STANDING_FIELDS(X)
/* clang-format on */

/* The same for a run of a language model; `host` and `date` end the fixed keys. */
/* clang-format off */
#define PLMR_LLM_RECORD_FIELDS(X)                                                                                      \
    X(text, command)                                                                                                   \
    X(text, model)                                                                                                     \
    X(text, device)                                                                                                    \
    X(count, ranks)                                                                                                    \
    X(text, mode)                                                                                                      \
    X(count, prompt_tokens)                                                                                            \
    X(count, output_tokens)                                                                                            \
    X(count, prefill_rows)       /* cores */                                                                           \
    X(count, prefill_cols)                                                                                             \
    X(count, decode_rows)                                                                                              \
    X(count, decode_cols)                                                                                              \
    X(text, kv)                  /* "shift" or "concat" */                                                             \
    X(real, prefill_cycles)                                                                                            \
    X(real, decode_cycles_first) /* of the first token that decode makes, and of the last */                           \
    X(real, decode_cycles_last)                                                                                        \
    X(real, ttft_s)              /* virtual: prefill, relayout, first logits */                                        \
    X(real, tpot_s)              /* virtual: decode's time for each token */                                           \
    X(real, tpr_prefill)         /* tokens per virtual second and request */                                           \
    X(real, tpr_decode)                                                                                                \
    X(real, tpr_e2e)             /* output tokens over ttft_s and decode */                                            \
    X(count, sram_peak_bytes)                                                                                          \
    X(count, sram_limit_bytes)                                                                                         \
    X(count, routes_max)                                                                                               \
    X(count, kv_capacity_tokens) /* of each request */                                                                 \
    X(count, stages)             /* regions that decode's layers need */                                               \
    X(real, wall_s)                                                                                                    \
    X(real, wall_prefill_tok_s)                                                                                        \
    X(real, wall_decode_tok_s)                                                                                         \
    X(real, energy_j)            /* one device's power times virtual time */                                           \
    X(text, version)                                                                                                   \
    X(text, host)                                                                                                      \
    X(text, date)                                                                                                      \
    X(text, phase)               /* "prefill", "decode" or "both" */                                                   \
    X(text, as_published)        /* "yes" or "no" */                                                                   \
    X(count, batch)                                                                                                    \
    X(count, context_tokens)     /* in the cache when decode starts */                                                 \
    X(text, layers)              /* "0..31": which of the model's are placed and computed */                           \
    X(count, layers_model)                                                                                             \
    X(text, dtype)               /* of weights and activations in cores */                                             \
    X(text, kv_dtype)                                                                                                  \
    X(count, regions)            /* of decode's size, that the wafer has */                                            \
    X(count, wafers)             /* that the stages of decode need */                                                  \
    X(count, prefill_stages)                                                                                           \
    X(count, layers_per_stage)                                                                                         \
    X(real, relayout_cycles)     /* between prefill and decode, with the first logits */                               \
    X(real, cycles_projection)   /* of the whole run, by kind of work */                                               \
    X(real, cycles_attention)                                                                                          \
    X(real, cycles_elements)                                                                                           \
    X(real, cycles_allreduce)                                                                                          \
    X(real, cycles_shift)                                                                                              \
    X(real, cycles_relayout)                                                                                           \
    X(real, cycles_experts)      /* of their tokens' ways there and back; NaN: there are none */                       \
    X(real, cycles_stages)                                                                                             \
    X(text, violates)            /* "", "M", "R" or "M,R" */                                                           \
    X(real, wall_load_s)                                                                                               \
    X(real, wall_relayout_s)                                                                                           \
    X(hash, checksum)            /* of the last residual streams' bits, in compute mode */                             \
    X(text, kernel)                                                                                                    \
    PLMR_ENERGY_FIELDS(X)                                                                                              \
    X(count, prefill_tree_k)     /* levels of allreduces, in prefill and in decode */                                  \
    X(count, tree_k)                                                                                                   \
    X(text, groups_y)            /* of decode's along y and along x, by level: "24", "40,5" */                         \
    X(text, groups_x)                                                                                                  \
    X(text, fused)               /* "yes" or "no": products of the same vector, in decode */                           \
    X(text, plan)                /* "waferllm", "t10", "ladder" */                                                     \
    X(count, token_macs_layers)  /* multiply-adds of a token with the weights of the layers that are run */            \
    X(count, token_macs_output)  /* and of the output */                                                               \
    X(count, expert_tokens_max)  /* of a prompt, that the busiest expert of a layer gets in virtual time, */           \
    X(count, expert_tokens_dropped) /* and (token, expert) that none gets, in all layers */                             \
    X(text, weights)             /* what cores store matrices in: dtype, or packed "f8", "i8", "i4" */ \
    X(text, experts)             /* where decode has them: "sliced", ...; "": there are none */                        \
    X(text, prefill_experts)                                                                                           \
    X(real, expert_link_words)   /* of a link on tokens' ways there or back, in a layer; NaN: there are none */        \
    X(real, expert_core_share)   /* work with them of the core that has most, of the mean core's; the same */          \
    PLMR_STANDING_FIELDS(X)                                                                                            \
    X(text, ended)               /* why a text that was made ends */                                                   \
    X(real, prefill_tok_s)       /* of the machine: of all requests of a batch */                                      \
    X(real, decode_tok_s)                                                                                              \
    X(real, tok_j)               /* tokens made, or else read, over the energy of all wafers that a phase needs */     \
    X(count, sram_left_bytes)    /* in the core that needs most */                                                     \
    X(text, placed_for)          /* latency, ...; "": regions follow from the model's size */                            \
    X(count, replicas)           /* as often the model is there, in decode and in prefill */                           \
    X(count, prefill_replicas)                                                                                         \
    X(count, regions_unused)     /* of the wafers that are needed, in decode, or else in prefill; and cores: */        \
    X(count, cores_unused)       /* those of unused regions, and those that are in none */    \
    PLMR_OUTSIDE_FIELDS(X)                                                                                             \
    PLMR_WAFER_LINK_FIELDS(X)
/* clang-format on */

/* Of a simulation of serving. */
/* clang-format off */
#define PLMR_SERVE_RECORD_FIELDS(X)                                                                                    \
    X(text, command)                                                                                                   \
    X(text, model)                                                                                                     \
    X(text, device)                                                                                                    \
    X(count, wafers)                                                                                                   \
    X(count, requests)                                                                                                 \
    X(count, completed)                                                                                                \
    X(real, rate)                /* requests a second, as they came */                                                 \
    X(real, ttft_mean_s)                                                                                               \
    X(real, ttft_p50_s)                                                                                                \
    X(real, ttft_p90_s)                                                                                                \
    X(real, ttft_p99_s)                                                                                                \
    X(real, tpot_mean_s)                                                                                               \
    X(real, tpot_p50_s)                                                                                                \
    X(real, tpot_p90_s)                                                                                                \
    X(real, tpot_p99_s)                                                                                                \
    X(real, e2e_mean_s)                                                                                                \
    X(real, e2e_p50_s)                                                                                                 \
    X(real, e2e_p90_s)                                                                                                 \
    X(real, e2e_p99_s)                                                                                                 \
    X(real, throughput_tok_s)    /* tokens made, over virtual_s */                                                     \
    X(real, goodput_req_s)       /* requests that met the SLO, over virtual_s; null without one */                     \
    X(real, utilisation)         /* of regions: the share of the time in which they work */                            \
    X(count, kv_peak_tokens)     /* of a replica, in the cache at once */                                              \
    X(count, kv_capacity_tokens) /* of a replica, if all rows of cores were full */                                    \
    X(real, energy_j)            /* the power of all wafers times virtual_s */                                         \
    X(text, version)                                                                                                   \
    X(text, host)                                                                                                      \
    X(text, date)                                                                                                      \
    X(count, ranks)                                                                                                    \
    X(text, mode)                                                                                                      \
    X(text, violates)            /* "": what does not fit is refused */                                                \
    X(text, policy)                                                                                                    \
    X(text, placed_for)                                                                                                \
    X(text, trace)                                                                                                     \
    X(count, seed)                                                                                                     \
    X(real, slo_ttft_s)                                                                                                \
    X(real, slo_tpot_s)                                                                                                \
    X(real, virtual_s)           /* from the start to the last token */                                                \
    X(real, prompt_tokens)                                                                                             \
    X(real, output_tokens)                                                                                             \
    X(count, rows)               /* cores of a region */                                                               \
    X(count, cols)                                                                                                     \
    X(count, stages)             /* regions of a replica */                                                            \
    X(count, regions)            /* that its wafers have room for */                                                   \
    X(count, layers_per_stage)                                                                                         \
    X(count, replicas)                                                                                                 \
    X(count, replicas_prompt)    /* of these, that read prompts for the others; null: all do both */                     \
    X(count, wafers_replica)                                                                                           \
    X(count, batch)              /* requests of a step, at most */                                                     \
    X(count, chunk)              /* tokens of a prompt in a pass, at most */                                           \
    X(count, steps)              /* passes: tokens, and chunks of prompts */                                           \
    X(count, chunks)                                                                                                   \
    X(count, costs_found)        /* passes that were run in the time plane; others cost what one alike did */          \
    X(count, waiting_peak)       /* requests that were not admitted yet */                                             \
    X(count, sram_peak_bytes)                                                                                          \
    X(count, sram_limit_bytes)                                                                                         \
    PLMR_ENERGY_FIELDS(X)                                                                                              \
    PLMR_STANDING_FIELDS(X)                                                                                            \
    X(count, preempted)          /* times that a request lost its cache; null where none may */                        \
    X(count, again_tokens)       /* that were read again for it */                                                     \
    X(count, shared_tokens)      /* of prompts, that others had read; null: no prompts begin alike */                  \
    X(real, accepted)            /* share of guessed tokens that were right; null: there is no draft */                \
    X(count, urgent)             /* requests of the highest priority; null: all have the same */                       \
    X(real, urgent_e2e_p50_s)                                                                                          \
    X(real, urgent_e2e_p99_s)                                                                                          \
    X(text, outside)             /* "weights", or "weights and cache", come in; null: all is there */                 \
    PLMR_WAFER_LINK_FIELDS(X)                                                                                          \
    X(count, regions_unused)     /* of all wafers; and cores */                                                        \
    X(count, cores_unused)                                                                                             \
    X(real, cache_way_s)         /* from who reads a prompt to who makes its tokens, in the mean; null: one does both */ \
    X(count, expert_wafers)      /* that share the experts of a layer; null: there are none */                         \
    X(text, rate_limit)          /* of --find-rate: "slo", or "none tried" where all rates meet it; null without */
/* clang-format on */

/* What a run took on the host, in wall time; at the end of every record. A rank's times for its own work, for moving
 * messages and for waiting add up to those of the slowest rank. */
/* clang-format off */
#define PLMR_HOST_RECORD_FIELDS(X)                                                                                     \
    X(real, wall_compute_s)      /* means over ranks, then the least and the most of any rank, and which that is */    \
    X(real, wall_compute_s_min)                                                                                        \
    X(real, wall_compute_s_max)                                                                                        \
    X(count, wall_compute_rank_max)                                                                                    \
    X(real, wall_exchange_s)                                                                                           \
    X(real, wall_exchange_s_min)                                                                                       \
    X(real, wall_exchange_s_max)                                                                                       \
    X(count, wall_exchange_rank_max)                                                                                   \
    X(real, wall_wait_s)                                                                                               \
    X(real, wall_wait_s_min)                                                                                           \
    X(real, wall_wait_s_max)                                                                                           \
    X(count, wall_wait_rank_max)                                                                                       \
    X(count, bytes_sent)         /* by all ranks */                                                                    \
    X(count, messages)                                                                                                 \
    X(real, hidden_share)        /* of the time that messages were on their way: when their receivers did not wait */  \
    X(count, rss_peak_bytes)     /* memory of the largest rank at its peak */                                          \
    X(count, hosts)                                                                                                    \
    X(text, placement)           /* the cores of each rank, and where it runs */
/* clang-format on */

typedef const char *plmr_record_text;
typedef int64_t plmr_record_count;
typedef double plmr_record_real;
typedef struct plmr_record_hash {
    bool known;
    uint64_t bits;
} plmr_record_hash;

typedef struct plmr_host_record {
#define X(type, key) plmr_record_##type key;
    PLMR_HOST_RECORD_FIELDS(X)
#undef X
} plmr_host_record;

/* Texts belong to whoever fills the record in and must live as long. */
typedef struct plmr_record {
#define X(type, key) plmr_record_##type key;
    PLMR_RECORD_FIELDS(X)
#undef X
    plmr_host_record on_host;
} plmr_record;

typedef struct plmr_llm_record {
#define X(type, key) plmr_record_##type key;
    PLMR_LLM_RECORD_FIELDS(X)
#undef X
    plmr_host_record on_host;
} plmr_llm_record;

typedef struct plmr_serve_record {
#define X(type, key) plmr_record_##type key;
    PLMR_SERVE_RECORD_FIELDS(X)
#undef X
} plmr_serve_record;

/* Sets either's fields of PLMR_ENERGY_FIELDS. */
#define PLMR_RECORD_ENERGY(record, energy)                                                                             \
    ((record)->energy_estimate_j = plmr_energy_sum(energy), (record)->energy_compute_j = (energy).compute_j,           \
     (record)->energy_sram_j = (energy).sram_j, (record)->energy_fabric_j = (energy).fabric_j,                         \
     (record)->energy_idle_j = (energy).idle_j)

/* Sets any record's fields of PLMR_STANDING_FIELDS; the texts are the standing's. */
#define PLMR_RECORD_STANDING(record, s)                                                                                \
    ((record)->standing = (s)->tag, (record)->standing_of = (s)->weakest, (record)->rests_on = (s)->numbers,           \
     (record)->uncertainty = (s)->rms, (record)->uncertainty_of = (s)->sets)

/* A record in which nothing is known. */
plmr_record plmr_record_none(void);
plmr_llm_record plmr_llm_record_none(void);

/* The part that all records have. */
plmr_host_record plmr_host_record_of(const plmr_ranks_usage *usage);

/* What of M and R is exceeded: "", "M", "R", "M,R". */
const char *plmr_violations(bool memory, bool routes);

/* The same lists as data; a key of NULL ends them. */
enum plmr_field_type { PLMR_FIELD_text, PLMR_FIELD_count, PLMR_FIELD_real, PLMR_FIELD_hash };
typedef struct plmr_record_field {
    const char *key;
    enum plmr_field_type type;
    size_t at; /* in the record */
} plmr_record_field;
extern const plmr_record_field plmr_record_fields[], plmr_llm_record_fields[], plmr_serve_record_fields[];

/* A record of these fields as a JSON object for the caller to json_decref, whole numbers as such; and how it is
 * printed. Local. */
json_t *plmr_record_json(const plmr_record_field *fields, const void *record);
enum { PLMR_RECORD_FLAGS = JSON_REAL_PRECISION(15) };

/* Where and when this program runs, fields of every record; and which it is. */
typedef struct plmr_provenance {
    char host[256], date[32];
    const char *revision; /* of the sources that it was built from: see base/build.h */
    plmr_build_id build;
} plmr_provenance;

plmr_provenance plmr_provenance_now(void);
