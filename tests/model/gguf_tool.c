/* gguf_tool: prints the types that plmr reads. gguf_tool FILE PIECE: prints the tensors of a GGUF file: for each a line
 * "name type rows cols", then rows x cols raw float32, read in pieces of PIECE x PIECE. Exits with 2 and one line on
 * stderr where the file is refused. */
#include "model/gguf.h"

#include <stdio.h>
#include <stdlib.h>

#include "model/quant.h"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static plmr_status print_tensor(const plmr_gguf_tensor *tensor, int64_t piece)
{
    size_t n = (size_t)(tensor->rows * tensor->cols);
    float *values = malloc(n * sizeof *values);
    PLMR_CHECK(values, PLMR_ERROR_SYSTEM, "out of memory");
    for (int64_t r = 0; r < tensor->rows; r += piece)
        for (int64_t c = 0; c < tensor->cols; c += piece)
            plmr_gguf_read(tensor, r, least(piece, tensor->rows - r), c, least(piece, tensor->cols - c),
                           values + r * tensor->cols + c, (size_t)tensor->cols);
    printf("%.*s %s %lld %lld\n", (int)tensor->name.n_bytes, tensor->name.bytes, plmr_gguf_type_name(tensor),
           (long long)tensor->rows, (long long)tensor->cols);
    fwrite(values, sizeof *values, n, stdout);
    free(values);
    return PLMR_OK;
}

static plmr_status print_file(const char *path, int64_t piece)
{
    plmr_gguf *gguf;
    size_t n;
    PLMR_TRY(plmr_gguf_open(path, &gguf));
    const plmr_gguf_tensor *tensors = plmr_gguf_tensors(gguf, &n);
    plmr_status status = PLMR_OK;
    for (size_t i = 0; i < n && !status; i++)
        status = print_tensor(&tensors[i], piece);
    plmr_gguf_close(gguf);
    return status;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return puts(plmr_quant_list().s) < 0;
    if (argc != 3 || atoi(argv[2]) < 1)
        return 1;
    plmr_status status = print_file(argv[1], atoi(argv[2]));
    if (!status)
        return 0;
    fprintf(stderr, "gguf_tool: %s\n", plmr_error_text(status));
    plmr_error_free(status);
    return 2;
}
