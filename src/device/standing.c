#include "device/standing.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/larger.h"
#include "base/memory.h"
#include "base/share.h"
#include "base/text_file.h"

enum { MOST_OF_PART = 14 };

/* ---- what a time rests on ---- */

/* Of products, those of the other type of elements are none of it. */
#define N(key) PLMR_DEVICE_NUMBER_##key
static const struct {
    unsigned part;
    int numbers[MOST_OF_PART]; /* to the first that is 0, which is rows */
} parts[] = {
    {PLMR_PART_LINKS, {N(wavelet), N(hop), N(ramp), N(link)}},
    {PLMR_PART_BORDERS, {N(border_rows), N(border_cols), N(border_hop), N(border_link), N(border_lanes)}},
    {PLMR_PART_STAGE, {N(ramp), N(stage)}},
    {PLMR_PART_RELAY, {N(relay), N(shift_launch), N(shift_wavelet)}},
    {PLMR_PART_EXCHANGE, {N(shift_launch), N(shift_wavelet)}},
    {PLMR_PART_COLLECTIVE, {N(collective_launch)}},
    {PLMR_PART_POINTS,
     {N(wavelet), N(hop), N(turn), N(ramp), N(link), N(send_launch), N(send_message), N(send_address), N(shift_wavelet),
      N(cut), N(packet), N(header), N(buffer), N(straight)}},
    {PLMR_PART_POINTS, {N(ring_rows), N(ring_cols)}},
    {PLMR_PART_TILES,
     {N(vector_issue), N(tile_loop), N(mac_group_f16), N(mac_cycles_f16), N(mac_group_f32), N(mac_cycles_f32)}},
    {PLMR_PART_ELEMENTS,
     {N(vector_start), N(mac_group_f16), N(mac_cycles_f16), N(mac_group_f32), N(mac_cycles_f32), N(reduce_element),
      N(scalar_function)}},
    {PLMR_PART_SCALARS, {N(decode_layer), N(decode_element)}},
    {PLMR_PART_OUTSIDE, {N(dram), N(dram_rate), N(dram_lanes), N(host_rate), N(host_lanes)}},
    {PLMR_PART_WAFERS, {N(wafer_rate), N(wafer_latency)}},
};

static bool is_of_other_type(int number, enum plmr_dtype dtype)
{
    bool of_f16 = number == N(mac_group_f16) || number == N(mac_cycles_f16);
    bool of_f32 = number == N(mac_group_f32) || number == N(mac_cycles_f32);
    return dtype == PLMR_F32 ? of_f16 : of_f32;
}
#undef N

/* Cycles become seconds by the clock, whatever a program does. */
static void find_reads(unsigned of, enum plmr_dtype dtype, bool reads[PLMR_DEVICE_N_NUMBERS])
{
    reads[PLMR_DEVICE_NUMBER_clock] = true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (int j = 0; j < MOST_OF_PART && parts[i].numbers[j] && parts[i].part & of; j++)
            reads[parts[i].numbers[j]] = reads[parts[i].numbers[j]] || !is_of_other_type(parts[i].numbers[j], dtype);
}

/* From the best on; what the command line says is the user's own matter. */
static int weakness(const char *tag)
{
    static const char *const tags[] = {"definition", "M", "S", "V", "C", "I", "2", "guess", "user"};
    int i = 0;
    while (i < 8 && strcmp(tags[i], tag) != 0)
        i++;
    return i;
}

static void add_word(char *list, size_t size, const char *word)
{
    size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s", used ? "," : "", word);
}

static const char *tag_of(const plmr_device *device, int i)
{
    return plmr_device_origin((plmr_device *)device, &plmr_device_numbers[i])->tag;
}

static void find_weakest(const plmr_device *device, const bool reads[PLMR_DEVICE_N_NUMBERS], plmr_standing *standing)
{
    int weakest = 0;
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        if (reads[i]) {
            add_word(standing->numbers, sizeof standing->numbers, plmr_device_numbers[i].key);
            weakest = plmr_larger(weakness(tag_of(device, i)), weakest);
        }
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        if (reads[i] && weakness(tag_of(device, i)) == weakest) {
            snprintf(standing->tag, sizeof standing->tag, "%s", tag_of(device, i));
            add_word(standing->weakest, sizeof standing->weakest, plmr_device_numbers[i].key);
        }
}

/* ---- what measurements say ---- */

static bool read_evidence(const char *line, plmr_evidence *e)
{
    const char *set, *device, *standing;
    json_t *shares, *json = json_loads(line, 0, NULL);
    *e = (plmr_evidence){0};
    bool read =
        json_unpack(json, "{s:s, s:s, s:s, s:i, s:F, s:F, s:F, s:o}", "set", &set, "device", &device, "standing",
                    &standing, "n", &e->n, "mean", &e->mean, "rms", &e->rms, "bias", &e->bias, "numbers", &shares) == 0;
    if (read) {
        snprintf(e->set, sizeof e->set, "%s", set);
        snprintf(e->device, sizeof e->device, "%s", device);
        snprintf(e->standing, sizeof e->standing, "%s", standing);
    }
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS && read; i++)
        e->shares[i] = json_number_value(json_object_get(shares, plmr_device_numbers[i].key));
    json_decref(json);
    return read;
}

