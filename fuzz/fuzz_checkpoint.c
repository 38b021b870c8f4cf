/* Fuzzes the reader of checkpoints: the input as the newest one, with its checksum behind it if its last byte is odd. */
#include "fuzz.h"

#include "base/digest.h"
#include "base/hash.h"
#include "fuzz_file.h"
#include "plmr/ranks.h"
#include "run/checkpoint.h"

static const char *put(const uint8_t *bytes, size_t n)
{
    static bool is_started;
    char sum[40] = "";
    if (!is_started)
        check_line(plmr_init(NULL, NULL));
    is_started = true;
    if (n > 0 && bytes[n - 1] % 2)
        snprintf(sum, sizeof sum, "%s\n", plmr_digest_shown(plmr_hash_bytes(PLMR_HASH_START, bytes, n)).s);
    return fuzz_folder("x.checkpoint", bytes, n, sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    plmr_checkpoint checkpoint;
    json_t *state;
    char option[100], rest[100];
    snprintf(option, sizeof option, "%s:every 5", put(bytes, n));
    plmr_status status = plmr_checkpoint_open(&checkpoint, option, "x", json_pack("{ss}", "--temp", "0.8"), &state);
    if (!status && state)
        status = plmr_checkpoint_read(&checkpoint, rest, sizeof rest);
    json_decref(state);
    plmr_status closed = plmr_checkpoint_close(&checkpoint, status);
    check_line(closed);
    return 0;
}
