/* chat.h - a question as a model's file wants it put: its chat template, if it is of a family that plmr knows. */
#pragma once

#include "model/gguf.h"

/* The prompt for one turn: what the model is to be (system, NULL: nothing), what the user says. *text is for the caller to
 * free. What a template says itself where nothing is said of that is left out. A file
 * without a template, and one of an unknown kind, are refused. Local. */
plmr_status plmr_chat_prompt(const plmr_gguf *gguf, const char *system, const char *user, char **text);
