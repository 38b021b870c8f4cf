/* tokenizer.json's steps, each of a type and with options: what is not known is refused, and nothing passed over. */
#include "model/hf_internal.h"

#include <string.h>

const char *plmr_hf_text(const json_t *node, const char *key)
{
    const char *text = json_string_value(json_object_get(node, key));
    return text ? text : "";
}

plmr_status plmr_hf_refuse(const plmr_reader *reader, const char *where, const char *what, const char *how)
{
    return plmr_reader_fault(reader, where, "'%.40s'%s is nothing that plmr does; convert the model to GGUF", what,
                             how);
}

plmr_status plmr_hf_walk(const json_t *root, const char *where, const char *parts, plmr_hf_step *step, void *context)
{
    const json_t *node = json_object_get(root, where);
    size_t i;
    json_t *part;
    if (!node || json_is_null(node))
        return PLMR_OK;
    if (strcmp(plmr_hf_text(node, "type"), "Sequence") != 0)
        return step(context, where, plmr_hf_text(node, "type"), node);
    json_array_foreach(json_object_get(node, parts), i, part)
    {
        PLMR_TRY(step(context, where, plmr_hf_text(part, "type"), part));
    }
    return PLMR_OK;
}
