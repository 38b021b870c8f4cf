/* record.h - what is known of one run of one algorithm, and its form as JSON.
 *
 * The list is the only place that names the fields: the struct, the JSON keys and their order are made from it.
 * X(type, key), with a comment each, of which the tables of docs/RECORDS.md are made. A text that is NULL, a count that is
 * -1, a real that is not finite and a hash that is not known are null in JSON. The keys down to `date` are fixed; others may be added after them.
 */
#pragma once

#include <jansson.h>

#include "base/build.h"
#include "plmr/status.h"
#include "plmr/types.h"
#include "ranks/ranks.h"

/* clang-format off */
#define PLMR_ENERGY_FIELDS(X) /* an estimate from the bottom up: see plmr_device_energy */                             \
    X(real, energy_estimate_j)   /* an estimate from the bottom up, the sum of the next four; null: the device has     \
                                    no such numbers */                                                                 \
    X(real, energy_compute_j)    /* of multiply-adds */                                                                \
    X(real, energy_sram_j)       /* of SRAM that these read and write */                                               \
    X(real, energy_fabric_j)     /* of words over hops */                                                              \
    X(real, energy_idle_j)       /* of idle power times virtual time */

#define PLMR_STANDING_FIELDS(X) /* of the times above: see device/standing.h */                                        \
    X(text, standing)            /* the weakest tag of the device's numbers that the virtual times rest on: M, S, V,   \
                                    C, I, 2, guess, ... */                                                             \
    X(text, standing_of)         /* the numbers that have it */                                                        \
    X(text, rests_on)            /* all numbers that the times rest on */                                              \
    X(real, uncertainty)         /* RMS error, a share, of measurements that rest on the same; null: none is known */  \
    X(text, uncertainty_of)      /* their sets, or "none known" */

#define PLMR_WAFER_LINK_FIELDS(X) /* from wafer to wafer; null: ways are as those within one */                        \
    X(real, link_bytes_s)        /* bytes a second from wafer to wafer; null: ways are as those within one */          \
    X(real, link_bytes)          /* that went from wafer to wafer */                                                   \
    X(real, energy_link_j)       /* for that; null: not known */

#define PLMR_OUTSIDE_FIELDS(X) /* what comes in while cores work; null: all is there */                                \
    X(real, outside_bytes)       /* that came in, in the whole run */                                                  \
    X(real, outside_cycles)      /* that this took */                                                                  \
    X(real, cycles_outside)      /* of these, those that cores waited */                                               \
    X(real, outside_host_share)  /* share of the bytes that DRAM has no room for, so that a host has them */           \
    X(text, outside)             /* what comes in: "weights", or "weights and cache" */                                \
    X(text, bound)               /* of decode's tokens, or else the prompt, what they wait for: "outside" or "cores" */\
    X(real, energy_outside_j)    /* of taking it in, beside the estimate; null: not known */

