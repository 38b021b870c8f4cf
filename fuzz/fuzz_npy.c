/* Fuzzes the reader of NumPy's files: what it takes can be read whole. */
#include "fuzz.h"

#include "base/npy.h"
#include "fuzz_file.h"

static void read_all(const plmr_npy *npy)
{
    float values[64];
    if (npy->rows < 1 || npy->cols < 1)
        abort();
    for (int64_t i = 0; i < npy->rows; i++)
        for (int64_t j = 0; j < npy->cols; j += 64) {
            int64_t end = j + 64 < npy->cols ? j + 64 : npy->cols;
            plmr_status status = plmr_npy_read(npy, i, i + 1, j, end, values, 64);
            if (status)
                abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    plmr_npy npy;
    plmr_status status = plmr_npy_open(fuzz_file(bytes, n), &npy);
    if (!status) {
        read_all(&npy);
        status = plmr_npy_close(&npy);
    }
    check_line(status);
    return 0;
}
