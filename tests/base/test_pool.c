#include "base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

enum { N_PIECES = 300, PIECE = 1 << 20 };

static size_t bytes_of(int piece)
{
    return (size_t)(PIECE / (1 + piece % 7) + piece);
}

/* Of several slabs; whatever is written to one piece, others keep theirs, also while some are given back and taken anew. */
static void pieces(void **state)
{
    plmr_pool *pool = plmr_pool_create();
    char *piece[N_PIECES];
    (void)state;
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < N_PIECES; i++) {
            if (round && i % 3 == round)
                plmr_pool_give(pool, piece[i]);
            if (!round || i % 3 == round) {
                piece[i] = plmr_pool_take(pool, bytes_of(i));
                assert_non_null(piece[i]);
                assert_int_equal((uintptr_t)piece[i] % PLMR_SLAB_ALIGNMENT, 0);
                memset(piece[i], i % 251, bytes_of(i));
            }
        }
    for (int i = 0; i < N_PIECES; i++)
        for (size_t at = 0; at < bytes_of(i); at += 509)
            assert_int_equal((unsigned char)piece[i][at], i % 251);
    for (int i = N_PIECES - 1; i >= 0; i -= 2)
        plmr_pool_give(pool, piece[i]);
    plmr_pool_destroy(pool);
}

/* One that is larger than slabs are; nothing at all; and what no system has. */
static void sizes(void **state)
{
    plmr_pool *pool = plmr_pool_create();
    char *small = plmr_pool_take(pool, 1), *large = plmr_pool_take(pool, (size_t)80 << 20);
    (void)state;
    assert_true(small && large);
    small[0] = large[0] = large[((size_t)80 << 20) - 1] = 1;
    plmr_pool_give(pool, NULL);
    plmr_pool_give(pool, large);
    plmr_pool_give(pool, small);
    small = plmr_pool_take(pool, 1);
    assert_non_null(small);
    assert_null(plmr_pool_take(pool, SIZE_MAX));
    small[0] = 1;
    plmr_pool_destroy(pool);
    plmr_pool_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces), cmocka_unit_test(sizes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
