/* plmr/device.h - the PLMR description of a wafer-scale (or other mesh) device.
 *
 * A device is a JSON file: "title", "topology" ("mesh" or "torus"), "router" ("static", or if left out: messages need
 * configured routes; or "xy": routers pass them along x, then y), if wanted "name" (checked, not used) and "like" (a device,
 * at most 8 deep, whose numbers stand for those that the file leaves out), and every number of the list below as {"value", "unit", "tag", "source"}, so that a reader can see what was measured and what
 * is a guess. The list is the only place that names the numbers: the loader, the checker, the printer and this struct
 * are all made from it. X(key, unit, least, most, meaning). What is counted in cores, bytes, routes or elements must be
 * a whole number. Numbers from send_launch to seed, which tell of messages from any core to any core, of borders and of
 * dead and slow cores, may be left out: a message then starts as a tile exchange does, links and cores are alike, and the
 * rest is 0. So may those from vector_f32 to wafer_energy, which tell of programs beside the verbs, of packed elements, of
 * memory outside and of links between devices: f32 elements then take as long as multiply-adds, and the rest is 0.
 *
 * Beside `yield` and `slow_share`, by which chance decides, a file may name cores and links, at most
 * PLMR_MOST_DEFECTS of a kind, rows and columns counted from 0:
 *
 *     "dead": [[2, 5], [7, 0]],                    cores (2,5) and (7,0)
 *     "dead_links": [[2, 5, 2, 6]],                from (2,5) to its neighbour (2,6), in both directions
 *     "slow": [[3, 4, 1.5]]                        core (3,4) takes 1.5 times as long
 *
 * A tag is one of: M measured on hardware, S the vendor's simulator, V the vendor's claim, C read in public code,
 * I inferred by fit or arithmetic, 2 second-hand, guess, definition; and of what the command line replaces, user.
 */
#ifndef PLMR_DEVICE_H
#define PLMR_DEVICE_H

#include <stdio.h>

