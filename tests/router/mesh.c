#include "mesh.h"

#include <stdbool.h>
#include <stdlib.h>

enum output { EAST, WEST, SOUTH, NORTH, UP, OUTPUTS };

/* A packet's words: how many have left each output on its way, and when each has come to it. */
struct flight {
    const struct mesh_packet *packet;
    int n_outputs;
    int *output; /* router * OUTPUTS + output */
    bool *straight;
    int *left;
    long **came; /* by output and word; -1: not yet */
    bool *asked;
};

struct fabric {
    const struct mesh_machine *m;
    struct flight *flights;
    int n;
    int *holder;  /* by output: a flight, -1: free */
    long *ready;  /* by output: when it can carry its next word */
    int *n_queue; /* by output: how many wait, in order of coming */
    int **waiting;
};

static int other(int at, int to, enum output up, enum output down)
{
    return to > at ? (int)up : (int)down;
}

static void plan(const struct mesh_machine *m, struct flight *f)
{
    const struct mesh_packet *p = f->packet;
    int most = m->rows + m->cols + 1, x = p->x, y = p->y;
    f->output = calloc((size_t)most, sizeof *f->output);
    f->straight = calloc((size_t)most, sizeof *f->straight);
    f->left = calloc((size_t)most, sizeof *f->left);
    f->asked = calloc((size_t)most, sizeof *f->asked);
    f->came = calloc((size_t)most, sizeof *f->came);
    int before = -1;
    for (;;) {
        int out = x != p->to_x   ? other(x, p->to_x, EAST, WEST)
                  : y != p->to_y ? other(y, p->to_y, SOUTH, NORTH)
                                 : (int)UP;
        f->output[f->n_outputs] = (y * m->cols + x) * OUTPUTS + out;
        f->straight[f->n_outputs] = out == before;
        f->came[f->n_outputs] = calloc((size_t)p->words, sizeof(long));
        for (int w = 0; w < p->words; w++)
            f->came[f->n_outputs][w] = -1;
        f->n_outputs++;
        if (out == UP)
            return;
        x += out == EAST ? 1 : out == WEST ? -1 : 0;
        y += out == SOUTH ? 1 : out == NORTH ? -1 : 0;
        before = out;
    }
}

/* Of those whose first words have come to an output in this cycle, who goes first. */
static bool goes_first(const struct fabric *f, int a, int b, int output)
{
    const struct flight *p = &f->flights[a], *q = &f->flights[b];
    bool straight_p = false, straight_q = false;
    for (int i = 0; i < p->n_outputs; i++)
        straight_p = straight_p || (p->output[i] == output && p->straight[i]);
    for (int i = 0; i < q->n_outputs; i++)
        straight_q = straight_q || (q->output[i] == output && q->straight[i]);
    return straight_p != straight_q ? straight_p : a < b;
}

/* Puts those who have just come at the end of the output's queue. */
static void ask(struct fabric *f, long now)
{
    for (int a = 0; a < f->n; a++) {
        struct flight *flight = &f->flights[a];
        for (int i = 0; i < flight->n_outputs; i++) {
            if (flight->asked[i] || flight->came[i][0] != now)
                continue;
            int output = flight->output[i], k = f->n_queue[output]++;
            flight->asked[i] = true;
            for (; k > 0; k--) {
                int b = f->waiting[output][k - 1];
                const struct flight *q = &f->flights[b];
                int at = 0;
                while (q->output[at] != output)
                    at++;
                if (q->came[at][0] != now || goes_first(f, b, a, output))
                    break;
                f->waiting[output][k] = b;
            }
            f->waiting[output][k] = a;
        }
    }
}

/* Cycles that a word takes over an output's link, and after which it can carry another. */
static void link_of(const struct mesh_machine *m, int output, int *hop, int *pace)
{
    int out = output % OUTPUTS, x = output / OUTPUTS % m->cols, y = output / OUTPUTS / m->cols;
    bool over_x = m->pitch_x && ((out == EAST && (x + 1) % m->pitch_x == 0) || (out == WEST && x % m->pitch_x == 0));
    bool over_y = m->pitch_y && ((out == SOUTH && (y + 1) % m->pitch_y == 0) || (out == NORTH && y % m->pitch_y == 0));
    *hop = over_x || over_y ? m->border_hop : m->hop;
    *pace = over_x ? m->border_x : over_y ? m->border_y : 1;
}

