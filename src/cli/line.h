/* line.h - a command line taken apart again, for what is done with it later. Local. */
#pragma once

#include <jansson.h>

#include "cli/command.h"

/* The option of the command, or of all commands, that a word gives; NULL: it gives none. */
const plmr_option *plmr_line_option(const plmr_command *command, const char *word);

/* Whether the option's value is the next word. */
bool plmr_line_value_is_apart(const plmr_option *option, const char *word);

/* What results depend on, as an object of texts: {"--temp": "0.8", "--chat": "", "word 1": "wse2"}; without what is written
 * or shown, the grid of ranks, and what all commands take. For the caller to json_decref. */
json_t *plmr_line_settings(const plmr_command *command, const plmr_words *line);
