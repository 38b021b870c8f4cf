/* Compiled once for every instruction set; see meson.build. */
#include "time/clock_rows.h"

#define MAX(a, b) ((a) > (b) ? (a) : (b))

static void exchange(int n, int reach, double own, double x_lat, const double *t, const double *up, double up_lat,
                     const double *down, double down_lat, double *restrict next)
{
    for (int c = reach; c < n - reach; c++) {
        double x = MAX(t[c - reach], t[c + reach]) + x_lat;
        double y = MAX(up[c] + up_lat, down[c] + down_lat);
        double mine = MAX(t[c] + own, x);
        next[c] = MAX(mine, y);
    }
}

static void multicast(int n, double own, double start, const double *x_lat, const double *t, const double *up,
                      double up_lat, const double *down, double down_lat, double *restrict next)
{
    for (int c = 0; c < n; c++) {
        double y = MAX(up[c] + up_lat, down[c] + down_lat);
        double mine = MAX(t[c] + own, start + x_lat[c]);
        next[c] = MAX(mine, y);
    }
}

static double most(int n, const double *t, double *restrict latest)
{
    double largest = t[0];
    for (int c = 0; c < n; c++) {
        latest[c] = MAX(latest[c], t[c]);
        largest = MAX(largest, t[c]);
    }
    return largest;
}

static void advance(int n, const double *t, const double *next, double *least, double *most)
{
    double low = *least, high = *most;
    for (int c = 0; c < n; c++) {
        double step = next[c] - t[c];
        low = step < low ? step : low;
        high = MAX(high, step);
    }
    *least = low;
    *most = high;
}

static void leg(int n, const double *head_src, double flight, double stream, double forward, double *restrict free_dst,
                double *restrict head_dst)
{
    for (int c = 0; c < n; c++) {
        double begin = MAX(free_dst[c], head_src[c] + flight);
        free_dst[c] = begin + stream;
        head_dst[c] = begin + forward;
    }
}

static void chains(int n, int step, double stage, const double *stream, const double *flight, double *const *t,
                   int from, double *word)
{
    double *row[PLMR_CHAINS], at[PLMR_CHAINS];
    for (int i = 0; i < PLMR_CHAINS; i++) {
        row[i] = t[i] + from;
        at[i] = word[i];
    }
    for (int k = 0, c = 0; k < n; k++, c += step)
        for (int i = 0; i < PLMR_CHAINS; i++) {
            at[i] = MAX(row[i][c], at[i] + flight[c]) + stage;
            row[i][c] = at[i] + stream[c];
        }
    for (int i = 0; i < PLMR_CHAINS; i++)
        word[i] = at[i];
}

const plmr_clock_rows PLMR_CLOCK_ROWS = {
    .exchange = exchange,
    .multicast = multicast,
    .most = most,
    .advance = advance,
    .leg = leg,
    .chains = chains,
};
