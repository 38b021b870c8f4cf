/* clock_rows.h - the inner loops of the time plane, over contiguous clocks.
 *
 * Their file is compiled once for every instruction set, told that clocks are finite and never -0, so that a maximum is
 * one vector instruction; each build is a table.
 */
#pragma once

enum { PLMR_CHAINS = 8 };

typedef struct plmr_clock_rows {
    /* For reach <= c < n - reach:
     * next[c] = max(t[c] + own, max(t[c - reach], t[c + reach]) + x_lat, up[c] + up_lat, down[c] + down_lat). */
    void (*exchange)(int n, int reach, double own, double x_lat, const double *t, const double *up, double up_lat,
                     const double *down, double down_lat, double *next);

    /* For c < n: next[c] = max(t[c] + own, start + x_lat[c], up[c] + up_lat, down[c] + down_lat). */
    void (*multicast)(int n, double own, double start, const double *x_lat, const double *t, const double *up,
                      double up_lat, const double *down, double down_lat, double *next);

    /* most[c] = max(most[c], t[c]); returns the largest t. */
    double (*most)(int n, const double *t, double *most);

    /* Widens [*least, *most] by next[c] - t[c]. */
    void (*advance)(int n, const double *t, const double *next, double *least, double *most);

    /* A leg of a reduction in n lines: the receiver takes the first word at max(free, head_src + flight), is free
     * `stream` later and sends on `forward` later; see clock.h. */
    void (*leg)(int n, const double *head_src, double flight, double stream, double forward, double *free_dst,
                double *head_dst);

    /* n cores of each of PLMR_CHAINS rows, c = from, from + step, ...: t[row][c] becomes when core c sends its first
     * word, max(t[row][c], word[row] + flight) + stage, and word[row] with it; then it is busy for `stream`, both of the
     * i-th core at [i * step]. */
    void (*chains)(int n, int step, double stage, const double *stream, const double *flight, double *const *t,
                   int from, double *word);
} plmr_clock_rows;

/* The build for the instruction set that the kernels use; see kernel.h. */
const plmr_clock_rows *plmr_clock_rows_chosen(void);
