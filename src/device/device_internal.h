/* device_internal.h - what the parts of src/device share. */
#pragma once

#include "base/json_reader.h"
#include "plmr/device.h"

/* One line of PLMR_DEVICE_NUMBERS, with where it lies in a plmr_device. */
struct plmr_device_number {
    const char *key, *unit, *meaning;
    double least, most;
    size_t value, origin;
};

enum {
#define X(key, unit, least, most, meaning) PLMR_DEVICE_NUMBER_##key,
    PLMR_DEVICE_NUMBERS(X)
#undef X
        PLMR_DEVICE_N_NUMBERS
};

/* All of them, in the order of the list. */
extern const struct plmr_device_number plmr_device_numbers[PLMR_DEVICE_N_NUMBERS];

static inline double *plmr_device_value(plmr_device *device, const struct plmr_device_number *number)
{
    return (double *)((char *)device + number->value);
}

static inline plmr_origin *plmr_device_origin(plmr_device *device, const struct plmr_device_number *number)
{
    return (plmr_origin *)((char *)device + number->origin);
}

/* A device's file, of what it holds. Numbers of the command line are guesses there. */
void plmr_device_write(FILE *out, const plmr_device *device);

/* In what two devices differ: topology, routers, numbers with their tags, and how many defects are named. Says so where they do
 * not. */
void plmr_device_compare(FILE *out, const plmr_device *a, const plmr_device *b);

/* Whether the number may have this value; if not, says what is wrong with it: "7 is out of range". */
bool plmr_device_check_value(const struct plmr_device_number *number, double value, char *wrong, size_t size);

/* What pairs may replace: the numbers by their keys, "topology" and "router". */
enum { PLMR_DEVICE_KEY_TOPOLOGY = PLMR_DEVICE_N_NUMBERS, PLMR_DEVICE_KEY_ROUTER, PLMR_DEVICE_N_KEYS };
void plmr_device_list_keys(const char *keys[PLMR_DEVICE_N_KEYS]);

/* Gives the device numbers of `pairs`, "hop=4,topology=torus", and a name of fewer than 256 bytes. */
plmr_status plmr_device_override(const char *name, const char *pairs, plmr_device *device);

/* plmr_device_parse with a name for the device that need not be its file's. */
plmr_status plmr_device_read(const char *text, const char *file, const char *name, int depth, plmr_device *device);

/* plmr_device_load of a device that another one is like: `depth` files lead to it. */
plmr_status plmr_device_load_like(const char *name_or_file, int depth, plmr_device *device);
enum { PLMR_MOST_LIKE = 8 };

/* The lists of dead cores, dead links and slow cores, each of which may be left out: from a file whose numbers are read,
 * and to one, each with a comma before it. */
enum { PLMR_N_DEFECT_KINDS = 3 };
plmr_status plmr_device_read_defects(plmr_reader *reader, const json_t *root, plmr_device *device);
void plmr_device_write_defects(FILE *out, const plmr_device *device);