static void send_word(struct fabric *f, int output, long now)
{
    int hop, pace;
    link_of(f->m, output, &hop, &pace);
    struct flight *flight = &f->flights[f->holder[output]];
    int i = 0;
    while (flight->output[i] != output)
        i++;
    int word = flight->left[i];
    if (flight->came[i][word] < 0 || flight->came[i][word] > now || f->ready[output] > now)
        return;
    f->ready[output] = now + pace;
    if (i + 1 < flight->n_outputs) {
        int out = flight->output[i] % OUTPUTS, next = flight->output[i + 1] % OUTPUTS;
        bool turns = (out == EAST || out == WEST) && (next == SOUTH || next == NORTH);
        flight->came[i + 1][word] = now + hop + (turns ? f->m->turn : 0);
    } else if (word + 1 == flight->packet->words) {
        ((struct mesh_packet *)flight->packet)->received = now + f->m->ramp + 1;
    }
    if (++flight->left[i] == flight->packet->words)
        f->holder[output] = -1;
}

static void step(struct fabric *f, int n_outputs, long now)
{
    ask(f, now);
    for (int output = 0; output < n_outputs; output++) {
        if (f->holder[output] < 0 && f->n_queue[output] > 0) {
            f->holder[output] = f->waiting[output][0];
            f->n_queue[output]--;
            for (int k = 0; k < f->n_queue[output]; k++)
                f->waiting[output][k] = f->waiting[output][k + 1];
        }
        if (f->holder[output] >= 0)
            send_word(f, output, now);
    }
}

/* Cores: a word a cycle down the ramp. */
static void put_down(const struct fabric *f, struct mesh_packet *packets)
{
    long now = 0;
    for (int i = 0; i < f->n; i++) {
        bool same = i > 0 && packets[i].x == packets[i - 1].x && packets[i].y == packets[i - 1].y;
        now = same && now > packets[i].start ? now : packets[i].start;
        for (int w = 0; w < packets[i].words; w++)
            f->flights[i].came[0][w] = now++ + f->m->ramp;
        packets[i].sent = now;
    }
}

static bool all_there(const struct mesh_packet *packets, int n)
{
    for (int i = 0; i < n; i++)
        if (packets[i].received < 0)
            return false;
    return true;
}

void mesh_run(const struct mesh_machine *machine, struct mesh_packet *packets, int n)
{
    int n_outputs = machine->rows * machine->cols * OUTPUTS;
    struct fabric f = {.m = machine, .n = n};
    f.flights = calloc((size_t)n + 1, sizeof *f.flights);
    f.holder = calloc((size_t)n_outputs, sizeof *f.holder);
    f.ready = calloc((size_t)n_outputs, sizeof *f.ready);
    f.n_queue = calloc((size_t)n_outputs, sizeof *f.n_queue);
    f.waiting = calloc((size_t)n_outputs, sizeof *f.waiting);
    for (int output = 0; output < n_outputs; output++) {
        f.holder[output] = -1;
        f.waiting[output] = calloc((size_t)n + 1, sizeof(int));
    }
    for (int i = 0; i < n; i++) {
        packets[i].received = -1;
        f.flights[i].packet = &packets[i];
        plan(machine, &f.flights[i]);
    }
    put_down(&f, packets);
    for (long now = 0; !all_there(packets, n); now++)
        step(&f, n_outputs, now);
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < f.flights[i].n_outputs; k++)
            free(f.flights[i].came[k]);
        free(f.flights[i].came);
        free(f.flights[i].asked);
        free(f.flights[i].left);
        free(f.flights[i].straight);
        free(f.flights[i].output);
    }
    for (int output = 0; output < n_outputs; output++)
        free(f.waiting[output]);
    free(f.waiting);
    free(f.n_queue);
    free(f.holder);
    free(f.ready);
    free(f.flights);
}
