/* keys.h - keys and values of a prompt, head by head, from all ranks of a column.
 *
 * A rank has those of its own tokens, and its queries want those of all tokens before them. So of each head that the
 * column works on every rank gets all, one head after the other; the next travels while this one is worked on. Of a head
 * a rank keeps in its cache the tokens that decode has on its rows of cores.
 */
#pragma once

#include "infer/pass.h"

typedef struct plmr_keys {
    const plmr_pass *pass;
    plmr_exchange *messages;
    char **part
        [2]; /* by turn and place: keys and values of the tokens of a place, token by token, as the cache has them */
    char *memory;
    int turn, kv;  /* the next to come; kv = heads: nothing more comes */
    char *keys;    /* of the head at hand: elements x tokens, of the cache's type; */
    float *values; /* and tokens x elements */
} plmr_keys;

/* Collective over the column. */
plmr_keys *plmr_keys_create(const plmr_pass *pass);
void plmr_keys_destroy(plmr_keys *keys);

/* Takes the next head, if there is one. Collective over the column. */
bool plmr_keys_next(plmr_keys *keys, int *kv);

/* Helps messages along, while the head is worked on. */
void plmr_keys_poll(plmr_keys *keys);
