/* text_json.h - bytes as a text of JSON's, which is UTF-8: what is none is replaced. For the caller to json_decref. Local. */
#pragma once

#include <jansson.h>
#include <stddef.h>

json_t *plmr_text_json(const char *bytes, size_t n);
