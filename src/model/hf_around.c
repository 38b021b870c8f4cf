/* tokenizer.json's post_processor: the ids that are put in front of a text, and behind it. */
#include "model/hf_internal.h"

#include <string.h>

static plmr_status add_id(plmr_hf_around *around, const plmr_reader *reader, const json_t *id, bool behind)
{
    plmr_hf_ids *ids = behind ? &around->behind : &around->before;
    if (!json_is_integer(id) || ids->n == PLMR_VOCAB_MOST_AROUND)
        return plmr_reader_fault(reader, "post_processor", "puts more than %d tokens %s texts, or one without an id",
                                 PLMR_VOCAB_MOST_AROUND, behind ? "behind" : "in front of");
    ids->list[ids->n++] = json_integer_value(id);
    return PLMR_OK;
}

struct steps {
    const plmr_reader *reader;
    plmr_hf_around *around;
    bool adds;
};

/* A text alone: special tokens, each with its ids, and in one place the text. */
static plmr_status read_template(const struct steps *s, const char *where, const json_t *node)
{
    const json_t *known = json_object_get(node, "special_tokens");
    size_t i, j;
    json_t *part, *id;
    bool behind = false;
    json_array_foreach(json_object_get(node, "single"), i, part)
    {
        const char *name = plmr_hf_text(json_object_get(part, "SpecialToken"), "id");
        const char *text = plmr_hf_text(json_object_get(part, "Sequence"), "id");
        const json_t *ids = json_object_get(json_object_get(known, name), "ids");
        if (*name ? json_array_size(ids) == 0 : behind || strcmp(text, "A") != 0)
            return plmr_hf_refuse(s->reader, where, *name ? name : "TemplateProcessing", " of a template");
        behind = behind || !*name;
        json_array_foreach(ids, j, id) PLMR_TRY(add_id(s->around, s->reader, id, behind));
    }
    return behind ? PLMR_OK : plmr_hf_refuse(s->reader, where, "TemplateProcessing", " without a text");
}

/* ByteLevel changes offsets alone. */
static plmr_status read_step(void *context, const char *where, const char *type, const json_t *node)
{
    struct steps *s = context;
    if (strcmp(type, "ByteLevel") == 0)
        return PLMR_OK;
    if (s->adds)
        return plmr_hf_refuse(s->reader, where, type, " behind another one");
    s->adds = true;
    if (strcmp(type, "TemplateProcessing") == 0)
        return read_template(s, where, node);
    if (strcmp(type, "RobertaProcessing") != 0 && strcmp(type, "BertProcessing") != 0)
        return plmr_hf_refuse(s->reader, where, type, "");
    PLMR_TRY(add_id(s->around, s->reader, json_array_get(json_object_get(node, "cls"), 1), false));
    return add_id(s->around, s->reader, json_array_get(json_object_get(node, "sep"), 1), true);
}

plmr_status plmr_hf_read_around(const plmr_reader *reader, const json_t *root, plmr_hf_around *around)
{
    struct steps s = {reader, around, false};
    return plmr_hf_walk(root, "post_processor", "processors", read_step, &s);
}
