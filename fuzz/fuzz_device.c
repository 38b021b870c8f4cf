/* Fuzzes the reader of devices: JSON, which comes back from the file that is written of it; and numbers of the command line,
 * for what begins with a key. */
#include "fuzz.h"

#include "base/hash.h"
#include "device/device_internal.h"
#include "device/identity.h"

#include <string.h>

/* What was read can be written, and read again. */
static void come_back(const plmr_device *device)
{
    char *text;
    size_t n;
    plmr_device again;
    FILE *out = open_memstream(&text, &n);
    plmr_device_write(out, device);
    fclose(out);
    plmr_status status = plmr_device_parse(text, "again.json", &again);
    if (status || plmr_device_hash(PLMR_HASH_START, device) != plmr_device_hash(PLMR_HASH_START, &again))
        abort();
    free(text);
}

static void override(const char *pairs)
{
    static plmr_device wse2;
    char name[200];
    if (!*wse2.name)
        check_line(plmr_device_load("wse2", &wse2));
    plmr_device device = wse2;
    snprintf(name, sizeof name, "wse2:%s", pairs);
    plmr_status status = plmr_device_override(name, pairs, &device);
    if (!status)
        come_back(&device);
    check_line(status);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    plmr_device device;
    char *text = malloc(n + 1);
    if (!text)
        abort();
    memcpy(text, bytes, n);
    text[n] = '\0';
    if (n > 0 && bytes[0] >= 'a' && bytes[0] <= 'z') {
        override(text);
    } else {
        plmr_status status = plmr_device_parse(text, "fuzz.json", &device);
        if (!status)
            come_back(&device);
        check_line(status);
    }
    free(text);
    return 0;
}
