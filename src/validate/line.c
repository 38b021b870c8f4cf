/* Words down a line of cores: multicasts, single messages, software that handles word by word. */
#include <math.h>
#include <string.h>

#include "device/way.h"
#include "validate/validate.h"

/* Cycles until the core `hops` from the first one has words multicast by it over one route. */
static double way_cycles(const plmr_device *device, double hops, double n_words)
{
    plmr_way way = plmr_way_of(device, (int)hops);
    return way.flight + way.word * n_words;
}

static double multicast_cycles(const plmr_device *device, double hops, double n_words)
{
    return device->collective_launch + way_cycles(device, hops, n_words);
}

/* Bytes to n receivers, sent by one vector operation and no collective. A clock that is set by words passed on at one cycle
 * a hop takes that off every time. The shortest is seen by a core that waits for nothing else; in the median a task starts
 * when they come, and a vector operation in it. */
static plmr_status run_multicast(plmr_trial_run *run)
{
    double hops = plmr_config_number(run->config, "receivers", NAN),
           bytes = plmr_config_number(run->config, "bytes", NAN);
    if (!(hops >= 1 && hops < 1 << 16 && bytes >= 1 && bytes < 1 << 30))
        return PLMR_OK;
    run->cycles = run->device.vector_start +
                  way_cycles(&run->device, hops, (double)plmr_device_wavelets(&run->device, (int64_t)bytes));
    run->cycles -= plmr_config_number(run->options, "clock_per_hop", 0) * hops;
    if (plmr_has_word(run->point->what, "median"))
        run->cycles += run->device.receive_task + run->device.vector_start;
    return PLMR_OK;
}

/* One word to all of a square from a corner: along row 0, and down every column. Clocks are set down columns as words
 * go, so rows below see the way along the row and the turn. */
static plmr_status run_broadcast(plmr_trial_run *run)
{
    double grid[2] = {0, 0}, x = plmr_config_number(run->config, "x", NAN),
           y = plmr_config_number(run->config, "y", NAN);
    plmr_config_pair(run->config, "grid", grid);
    if (isnan(x))
        x = grid[0] - 1;
    if (isnan(y))
        y = plmr_has_word(run->point->what, "row 0") ? 0 : grid[1] - 1;
    if (!(x >= 1 && x < 1 << 16))
        return PLMR_OK;
    run->cycles = multicast_cycles(&run->device, x, 1) + (y > 0 ? run->device.turn : 0);
    return PLMR_OK;
}

/* One word over so many hops to a task. */
static plmr_status run_message(plmr_trial_run *run)
{
    double hops = plmr_config_number(run->config, "hops", NAN);
    if (!(hops >= 1 && hops < 1 << 16))
        return PLMR_OK;
    run->cycles = multicast_cycles(&run->device, hops, 1) + run->device.receive_task;
    return PLMR_OK;
}

/* N values of E words parked at a core and reloaded, word by word: the first word of each way is taken while the sender
 * sends on, any other waits for the one before. */
static plmr_status run_park(plmr_trial_run *run)
{
    double n = plmr_config_number(run->config, "N", NAN), words = plmr_config_number(run->config, "E", NAN);
    run->cycles = n * 2 * (words - 1) * run->device.word_receive;
    return PLMR_OK;
}

/* A word's allreduce over a square as a queue of tasks: along rows and columns to a corner and back. */
static plmr_status run_tasks(plmr_trial_run *run)
{
    double grid[2];
    if (plmr_config_pair(run->config, "grid", grid))
        run->cycles = plmr_config_number(run->options, "start", 0) + (grid[0] + grid[1] - 2) * run->device.word_receive;
    return PLMR_OK;
}

const plmr_trial plmr_trial_multicast = {"multicast", "bytes to all cores of a line", run_multicast};
const plmr_trial plmr_trial_broadcast = {"broadcast", "a word to all cores of a square", run_broadcast};
const plmr_trial plmr_trial_message = {"message", "a word to a task some hops away", run_message};
const plmr_trial plmr_trial_park = {"park", "values parked at another core and reloaded, word by word", run_park};
const plmr_trial plmr_trial_tasks = {"tasks", "a word's allreduce as a queue of tasks", run_tasks};