#define PLMR_RECORD_FIELDS(X)                                                                                          \
    X(text, command)             /* the command's name, or a program's */                                              \
    X(text, algorithm)           /* its name, as plmr list has it, or the program's */                                 \
    X(text, device)              /* its name, with numbers of the command line: "wse2:hop=4" */                        \
    X(count, rows)               /* cores of the region, down */                                                       \
    X(count, cols)               /* cores of the region, across */                                                     \
    X(count, m)                  /* rows of A and C; of a product with a vector 1 */                                   \
    X(count, k)                  /* columns of A, rows of B */                                                         \
    X(count, n)                  /* columns of B and C; elements of an allreduce's vector */                           \
    X(text, dtype)               /* how cores store elements: "f32", "f16", "bf16" */                                  \
    X(text, mode)                /* "compute", with values, or "timing", clocks alone */                               \
    X(count, ranks)              /* MPI processes */                                                                   \
    X(real, cycles)              /* when the last core is done */                                                      \
    X(real, virtual_s)           /* cycles over the device's clock */                                                  \
    X(real, compute_cycles)      /* of these, those in which the busiest core computes */                              \
    X(real, efficiency)          /* compute_cycles over cycles */                                                      \
    X(count, hops_critical)      /* hops between cores on the critical path; of reduction trees that of a vector of    \
                                    8 words */                                                                         \
    X(count, stages_critical)    /* places on that path where software forwards */                                     \
    X(count, routes_max)         /* routes of the busiest router */                                                    \
    X(count, routes_limit)       /* that a router has (R) */                                                           \
    X(count, sram_peak_bytes)    /* of the fullest core, at its peak */                                                \
    X(count, sram_limit_bytes)   /* that a core has (M) */                                                             \
    X(count, wavelet_hops)       /* fabric words times the hops that they travel */                                    \
    X(real, energy_j)            /* the device's power times virtual_s; null where the power is unknown */             \
    X(count, padded_m)           /* m with what is added to make all tiles alike */                                    \
    X(count, padded_k)           /* the same of k */                                                                   \
    X(count, padded_n)           /* the same of n */                                                                   \
    X(text, violates)            /* what is exceeded: "", "M", "R" or "M,R" */                                         \
    X(real, verify_max_abs_err)  /* of --verify: the largest difference from double precision */                       \
    X(real, verify_max_rel_err)  /* the same over the largest element of the reference */                              \
    X(hash, checksum)            /* of the result's bits: 16 hexadecimal digits */                                     \
    X(real, wall_s)              /* what the run took on the host */                                                   \
    X(real, core_steps_per_s)    /* emulated steps times cores, over wall_s */                                         \
    X(real, gflops)              /* useful ones on the host, without padding, over wall_s */                           \
    X(text, version)             /* plmr's */                                                                          \
    X(text, host)                /* where rank 0 runs */                                                               \
    X(text, date)                /* when the run began, ISO 8601, UTC */                                               \
    X(text, accumulate)          /* how sums are stored: "f32", "f16" */                                               \
    X(text, transposed)          /* "B" for C = A B^T, else "" */                                                      \
    X(count, steps)              /* compute steps of each core */                                                      \
    X(count, routes_program)     /* distinct routes of the whole program */                                            \
    X(text, groups)              /* of a reduction tree, level by level: "24", "40,5" */                               \
    X(count, seed)               /* of synthetic values; null: there are none */                                       \
    X(text, verified)            /* "yes", "no": an element is further off than rounding allows, or null: not          \
                                    checked */                                                                         \
    X(real, verify_bound)        /* the largest error that rounding allows any checked element */                      \
    X(count, verify_elements)    /* that were checked */                                                               \
    X(text, ranks_grid)          /* rows x columns of ranks: "2x3" */                                                  \
    X(text, kernel)              /* instruction set of the arithmetic on the host; null without values */              \
    X(text, error)               /* why there are no cycles: what the device cannot hold; else null */                 \
    X(real, multiply_adds)       /* with padding */                                                                    \
    X(count, border_hops)        /* of wavelet_hops, those over borders */                                             \
    PLMR_ENERGY_FIELDS(X)                                                                                              \
    PLMR_STANDING_FIELDS(X)
/* clang-format on */

