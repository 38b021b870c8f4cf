/* npy_tool IN OUT [BLOCKS]: copies a .npy file in BLOCKS x BLOCKS pieces, every piece through a descriptor of its own,
 * as so many ranks would. Prints "dtype dimensions rows cols"; or an error on stderr, and exits with 2. */
#include "base/npy.h"

#include <stdio.h>
#include <stdlib.h>

static plmr_status copy_piece(const plmr_npy *in, const plmr_npy *draft, int64_t r0, int64_t r1, int64_t c0, int64_t c1)
{
    plmr_npy out;
    PLMR_TRY(plmr_npy_attach(draft, &out));
    void *piece = malloc((size_t)((r1 - r0) * (c1 - c0) + 1) * plmr_dtype_bytes(in->dtype));
    plmr_status error = piece ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory");
    if (!error)
        error = plmr_npy_read(in, r0, r1, c0, c1, piece, c1 - c0);
    if (!error)
        error = plmr_npy_write(&out, r0, r1, c0, c1, piece, c1 - c0);
    free(piece);
    plmr_status close_error = plmr_npy_close(&out);
    if (!error)
        return close_error;
    plmr_error_free(close_error);
    return error;
}

static plmr_status copy_pieces(const plmr_npy *in, const char *out_path, int n)
{
    plmr_npy out;
    PLMR_TRY(plmr_npy_create(out_path, in->dtype, in->n_dims, in->rows, in->cols, &out));
    for (int i = 0; i < n * n; i++) {
        int64_t r = i / n, c = i % n;
        plmr_status error =
            copy_piece(in, &out, in->rows * r / n, in->rows * (r + 1) / n, in->cols * c / n, in->cols * (c + 1) / n);
        if (error) {
            plmr_npy_discard(&out);
            return error;
        }
    }
    return plmr_npy_commit(&out);
}

static plmr_status copy(const char *in_path, const char *out_path, int n)
{
    plmr_npy in;
    PLMR_TRY(plmr_npy_open(in_path, &in));
    printf("%s %d %lld %lld\n", plmr_dtype_name(in.dtype), in.n_dims, (long long)in.rows, (long long)in.cols);
    plmr_status error = copy_pieces(&in, out_path, n);
    plmr_error_free(plmr_npy_close(&in));
    return error;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 1;
    plmr_status error = copy(argv[1], argv[2], argc > 3 ? atoi(argv[3]) : 1);
    if (!error)
        return 0;
    fprintf(stderr, "npy_tool: %s\n", plmr_error_text(error));
    plmr_error_free(error);
    return 2;
}