#include "plmr/status.h"
#include "plmr/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
#define PLMR_DEVICE_NUMBERS(X)                                                                                         \
    X(rows, "cores", 1, 65536, "usable cores along y")                                                                 \
    X(cols, "cores", 1, 65536, "usable cores along x")                                                                 \
    X(clock, "Hz", 1, 1e12, "core clock")                                                                              \
    X(sram, "bytes", 1, 1e12, "SRAM of one core (M)")                                                                  \
    X(routes, "routes", 1, 1e9, "routes a core's router can hold (R)")                                                 \
    X(wavelet, "bytes", 1, 4096, "bytes in one fabric word")                                                           \
    X(hop, "cycles", 0, 1e6, "router to next router (alpha)")                                                          \
    X(turn, "cycles", 0, 1e6, "extra cycles where a route changes axis")                                               \
    X(ramp, "cycles", 0, 1e6, "core to its router, each way (T_R)")                                                    \
    X(link, "cycles/wavelet", 0, 1e6, "a link's time for one wavelet")                                                 \
    X(stage, "cycles", 0, 1e6, "software's own cycles in a pipelined add-and-forward stage, beside two ramps (beta)")  \
    X(relay, "cycles", 0, 1e6, "software's fixed cycles in a store-and-forward relay, beside one cycle per wavelet")   \
    X(shift_launch, "cycles", 0, 1e6, "core-busy cycles to start and join one tile exchange")                          \
    X(shift_wavelet, "cycles/wavelet", 0, 1e6, "core-busy cycles per wavelet of a tile exchange")                      \
    X(collective_launch, "cycles", 0, 1e6, "core-busy cycles to start and join one collective")                        \
    X(send_launch, "cycles", 0, 1e6, "core-busy cycles to start and join messages from any core to any core")          \
    X(send_message, "cycles", 0, 1e6, "the same for each message of a core after its first")                           \
    X(send_address, "cycles", 0, 1e6, "more, where it goes to another core than the one before")                       \
    X(cut, "cycles", 0, 1e6, "the same, where messages of a core are cut into packets")                                \
    X(packet, "wavelets", 0, 1e9, "most in a packet, by which messages take turns; 0: never cut")                      \
    X(header, "wavelets", 0, 1e6, "of a packet beside those that it carries")                                          \
    X(buffer, "wavelets", 0, 1e9, "that wait at the end of a link; 0: as many as come")                                \
    X(straight, "packets", 0, 1e6, "go straight on before one joins, where both wait; 0: first come, first served")    \
    X(ring_rows, "routers", 0, 65536, "on one-way rings along y, acknowledgements go round; 0: none")                  \
    X(ring_cols, "routers", 0, 65536, "the same along x")                                                              \
    X(border_rows, "cores", 0, 65536, "a border, as between dies, lies every so many rows; 0: none")                   \
    X(border_cols, "cores", 0, 65536, "the same of columns")                                                           \
    X(border_hop, "cycles", 0, 1e9, "core to next core over a border, in place of hop")                                \
    X(border_link, "cycles/wavelet", 0, 1e6, "of a link over a border, if it is not link that is slower")              \
    X(border_lanes, "lanes", 0, 65536, "over the edge of a die, which its cores' links share alike; 0: one for each")  \
    X(border_energy, "pJ/wavelet", 0, 1e9, "moving a fabric word over a border, beside hop_energy")                    \
    X(yield, "share", 0.01, 1, "of cores that work; rows pass over the others, and use spare columns")                 \
    X(slow_share, "share", 0, 1, "of cores that compute slow_factor times as long")                                    \
    X(slow_factor, "times", 1, 1e6, "so many, each core's own work alone")                                             \
    X(seed, "number", 0, 4294967295, "says which cores are dead or slow")                                              \
    X(vector_start, "cycles", 0, 1e6, "start-up of a stand-alone vector operation")                                    \
    X(vector_issue, "cycles", 0, 1e6, "issue of a vector operation inside a mapped loop")                              \
    X(tile_loop, "cycles", 0, 1e6, "loop cost for each k of a tile multiply")                                          \
    X(mac_group_f16, "elements", 1, 4096, "f16/bf16 multiply-adds that issue together")                                \
    X(mac_cycles_f16, "cycles", 0, 1e6, "cycles for one such group")                                                   \
    X(mac_group_f32, "elements", 1, 4096, "f32 multiply-adds that issue together")                                     \
    X(mac_cycles_f32, "cycles", 0, 1e6, "cycles for one such group")                                                   \
    X(reduce_element, "cycles", 0, 1e6, "reduction of a vector to a scalar, per element")                              \
    X(scalar_function, "cycles", 0, 1e6, "one scalar exp, divide or sigmoid")                                          \
    X(vector_f32, "cycles", 0, 1e6, "an f32 element of a stand-alone add, multiply or scaled add")                     \
    X(hand_loop, "cycles", 0, 1e6, "a vector operation in a loop written by hand, beside its elements")                \
    X(receive_task, "cycles", 0, 1e6, "start of a task that takes a message")                                          \
    X(word_send, "cycles", 0, 1e6, "software that sends single words, for each")                                       \
    X(word_receive, "cycles", 0, 1e6, "a task of software for each single word that comes")                            \
    X(word_relay, "cycles", 0, 1e6, "software that takes single words and passes them on, for each")                   \
    X(widen_f8, "cycles", 0, 1e6, "an f8 (e4m3) element to f16, with its scale; 0 where unknown")                      \
    X(widen_i8, "cycles", 0, 1e6, "the same of an i8 element")                                                         \
    X(widen_i4, "cycles", 0, 1e6, "the same of an i4 element")                                                         \
    X(dram, "bytes", 0, 1e15, "memory beside the cores, as DRAM on a board; 0: none, or unknown")                      \
    X(dram_rate, "bytes/s", 0, 1e18, "that it gives; 0 where unknown")                                                 \
    X(dram_lanes, "links", 0, 1e6, "by which they come to the cores; 0: one at each end of a row")                     \
    X(dram_energy, "pJ/byte", 0, 1e6, "taking a byte from it, 0 where unknown")                                        \
    X(host_rate, "bytes/s", 0, 1e18, "that come from a host, or a memory of its own; 0 where unknown")                 \
    X(host_lanes, "links", 0, 1e6, "by which they come to the cores; 0: one at each end of a row")                     \
    X(host_energy, "pJ/byte", 0, 1e6, "taking a byte in, 0 where unknown")                                             \
    X(wafer_rate, "bytes/s", 0, 1e18, "from one such device to another, each way; 0 where unknown")                    \
    X(wafer_latency, "s", 0, 1e3, "until the first of them is there; 0 where unknown")                                 \
    X(wafer_energy, "pJ/byte", 0, 1e6, "taking a byte there, 0 where unknown")                                         \
    X(decode_layer, "cycles", 0, 1e9, "scalar work of one decode layer beside its collectives, fixed part")            \
    X(decode_element, "cycles", 0, 1e9, "the same, for each element of the hidden vector that a core holds")           \
    X(power, "W", 0, 1e9, "power of the whole system, 0 where unknown")                                                \
    X(idle_power, "W", 0, 1e9, "part of it that is drawn when no core works, 0 where unknown")                         \
    X(mac_energy_f16, "pJ", 0, 1e6, "one f16/bf16 multiply-add, 0 where unknown")                                      \
    X(mac_energy_f32, "pJ", 0, 1e6, "one f32 multiply-add, 0 where unknown")                                           \
    X(sram_energy, "pJ/byte", 0, 1e6, "reading or writing a byte of SRAM, 0 where unknown")                            \
    X(hop_energy, "pJ/wavelet", 0, 1e6, "moving a fabric word over a link, 0 where unknown")