/* The same for a run of a language model; `host` and `date` end the fixed keys. */
/* clang-format off */
#define PLMR_LLM_RECORD_FIELDS(X)                                                                                      \
    X(text, command)             /* llm, generate or logits */                                                         \
    X(text, model)               /* as it was named: a name, or a file */                                              \
    X(text, device)              /* its name, with numbers of the command line: "wse2:hop=4" */                        \
    X(count, ranks)              /* MPI processes */                                                                   \
    X(text, mode)                /* "compute", with values, or "timing", clocks alone */                               \
    X(count, prompt_tokens)      /* of each request */                                                                 \
    X(count, output_tokens)      /* that decode made, of each request */                                               \
    X(count, prefill_rows)       /* cores of a prefill region, down; null: there is no prefill */                      \
    X(count, prefill_cols)       /* the same across */                                                                 \
    X(count, decode_rows)        /* cores of a decode region, down; null: there is no decode */                        \
    X(count, decode_cols)        /* the same across */                                                                 \
    X(text, kv)                  /* how the cache is kept: "shift" or "concat" */                                      \
    X(real, prefill_cycles)      /* of the whole prompt */                                                             \
    X(real, decode_cycles_first) /* of the first token that decode makes */                                            \
    X(real, decode_cycles_last)  /* of the last one */                                                                 \
    X(real, ttft_s)              /* virtual: prefill, relayout, first logits */                                        \
    X(real, tpot_s)              /* virtual: decode's time for each token */                                           \
    X(real, tpr_prefill)         /* tokens of the prompt per virtual second, of one request */                         \
    X(real, tpr_decode)          /* tokens made per virtual second in decode, of one request */                        \
    X(real, tpr_e2e)             /* output tokens over ttft_s and decode */                                            \
    X(count, sram_peak_bytes)    /* of the fullest core, at its peak */                                                \
    X(count, sram_limit_bytes)   /* that a core has (M) */                                                             \
    X(count, routes_max)         /* routes of the busiest router */                                                    \
    X(count, kv_capacity_tokens) /* that the cache has room for, of each request */                                    \
    X(count, stages)             /* regions that decode's layers need */                                               \
    X(real, wall_s)              /* what the run took on the host */                                                   \
    X(real, wall_prefill_tok_s)  /* tokens of the prompt per second of the host */                                     \
    X(real, wall_decode_tok_s)   /* tokens made per second of the host */                                              \
    X(real, energy_j)            /* one device's power times virtual time */                                           \
    X(text, version)             /* plmr's */                                                                          \
    X(text, host)                /* where rank 0 runs */                                                               \
    X(text, date)                /* when the run began, ISO 8601, UTC */                                               \
    X(text, phase)               /* "prefill", "decode" or "both" */                                                   \
    X(text, as_published)        /* "yes" or "no": of --as-published */                                                \
    X(count, batch)              /* requests that are run together */                                                  \
    X(count, context_tokens)     /* in the cache when decode starts */                                                 \
    X(text, layers)              /* which of the model's are placed and computed: "0..31" */                           \
    X(count, layers_model)       /* that the model has */                                                              \
    X(text, dtype)               /* of weights and activations in cores */                                             \
    X(text, kv_dtype)            /* of the cache */                                                                    \
    X(count, regions)            /* of decode's size, that a wafer has */                                              \
    X(count, wafers)             /* that the stages of decode need */                                                  \
    X(count, prefill_stages)     /* regions that prefill's layers need */                                              \
    X(count, layers_per_stage)   /* of decode */                                                                       \
    X(real, relayout_cycles)     /* between prefill and decode, with the first logits */                               \
    X(real, cycles_projection)   /* of the whole run, in products with weights */                                      \
    X(real, cycles_attention)    /* in attention */                                                                    \
    X(real, cycles_elements)     /* in functions of elements: norms, softmax, activation */                            \
    X(real, cycles_allreduce)    /* in allreduces */                                                                   \
    X(real, cycles_shift)        /* in moving the cache's rows */                                                      \
    X(real, cycles_relayout)     /* in moving from prefill's places to decode's */                                     \
    X(real, cycles_experts)      /* in ways of tokens to experts and back; null: there are none */                     \
    X(real, cycles_stages)       /* in ways from region to region */                                                   \
    X(text, violates)            /* what is exceeded: "", "M", "R" or "M,R" */                                         \
    X(real, wall_load_s)         /* of the host, loading the model */                                                  \
    X(real, wall_relayout_s)     /* of the host, between prefill and decode */                                         \
    X(hash, checksum)            /* of the last residual streams' bits, in compute mode */                             \
    X(text, kernel)              /* instruction set of the arithmetic on the host */                                   \
    PLMR_ENERGY_FIELDS(X)                                                                                              \
    X(count, prefill_tree_k)     /* levels of allreduces in prefill */                                                 \
    X(count, tree_k)             /* levels of allreduces in decode */                                                  \
    X(text, groups_y)            /* of decode's allreduces along y, by level: "24", "40,5" */                          \
    X(text, groups_x)            /* the same along x */                                                                \
    X(text, fused)               /* "yes" or "no": products of the same vector are one, in decode */                   \
    X(text, plan)                /* the system whose way is timed: "waferllm", "t10", "ladder" */                      \
    X(count, token_macs_layers)  /* multiply-adds of a token with the weights of the layers that are run */            \
    X(count, token_macs_output)  /* and of the output */                                                               \
    X(count, expert_tokens_max)  /* of a prompt, that the busiest expert of a layer gets in virtual time */            \
    X(count, expert_tokens_dropped) /* pairs of token and expert that were dropped, in all layers */                   \
    X(text, weights)             /* what cores store matrices in: dtype, or packed "f8", "i8", "i4" */                 \
    X(text, experts)             /* where decode has them: "sliced", ...; "": there are none */                        \
    X(text, prefill_experts)     /* where prefill has them */                                                          \
    X(real, expert_link_words)   /* of a link on tokens' ways there or back, in a layer; null: there are none */       \
    X(real, expert_core_share)   /* work with experts of the core that has most, over the mean core's; null as         \
                                    before */                                                                          \
    PLMR_STANDING_FIELDS(X)                                                                                            \
    X(text, ended)               /* why a text that was made ends */                                                   \
    X(real, prefill_tok_s)       /* tokens of prompts per virtual second, of all requests of a batch */                \
    X(real, decode_tok_s)        /* tokens made per virtual second, of all requests of a batch */                      \
    X(real, tok_j)               /* tokens made, or else read, over the energy of all wafers that a phase needs */     \
    X(count, sram_left_bytes)    /* in the core that needs most */                                                     \
    X(text, placed_for)          /* what regions were chosen for: "latency", ...; "": they follow from the model's     \
                                    size */                                                                            \
    X(count, replicas)           /* how often the model is there, in decode */                                         \
    X(count, prefill_replicas)   /* and in prefill */                                                                  \
    X(count, regions_unused)     /* of the wafers that are needed, in decode, or else in prefill */                    \
    X(count, cores_unused)       /* those of unused regions, and those that are in none; but for dead ones */          \
    PLMR_OUTSIDE_FIELDS(X)                                                                                             \
    PLMR_WAFER_LINK_FIELDS(X)
