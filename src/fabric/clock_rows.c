#include "fabric/clock_rows.h"

/* One build for every vector width of the machine at hand, chosen when the program starts. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define EVERY_WIDTH __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EVERY_WIDTH
#endif

#define MAX(a, b) ((a) > (b) ? (a) : (b))

EVERY_WIDTH
void plmr_clock_row(int n, int reach, double own, double x_lat, const double *t, const double *up, double up_lat,
                    const double *down, double down_lat, double *restrict next)
{
    for (int c = reach; c < n - reach; c++) {
        double x = MAX(t[c - reach], t[c + reach]) + x_lat;
        double y = MAX(up[c] + up_lat, down[c] + down_lat);
        double mine = MAX(t[c] + own, x);
        next[c] = MAX(mine, y);
    }
}

EVERY_WIDTH
void plmr_clock_row_multicast(int n, double own, double start, const double *x_lat, const double *t, const double *up,
                              double up_lat, const double *down, double down_lat, double *restrict next)
{
    for (int c = 0; c < n; c++) {
        double y = MAX(up[c] + up_lat, down[c] + down_lat);
        double mine = MAX(t[c] + own, start + x_lat[c]);
        next[c] = MAX(mine, y);
    }
}

EVERY_WIDTH
double plmr_clock_row_most(int n, const double *t, double *restrict most)
{
    double largest = t[0];
    for (int c = 0; c < n; c++) {
        most[c] = MAX(most[c], t[c]);
        largest = MAX(largest, t[c]);
    }
    return largest;
}

EVERY_WIDTH
void plmr_clock_row_advance(int n, const double *t, const double *next, double *least, double *most)
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

EVERY_WIDTH
void plmr_clock_row_leg(int n, const double *head_src, double flight, double stream, double stage,
                        double *restrict free_dst, double *restrict head_dst)
{
    for (int c = 0; c < n; c++) {
        double begin = MAX(free_dst[c], head_src[c] + flight);
        free_dst[c] = begin + stream;
        head_dst[c] = begin + stage;
    }
}
