/* --text: a job's algorithms as bars. */
#include <math.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/memory.h"
#include "cli/job.h"
#include "report/bars.h"

plmr_status plmr_job_bars_note(plmr_job *job, const plmr_record *record)
{
    if (!job->options->text || record->error)
        return PLMR_OK;
    plmr_record *records = plmr_take_more(job->drawn, ((size_t)job->n_drawn + 1) * sizeof *records);
    job->drawn = records;
    records[job->n_drawn++] = *record;
    return PLMR_OK;
}

/* "12 of 24"; without a limit the number alone. */
static plmr_text of_limit(int64_t value, int64_t limit, int64_t unlimited)
{
    plmr_text text = plmr_format_count(value);
    if (limit < unlimited)
        snprintf(text.s, sizeof text.s, "%.20s of %.20s%s", plmr_format_count(value).s, plmr_format_count(limit).s,
                 value > limit ? " !" : "");
    return text;
}

static void draw_cycles(plmr_job *job, plmr_bars_style style, plmr_bar *bars, plmr_text *texts)
{
    char title[100] = "cycles";
    bool computes = isfinite(job->drawn[0].efficiency);
    for (int i = 0; i < job->n_drawn; i++) {
        const plmr_record *r = &job->drawn[i];
        double full = computes ? r->compute_cycles : r->cycles;
        texts[i] = plmr_format_cycles(r->cycles);
        bars[i] = (plmr_bar){r->algorithm, full, r->cycles - full, texts[i].s};
    }
    if (computes)
        snprintf(title, sizeof title, "cycles: %s computing, %s the rest", plmr_bars_mark(style, true),
                 plmr_bars_mark(style, false));
    plmr_bars_print(job->text, style, title, bars, job->n_drawn);
}

static void draw_limits(plmr_job *job, plmr_bars_style style, plmr_bar *bars, plmr_text *texts)
{
    for (int i = 0; i < job->n_drawn; i++) {
        const plmr_record *r = &job->drawn[i];
        texts[i] = of_limit(r->routes_max, r->routes_limit, 1000000);
        bars[i] = (plmr_bar){r->algorithm, (double)r->routes_max, 0, texts[i].s};
    }
    plmr_bars_print(job->text, style, "routes of the busiest router", bars, job->n_drawn);
    for (int i = 0; i < job->n_drawn; i++) {
        const plmr_record *r = &job->drawn[i];
        texts[i] = of_limit(r->sram_peak_bytes, r->sram_limit_bytes, 1000000000);
        bars[i] = (plmr_bar){r->algorithm, (double)r->sram_peak_bytes, 0, texts[i].s};
    }
    plmr_bars_print(job->text, style, "bytes of SRAM of the fullest core", bars, job->n_drawn);
}

plmr_status plmr_job_bars_print(plmr_job *job)
{
    if (job->n_drawn == 0)
        return PLMR_OK;
    plmr_bars_style style = plmr_bars_style_of(job->text);
    plmr_bar *bars = calloc((size_t)job->n_drawn, sizeof *bars);
    plmr_text *texts = calloc((size_t)job->n_drawn, sizeof *texts);
    if (bars && texts) {
        draw_cycles(job, style, bars, texts);
        draw_limits(job, style, bars, texts);
    }
    bool made = bars && texts;
    free(bars);
    free(texts);
    return made ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory");
}