/* clang-format on */

/* Of a simulation of serving. */
/* clang-format off */
#define PLMR_SERVE_RECORD_FIELDS(X)                                                                                    \
    X(text, command)             /* serve */                                                                           \
    X(text, model)               /* as it was named: a name, or a file */                                              \
    X(text, device)              /* its name, with numbers of the command line: "wse2:hop=4" */                        \
    X(count, wafers)             /* that there are */                                                                  \
    X(count, requests)           /* that came */                                                                       \
    X(count, completed)          /* that were answered */                                                              \
    X(real, rate)                /* requests a second, as they came */                                                 \
    X(real, ttft_mean_s)         /* virtual time from arrival to the first token: the mean over requests */            \
    X(real, ttft_p50_s)          /* that half of them have at most */                                                  \
    X(real, ttft_p90_s)          /* that 90 in 100 have at most */                                                     \
    X(real, ttft_p99_s)          /* that 99 in 100 have at most */                                                     \
    X(real, tpot_mean_s)         /* virtual time for each token but the first: the mean over requests */               \
    X(real, tpot_p50_s)          /* that half of them have at most */                                                  \
    X(real, tpot_p90_s)          /* that 90 in 100 have at most */                                                     \
    X(real, tpot_p99_s)          /* that 99 in 100 have at most */                                                     \
    X(real, e2e_mean_s)          /* virtual time from arrival to the last token: the mean over requests */             \
    X(real, e2e_p50_s)           /* that half of them have at most */                                                  \
    X(real, e2e_p90_s)           /* that 90 in 100 have at most */                                                     \
    X(real, e2e_p99_s)           /* that 99 in 100 have at most */                                                     \
    X(real, throughput_tok_s)    /* tokens made, over virtual_s */                                                     \
    X(real, goodput_req_s)       /* requests that met the SLO, over virtual_s; null without one */                     \
    X(real, utilisation)         /* of regions: the share of the time in which they work */                            \
    X(count, kv_peak_tokens)     /* of a replica, in the cache at once */                                              \
    X(count, kv_capacity_tokens) /* of a replica, if all rows of cores were full */                                    \
    X(real, energy_j)            /* the power of all wafers times virtual_s */                                         \
    X(text, version)             /* plmr's */                                                                          \
    X(text, host)                /* where rank 0 runs */                                                               \
    X(text, date)                /* when the run began, ISO 8601, UTC */                                               \
    X(count, ranks)              /* MPI processes */                                                                   \
    X(text, mode)                /* "timing", or "compute" with texts */                                               \
    X(text, violates)            /* "": what does not fit is refused */                                                \
    X(text, policy)              /* who goes first: of --policy */                                                     \
    X(text, placed_for)          /* what the placement was chosen for: "throughput", ... */                            \
    X(text, trace)               /* the file of requests; null: they are random */                                     \
    X(count, seed)               /* of random requests; null with a trace */                                           \
    X(real, slo_ttft_s)          /* of --slo; null: none */                                                            \
    X(real, slo_tpot_s)          /* of --slo; null: none */                                                            \
    X(real, virtual_s)           /* from the start to the last token */                                                \
    X(real, prompt_tokens)       /* of all requests */                                                                 \
    X(real, output_tokens)       /* made, of all requests */                                                           \
    X(count, rows)               /* cores of a region, down */                                                         \
    X(count, cols)               /* cores of a region, across */                                                       \
    X(count, stages)             /* regions of a replica */                                                            \
    X(count, regions)            /* that a replica's wafers have room for */                                           \
    X(count, layers_per_stage)   /* of a region */                                                                     \
    X(count, replicas)           /* how often the model is there */                                                    \
    X(count, replicas_prompt)    /* of these, that read prompts for the others; null: all do both */                   \
    X(count, wafers_replica)     /* that a replica takes */                                                            \
    X(count, batch)              /* requests of a pass, at most */                                                     \
    X(count, chunk)              /* tokens of a prompt in a pass, at most */                                           \
    X(count, steps)              /* passes: of tokens, and of chunks of prompts */                                     \
    X(count, chunks)             /* passes of chunks of prompts */                                                     \
    X(count, costs_found)        /* passes that were run in the time plane; others cost what one alike did */          \
    X(count, waiting_peak)       /* requests that were not admitted yet, at most at once */                            \
    X(count, sram_peak_bytes)    /* of the fullest core, at its peak */                                                \
    X(count, sram_limit_bytes)   /* that a core has (M) */                                                             \
    PLMR_ENERGY_FIELDS(X)                                                                                              \
    PLMR_STANDING_FIELDS(X)                                                                                            \
    X(count, preempted)          /* times that a request lost its cache; null where none may */                        \
    X(count, again_tokens)       /* that were read again for it */                                                     \
    X(count, shared_tokens)      /* of prompts, that others had read; null: no prompts begin alike */                  \
    X(real, accepted)            /* share of guessed tokens that were right; null: there is no draft */                \
    X(count, urgent)             /* requests of the highest priority; null: all have the same */                       \
    X(real, urgent_e2e_p50_s)    /* of these, as e2e_p50_s */                                                          \
    X(real, urgent_e2e_p99_s)    /* of these, as e2e_p99_s */                                                          \
    X(text, outside)             /* "weights", or "weights and cache", come in; null: all is there */                  \
    PLMR_WAFER_LINK_FIELDS(X)                                                                                          \
    X(count, regions_unused)     /* of all wafers */                                                                   \
    X(count, cores_unused)       /* of all wafers, working ones that no replica lies on */                             \
    X(real, cache_way_s)         /* from who reads a prompt to who makes its tokens, in the mean; null: one does       \
                                    both */                                                                            \
    X(count, expert_wafers)      /* that share the experts of a layer; null: there are none */                         \
    X(text, rate_limit)          /* of --find-rate: "slo", or "none tried" where all rates meet it; null without */
