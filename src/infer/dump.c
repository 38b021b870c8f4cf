#include "infer/dump.h"

plmr_status plmr_dump_columns(const plmr_dump *dump, const plmr_grid *grid, const plmr_deal *deal, const char *phase,
                              int64_t token, int layer, const char *name, int64_t n_rows, const float *values,
                              size_t ld)
{
    (void)grid, (void)deal, (void)phase, (void)token, (void)layer, (void)name, (void)n_rows, (void)values, (void)ld;
    return dump->folder ? plmr_error_make(PLMR_ERROR_INPUT, "no dump yet") : PLMR_OK;
}

plmr_status plmr_dump_rows(const plmr_dump *dump, const char *phase, int64_t token, int layer, const char *name,
                           int64_t n_rows, int64_t n, const float *values, size_t ld)
{
    (void)n, (void)phase, (void)token, (void)layer, (void)name, (void)n_rows, (void)values, (void)ld;
    return dump->folder ? plmr_error_make(PLMR_ERROR_INPUT, "no dump yet") : PLMR_OK;
}
