#include "cli/llm_bars.h"

#include <math.h>

#include "base/format.h"
#include "report/bars.h"

/* Relayout counts as prefill's. */
static void draw_works(FILE *out, plmr_bars_style style, const plmr_llm_summary *s)
{
    plmr_bar bars[PLMR_N_WORKS];
    plmr_text texts[PLMR_N_WORKS];
    char title[160] = "cycles by kind of work";
    int n = 0;
    for (int i = 0; i < PLMR_N_WORKS; i++) {
        double before = s->prefill_cost.work[i] + s->handover.work[i], decode = s->decode_cost.work[i];
        if (before + decode <= 0)
            continue;
        texts[n] = plmr_format_cycles(before + decode);
        bars[n] = (plmr_bar){plmr_work_name((enum plmr_work)i), before, decode, texts[n].s};
        n++;
    }
    snprintf(title, sizeof title, "cycles by kind of work: %s until the first token, %s decode",
             plmr_bars_mark(style, true), plmr_bars_mark(style, false));
    plmr_bars_print(out, style, title, bars, n);
}

static void draw_speeds(FILE *out, plmr_bars_style style, const plmr_llm_record *r)
{
    const char *labels[] = {"prefill", "decode", "end to end"};
    double speeds[] = {r->tpr_prefill, r->tpr_decode, r->tpr_e2e};
    plmr_bar bars[3];
    plmr_text texts[3];
    int n = 0;
    for (int i = 0; i < 3; i++) {
        if (!isfinite(speeds[i]))
            continue;
        texts[n] = plmr_format_cycles(round(speeds[i]));
        bars[n] = (plmr_bar){labels[i], speeds[i], 0, texts[n].s};
        n++;
    }
    plmr_bars_print(out, style, "tokens per second of one request", bars, n);
}

void plmr_llm_bars(FILE *out, const plmr_llm_summary *summary, const plmr_llm_record *record)
{
    plmr_bars_style style = plmr_bars_style_of(out);
    draw_works(out, style, summary);
    draw_speeds(out, style, record);
}
