/* standing.h - how far a time by a device can be trusted: the tags of the numbers that it rests on, and how well published
 * measurements that rest on the same ones are met.
 *
 * The time plane notes in a region's ledger which parts of the model a program has used (plmr_used); the parts say which
 * numbers of the device its time reads. share/validation/errors.jsonl, which `plmr validate --out` writes, has a line for each
 * set of measurements and device: how well it is met, and on which numbers its predictions depend, as shares of all. A set
 * speaks for a time if at least half of that is of numbers which the time reads, too; numbers of the command line are nobody's.
 *
 *     plmr_standing standing;                    a MeshGEMV in f16 on wse2
 *     plmr_evidence_read(&device, &evidence);
 *     plmr_standing_of(&device, &evidence, PLMR_PART_LINKS | PLMR_PART_COLLECTIVE | PLMR_PART_STAGE | PLMR_PART_TILES, PLMR_F16,
 *                      &standing);
 *     standing.tag "2", .weakest "ramp,stage", .rms 0.049, .sets "cs-reduce"
 */
#pragma once

#include <jansson.h>

#include "device/device_internal.h"
#include "device/used.h"

typedef struct plmr_standing {
    char tag[12];      /* the weakest of the numbers' */
    char weakest[256]; /* those that have it: "ramp,stage" */
    char numbers[640]; /* all: "clock,hop,ramp,..." */
    double rms;        /* of relative errors of all points of the sets; NAN: none is known */
    char sets[256];    /* "cs-latency,cs-reduce", or "none known" */
} plmr_standing;

/* As keys of a record: "standing", "standing_of", "rests_on", "uncertainty", "uncertainty_of"; all null if it is NULL. For
 * the caller to json_decref. Local. */
json_t *plmr_standing_json(const plmr_standing *standing);

/* One line of errors.jsonl: how a set's measurements of a device are met. */
typedef struct plmr_evidence {
    char set[48], device[48], standing[16];
    int n;
    double mean, rms, bias;               /* of relative errors */
    double shares[PLMR_DEVICE_N_NUMBERS]; /* by number of the device: of what its predictions depend on */
} plmr_evidence;

typedef struct plmr_evidence_list {
    plmr_evidence *at; /* for the owner to free */
    int n;
} plmr_evidence_list;

/* Those of a device, without the numbers behind its name's colon. Where there is no such file there are none; one that cannot
 * be read is a failure of the system, for it may hold some. Local. */
plmr_status plmr_evidence_read(const plmr_device *device, plmr_evidence_list *evidence);

/* Of a time of a program with these parts and elements of this type. Local. */
void plmr_standing_of(const plmr_device *device, const plmr_evidence_list *evidence, unsigned parts,
                      enum plmr_dtype dtype, plmr_standing *standing);

/* For each number, the sets that rest on it by a tenth at least: those met within 10 % in the mean speak for it. Local;
 * reads the file. */
plmr_status plmr_evidence_print(FILE *out, const plmr_device *device);
