/* attention.h - attention of the heads that this column of ranks works on: their queries, keys and values go in by cores
 * (see heads.h), keys and values join the cache, and what attention gives takes the queries' place. Values only,
 * collective over the column.
 */
#pragma once

#include "infer/pass.h"

/* Of a prompt of one request; a rank attends with the queries of its own tokens. */
void plmr_attend_prompt(const plmr_pass *pass);

/* Of one token of each request; a rank works on the tokens that its rows of cores hold. */
void plmr_attend_token(const plmr_pass *pass);