/* clang-format on */

/* What a run took on the host, in wall time; at the end of every record. A rank's times for its own work, for moving
 * messages and for waiting add up to those of the slowest rank. */
/* clang-format off */
#define PLMR_HOST_RECORD_FIELDS(X)                                                                                     \
    X(real, wall_compute_s)      /* wall time of a rank's own work, the mean over ranks */                             \
    X(real, wall_compute_s_min)  /* of the rank with the least */                                                      \
    X(real, wall_compute_s_max)  /* of the rank with the most */                                                       \
    X(count, wall_compute_rank_max) /* which rank that is */                                                           \
    X(real, wall_exchange_s)     /* of posting and polling messages, the mean over ranks */                            \
    X(real, wall_exchange_s_min) /* of the rank with the least */                                                      \
    X(real, wall_exchange_s_max) /* of the rank with the most */                                                       \
    X(count, wall_exchange_rank_max) /* which rank that is */                                                          \
    X(real, wall_wait_s)         /* of waiting for messages, the mean over ranks */                                    \
    X(real, wall_wait_s_min)     /* of the rank with the least */                                                      \
    X(real, wall_wait_s_max)     /* of the rank with the most */                                                       \
    X(count, wall_wait_rank_max) /* which rank that is */                                                              \
    X(count, bytes_sent)         /* in messages between ranks, by all of them */                                       \
    X(count, messages)           /* between ranks, of all of them */                                                   \
    X(real, hidden_share)        /* of the time that messages were on their way: when their receivers did not wait */  \
    X(count, rss_peak_bytes)     /* memory of the largest rank at its peak */                                          \
    X(count, hosts)              /* machines that the ranks run on */                                                  \
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