/* Whoever has no such file, or one of an older plmr, has no evidence. */
plmr_status plmr_evidence_read(const plmr_device *device, plmr_evidence_list *evidence)
{
    char path[PATH_MAX], *text, *line;
    size_t name = strcspn(device->name, ":");
    *evidence = (plmr_evidence_list){0};
    plmr_status missing = plmr_share_path("validation/errors.jsonl", path, sizeof path);
    if (missing) {
        plmr_error_free(missing);
        return PLMR_OK;
    }
    PLMR_TRY(plmr_text_file_read(path, "measurements", &text));
    for (char *rest = text; (line = strsep(&rest, "\n"));) {
        evidence->at = plmr_take_more(evidence->at, ((size_t)evidence->n + 1) * sizeof *evidence->at);
        plmr_evidence *e = &evidence->at[evidence->n];
        if (read_evidence(line, e) && strlen(e->device) == name && strncmp(e->device, device->name, name) == 0)
            evidence->n++;
    }
    free(text);
    return PLMR_OK;
}

/* At least half of what its predictions depend on, by numbers that the device's file has. */
static bool speaks_for(const plmr_evidence *e, const plmr_device *device, const bool reads[PLMR_DEVICE_N_NUMBERS])
{
    double share = 0;
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        if (reads[i] && strcmp(tag_of(device, i), "user") != 0)
            share += e->shares[i];
    return share >= 0.5;
}

void plmr_standing_of(const plmr_device *device, const plmr_evidence_list *evidence, unsigned of, enum plmr_dtype dtype,
                      plmr_standing *standing)
{
    bool reads[PLMR_DEVICE_N_NUMBERS] = {false};
    int n = 0;
    double sum = 0;
    *standing = (plmr_standing){.rms = NAN};
    find_reads(of, dtype, reads);
    find_weakest(device, reads, standing);
    for (const plmr_evidence *e = evidence->at; e < evidence->at + evidence->n; e++)
        if (speaks_for(e, device, reads)) {
            sum += e->rms * e->rms * e->n;
            n += e->n;
            add_word(standing->sets, sizeof standing->sets, e->set);
        }
    if (n)
        standing->rms = sqrt(sum / n);
    else
        snprintf(standing->sets, sizeof standing->sets, "none known");
}

json_t *plmr_standing_json(const plmr_standing *s)
{
    return plmr_take_made(json_pack("{ss? ss? ss? so? ss?}", "standing", s ? s->tag : NULL, "standing_of",
                                    s ? s->weakest : NULL, "rests_on", s ? s->numbers : NULL, "uncertainty",
                                    json_real(s ? s->rms : NAN), "uncertainty_of", s ? s->sets : NULL));
}

/* ---- for people ---- */

enum { KEY_WIDTH = 18 };

/* Behind n_before others. */
static int put_sets(FILE *out, const plmr_evidence_list *evidence, int number, bool good, int n_before)
{
    int n_put = 0;
    for (const plmr_evidence *e = evidence->at; e < evidence->at + evidence->n; e++)
        if (e->shares[number] >= 0.1 && (e->mean <= 0.1) == good)
            fprintf(out, "%s%s %.1f %% (%s)",
                    n_put++     ? ", "
                    : !n_before ? good ? "for " : "against "
                                : "; against ",
                    e->set, 100 * e->mean, e->standing);
    return n_put;
}

static void put_number(FILE *out, const plmr_device *device, const plmr_evidence_list *evidence, int number)
{
    fprintf(out, "%-*s  ", KEY_WIDTH, plmr_device_numbers[number].key);
    if (strcmp(tag_of(device, number), "user") == 0) {
        fputs("given by the user: nothing was measured with it\n", out);
        return;
    }
    int n_for = put_sets(out, evidence, number, true, 0);
    fputs(put_sets(out, evidence, number, false, n_for) || n_for ? "\n" : "none\n", out);
}

plmr_status plmr_evidence_print(FILE *out, const plmr_device *device)
{
    plmr_evidence_list evidence;
    PLMR_TRY(plmr_evidence_read(device, &evidence));
    fputs("\nmeasurements that rest on a number by a tenth at least, with their mean error (plmr validate):\n", out);
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        if (strncmp(plmr_device_numbers[i].unit, "cycles", 6) == 0 || strcmp(plmr_device_numbers[i].unit, "W") == 0)
            put_number(out, device, &evidence, i);
    free(evidence.at);
    return PLMR_OK;
}