/* clang-format on */

/* The device where none is named. */
#define PLMR_DEVICE_DEFAULT "wse2"

enum plmr_topology { PLMR_MESH, PLMR_TORUS };
enum plmr_router { PLMR_STATIC, PLMR_XY };

/* Where a number comes from; the tags are listed above. */
typedef struct plmr_origin {
    char tag[12];
    char source[240];
} plmr_origin;

/* What a device's file names: sorted by row and column. */
enum { PLMR_MOST_DEFECTS = 256 };
typedef struct plmr_defect {
    int row, col;
    int to_row, to_col; /* of a link: its other end, to the east or south */
    double factor;      /* of a slow core */
} plmr_defect;

typedef struct plmr_defect_list {
    int n;
    plmr_defect at[PLMR_MOST_DEFECTS];
} plmr_defect_list;

typedef struct plmr_device {
    char name[256];  /* as the user named it on the command line: a shipped device's name or a file's path */
    char title[160]; /* one line */
    enum plmr_topology topology;
    enum plmr_router router;
#define X(key, unit, least, most, meaning) double key;
    PLMR_DEVICE_NUMBERS(X)
#undef X
    struct {
#define X(key, unit, least, most, meaning) plmr_origin key;
        PLMR_DEVICE_NUMBERS(X)
#undef X
    } origin;
    plmr_defect_list dead, dead_links, slow;
    int first[2]; /* by axis, of a region's part: how many of the region's columns and rows lie before it; else 0 */
} plmr_device;

/* Reads a device from JSON text that ends in a 0 byte; `file` names the text in errors ("file:line: key: what is wrong,
 * expected unit (range)", always one line) and becomes the device's name. *device is defined only on success. Local. */
plmr_status plmr_device_parse(const char *text, const char *file, plmr_device *device);

/* Loads a device. An argument that contains a '/', ends in ".json" or names an existing file is the path of a user's
 * own file (at most 1 MiB); any other is the name of a shipped device. After either, ':' and KEY=VALUE pairs with
 * commas between them replace numbers, the topology or the router: "wse2:hop=4,topology=torus". What exists as a file
 * is one, whatever its name. Local: reads a file. */
plmr_status plmr_device_load(const char *name_or_file, plmr_device *device);

/* The names of the shipped devices, sorted; *names is one allocation (array and strings) for the caller to free. */
plmr_status plmr_device_names(char ***names, int *n_names);

/* Prints a heading and an aligned table: key, value, unit, tag, meaning, source. Local. */
void plmr_device_print(FILE *out, const plmr_device *device);

/* Fabric words for n_bytes. This and the costs below are -1 and NAN for a negative size, without a device, or where its words,
 * or groups of multiply-adds, are of less than 1. */
int64_t plmr_device_wavelets(const plmr_device *device, int64_t n_bytes);

/* The three costs below are exact products of the device's numbers; whoever adds one to a clock quantises it first. */

/* Cycles of one vector multiply-add of n elements inside a mapped loop, f(n): vector_issue + mac_cycles *
 * ceil(n / mac_group), with bf16 as f16. On wse2 in f16 that is 1 + 0.5 n. */
double plmr_device_vector_cycles(const plmr_device *device, enum plmr_dtype dtype, int64_t n);

/* Cycles of a tile multiply (m x k)(k x n): k * (tile_loop + n * f(m)). */
double plmr_device_multiply_cycles(const plmr_device *device, enum plmr_dtype dtype, int64_t m, int64_t k, int64_t n);

/* Cycles of a GEMV tile (k x n): k * f(n). */
double plmr_device_gemv_cycles(const plmr_device *device, enum plmr_dtype dtype, int64_t k, int64_t n);

/* Energy from the bottom up: an estimate, beside that of the whole system's power. Multiply-adds, for each of which
 * SRAM gives an operand and the sum and takes the sum back; words on links; and what the wafer draws by itself. NAN
 * where the device's file has no figures. */
typedef struct plmr_energy {
    double compute_j, sram_j, fabric_j, idle_j;
} plmr_energy;

plmr_energy plmr_device_energy(const plmr_device *device, enum plmr_dtype dtype, double multiply_adds,
                               double wavelet_hops, double t_cycles);

/* The sum of its parts, J. */
double plmr_energy_sum(plmr_energy energy);

/* Costs are kept in multiples of 1/64 cycle, so that clocks held in doubles add exactly. To the nearest, halves up. */
double plmr_device_quantise(double cycles);

#ifdef __cplusplus
}
#endif
#endif
