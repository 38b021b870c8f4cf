#include "base/build.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "plmr/ranks.h"

const char *plmr_version(void)
{
    return PLMR_VERSION;
}

/* Notes are a header, a name and bytes, each on a boundary of four. */
static size_t whole_words(size_t n)
{
    return (n + 3) / 4 * 4;
}

static void print_hex(const unsigned char *bytes, size_t n, plmr_build_id *id)
{
    for (size_t i = 0; i < n && 2 * i + 2 < sizeof id->hex; i++)
        snprintf(id->hex + 2 * i, 3, "%02x", bytes[i]);
}

static void read_notes(const char *at, size_t n_bytes, plmr_build_id *id)
{
    for (const char *end = at + n_bytes; (size_t)(end - at) >= sizeof(ElfW(Nhdr));) {
        const ElfW(Nhdr) *note = (const void *)at;
        const char *name = at + sizeof *note, *bytes = name + whole_words(note->n_namesz);
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(name, "GNU", 4) == 0)
            print_hex((const unsigned char *)bytes, note->n_descsz, id);
        at = bytes + whole_words(note->n_descsz);
    }
}

/* Looks into the object, program or library, that holds this function's own code. */
static int look(struct dl_phdr_info *object, size_t size, void *id)
{
    uintptr_t here = (uintptr_t)(void *)plmr_build_revision;
    bool ours = false;
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        ours = ours || (part->p_type == PT_LOAD && here - object->dlpi_addr - part->p_vaddr < part->p_memsz);
    }
    for (int i = 0; i < object->dlpi_phnum && ours; i++)
        if (object->dlpi_phdr[i].p_type == PT_NOTE)
            read_notes((const char *)object->dlpi_addr + object->dlpi_phdr[i].p_vaddr, object->dlpi_phdr[i].p_memsz,
                       id);
    return ours;
}

plmr_build_id plmr_build_id_here(void)
{
    plmr_build_id id = {""};
    dl_iterate_phdr(look, &id);
    return id;
}

char *plmr_build_text(void)
{
    plmr_build_id id = plmr_build_id_here();
    return plmr_take_text("plmr %s (%s, build %s)", PLMR_VERSION, plmr_build_revision, *id.hex ? id.hex : "unmarked");
}
