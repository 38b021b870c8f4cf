/* validate.h - published measurements, each predicted by a program and put beside what was measured.
 *
 * Measurements come in sets, share/validation/NAME.json:
 *
 *     {"title": "...", "program": "stencil", "mechanism": "compute", "standing": "prediction",
 *      "ids": ["jorineg-t-*"], "options": {"operation": 4}, "points": [{"id": ..., "source": ..., "device": ...,
 *      "what": ..., "config": {...}, "value": 126, "unit": "cycles", "kind": "simulated"}, ...]}
 *
 * A set says which program (a const struct in a file of its own, see struct plmr_trial) makes such numbers, and what
 * of that program's text is not the device's (`options`); "slow": true keeps it out of what is run where none is named. A point in a file of the user's own, one JSON object a line, belongs
 * to the first set with a pattern that its id fits. Nothing of a point but its id, device, what, config and unit
 * enters a prediction.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "base/registry.h"
#include "device/standing.h"

/* What a file of the user's own is like, for people. */
#define PLMR_POINTS_HELP                                                                                               \
    "A file of yours has a JSON object a line: id, device (of plmr device list, or a machine such as CS-2), value, "   \
    "unit (cycles, us, GB/s, ...), kind (measured, simulated, claimed) and config, what was run. The id says which "   \
    "program predicts it: it must fit the \"ids\" of a set, in share/validation/SET.json, whose points show the keys " \
    "of config. What fits none is listed without a prediction.\n"                                                      \
    "  {\"id\": \"sidd-allreduce-mine\", \"device\": \"wse3-sim\", \"config\": {\"grid\": \"2x2\"},\n"                 \
    "   \"value\": 700, \"unit\": \"cycles\", \"kind\": \"measured\"}\n\n"

/* In the order of the list of mechanisms. */
enum { PLMR_N_MECHANISMS = 6 };
extern const char *const plmr_mechanisms[PLMR_N_MECHANISMS + 1]; /* NULL at the end */

typedef struct plmr_trial plmr_trial;

typedef struct plmr_measured_set {
    const char *name, *title, *mechanism, *standing;
    const plmr_trial *trial;
    const json_t *ids, *options;
    const char *device; /* in place of what publications' names of a machine mean; NULL: that */
    bool slow;          /* takes a minute or so: is run if it is named */
} plmr_measured_set;

typedef struct plmr_measurement {
    const plmr_measured_set *set; /* NULL: none knows it */
    const char *id, *source, *machine, *what, *unit, *kind;
    const json_t *config;
    double measured, predicted; /* in its unit; predicted NAN: nothing can be said */
    const char *given;          /* the unit of what its program says, if that is no such quantity; else NULL */
    char device[256];           /* that it is run on; "": none that plmr knows */
    bool is_published;          /* `machine` is what publications call it, no device's name or file */
} plmr_measurement;

/* A program that measurements were made with. Of a run's answer one is set, the other NAN; both NAN: it cannot say. */
typedef struct plmr_trial_run {
    const plmr_measurement *point;
    const json_t *config, *options; /* of the point, of its set */
    plmr_device device;
    double cycles; /* that it takes or, if `amount` is not 0, in which so much is done */
    double amount;
    double value;
    const char *unit; /* of `value`, or of `amount` a second: "tokens/s"; it becomes the point's */
} plmr_trial_run;

struct plmr_trial {
    const char *name, *summary;
    plmr_status (*run)(plmr_trial_run *run); /* collective; the same on any number of ranks */
};

PLMR_REGISTRY(trial, plmr_trial)

typedef struct plmr_validation {
    plmr_measured_set *sets;
    int n_sets;
    plmr_measurement *points;
    int n_points, n_left_out; /* n_left_out: that were taken out, as of other devices */
    bool all;                 /* all sets were added, but the slow ones */
    json_t *texts;            /* that all of these point into */
    plmr_evidence *evidence;  /* once they have been weighed */
    int n_evidence;
} plmr_validation;

/* All sets' descriptions; points come with the next two. Local. */
plmr_status plmr_validation_open(plmr_validation *validation);
void plmr_validation_close(plmr_validation *validation);

/* Adds the points of a set by name (any other is a file's), of all sets, or of a user's file. An error names file, line and
 * id. Local. */
plmr_status plmr_validation_add_set(plmr_validation *validation, const char *name);
plmr_status plmr_validation_add_all(plmr_validation *validation);
plmr_status plmr_validation_add_file(plmr_validation *validation, const char *path);

/* Runs the points on the devices that they name. `device`, if not NULL, takes the place of the one of its own name, that of
 * all points if it is a user's file; points of others are taken out. Collective. */
plmr_status plmr_validation_choose(plmr_validation *validation, const char *device);

/* The same, and loads it; without a name it is the first device of the points that plmr knows, and those of others, or with
 * other numbers, are taken out. */
plmr_status plmr_validation_choose_one(plmr_validation *validation, const char *name, plmr_device *device);
plmr_status plmr_validation_run(plmr_validation *validation, void (*progress)(void *context), void *context);

/* What the points that have been run say of devices, by set and device: errors, and shares of a few points of each, run
 * again with each number moved. Collective. */
plmr_status plmr_validation_weigh(plmr_validation *validation);

/* One point on a device; what cannot be run there, such as an unknown model, is not predicted. Collective. */
plmr_status plmr_measurement_predict(plmr_measurement *point, const plmr_device *device);

/* predicted / measured - 1; NAN where one is missing. */
double plmr_measurement_error(const plmr_measurement *point);

/* ---- what programs are told ---- */

/* A number of an object: as such, or as text ("768", "2K"); else the default. The two of "16x12"; false: there are none. */
double plmr_config_number(const json_t *object, const char *key, double otherwise);
bool plmr_config_pair(const json_t *object, const char *key, double pair[2]);
const char *plmr_config_text(const json_t *object, const char *key); /* "" if there is none */

/* Whether a text holds a word, in any case. */
bool plmr_has_word(const char *text, const char *word);

/* ---- units ---- */

bool plmr_unit_known(const char *unit);

/* A number of one unit in another, cycles by the device's clock; NAN: they are no units of one quantity. */
double plmr_unit_convert(double value, const char *from, const char *to, const plmr_device *device);

/* ---- what people and programs read; local: on rank 0 ---- */

typedef struct plmr_errors {
    int n;
    double mean, rms, worst, bias; /* of shares; worst with its sign */
} plmr_errors;

/* Of the points of a set, mechanism and device; NULL: of any. */
plmr_errors plmr_validation_errors(const plmr_validation *validation, const plmr_measured_set *set,
                                   const char *mechanism, const char *device);

void plmr_validation_print(FILE *out, const plmr_validation *validation, bool each);
plmr_status plmr_validation_write_json(const plmr_validation *validation, const char *path);

/* README.md, records.jsonl, errors.jsonl (see device/standing.h) and provenance.json into a folder, which is made; their names. */
extern const char *const plmr_validation_files[];
void plmr_validation_put_evidence(FILE *out, const void *validation);
plmr_status plmr_validation_write(const plmr_validation *validation, const char *folder);
