/* Fuzzes the reader of checkpoints: the input as the newest one, with its checksum behind it if its last byte is odd. */
#include "fuzz.h"

#include "base/digest.h"
#include "base/hash.h"
#include "plmr/ranks.h"
#include "run/checkpoint.h"

#include <string.h>
#include <unistd.h>

static char folder[] = "/dev/shm/plmr-fuzz-XXXXXX", path[sizeof folder + 20];

static void remove_folder(void)
{
    remove(path);
    rmdir(folder);
}

static void put_file(const uint8_t *bytes, size_t n)
{
    static bool is_made;
    if (!is_made) {
        check_line(plmr_init(NULL, NULL));
        is_made = mkdtemp(folder);
        snprintf(path, sizeof path, "%s/x.checkpoint", folder);
        atexit(remove_folder);
    }
    FILE *file = fopen(path, "w");
    if (!file)
        abort();
    fwrite(bytes, 1, n, file);
    if (n > 0 && bytes[n - 1] % 2)
        fprintf(file, "%s\n", plmr_digest_shown(plmr_hash_bytes(PLMR_HASH_START, bytes, n)).s);
    fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    plmr_checkpoint checkpoint;
    json_t *state;
    char option[sizeof folder + 20], rest[100];
    put_file(bytes, n);
    snprintf(option, sizeof option, "%s:every 5", folder);
    plmr_status status = plmr_checkpoint_open(&checkpoint, option, "x", json_pack("{ss}", "--temp", "0.8"), &state);
    if (!status && state)
        status = plmr_checkpoint_read(&checkpoint, rest, sizeof rest);
    json_decref(state);
    plmr_status closed = plmr_checkpoint_close(&checkpoint, status ? status : PLMR_OK, false);
    check_line(closed);
    return 0;
}
