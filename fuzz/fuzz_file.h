/* fuzz_file.h - the input as a file, for readers that are given a path, or as the one file of a folder. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Its path; until the next call. In memory. */
static inline const char *fuzz_file(const uint8_t *bytes, size_t n)
{
    static int file = -1;
    static char path[40];
    if (file < 0) {
        file = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    if (ftruncate(file, 0) != 0 || pwrite(file, bytes, n, 0) != (ssize_t)n)
        abort();
    return path;
}

static char fuzz_folder_path[] = "/dev/shm/plmr-fuzz-XXXXXX", fuzz_folder_file[sizeof fuzz_folder_path + 20];

static inline void fuzz_remove_folder(void)
{
    remove(fuzz_folder_file);
    rmdir(fuzz_folder_path);
}

/* The folder's path; the file has this name, and a text behind the input. */
static inline const char *fuzz_folder(const char *name, const uint8_t *bytes, size_t n, const char *behind)
{
    if (!*fuzz_folder_file) {
        if (!mkdtemp(fuzz_folder_path))
            abort();
        snprintf(fuzz_folder_file, sizeof fuzz_folder_file, "%s/%s", fuzz_folder_path, name);
        atexit(fuzz_remove_folder);
    }
    FILE *file = fopen(fuzz_folder_file, "w");
    if (!file)
        abort();
    fwrite(bytes, 1, n, file);
    fputs(behind, file);
    fclose(file);
    return fuzz_folder_path;
}
