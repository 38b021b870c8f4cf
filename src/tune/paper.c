#include "tune/paper.h"

#include <limits.h>

#include "base/share.h"
#include "region/defects.h"

static bool is_model(const json_t *entry, const plmr_model_shape *shape)
{
    int layers, dim, ffn, heads;
    return json_unpack((json_t *)entry, "{s:i, s:i, s:i, s:i}", "layers", &layers, "dim", &dim, "ffn", &ffn, "heads",
                       &heads) == 0 &&
           layers == shape->n_layers && dim == shape->dim && ffn == shape->n_ffn && heads == shape->n_heads;
}

plmr_status plmr_tune_paper_load(const plmr_model_shape *shape, json_t **choice)
{
    char path[PATH_MAX];
    json_error_t error;
    PLMR_TRY(plmr_share_path("paper/choices.json", path, sizeof path));
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    PLMR_CHECK(root, PLMR_ERROR_INPUT, "%s:%d: %s", path, error.line, error.text);
    const json_t *models = json_object_get(root, "models");
    *choice = NULL;
    for (size_t i = 0; i < json_array_size(models) && !*choice; i++)
        if (is_model(json_array_get(models, i), shape))
            *choice = json_pack("{s:O?, s:O?, s:O}", "levels", json_object_get(root, "levels"), "fused",
                                json_object_get(root, "fused"), "model", json_array_get(models, i));
    json_decref(root);
    return PLMR_OK;
}

bool plmr_tune_paper_point(const json_t *choice, const plmr_device *device, bool decode, plmr_phase_setup *point)
{
    int levels, fused, side, groups;
    if (json_unpack((json_t *)choice, "{s:i, s:b, s:{s:{s:i, s:i}}}", "levels", &levels, "fused", &fused, "model",
                    plmr_phase_name(decode), "side", &side, "groups", &groups) != 0)
        return false;
    *point = (plmr_phase_setup){.rows = side, .cols = side, .unfused = !fused};
    point->tree = (plmr_reduce_options){.n_levels = levels, .n_groups = {groups}, .n_group_levels = groups > 0};
    return side >= 3 && plmr_defects_regions(device, side, side) > 0;
}
