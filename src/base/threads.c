#include "base/threads.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/wall.h"

/* A thread that was woken counts as running before it gets a processor. */
static bool is_awake(const char *thread)
{
    char path[300], text[128] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/stat", thread);
    FILE *file = fopen(path, "re");
    if (file && !fgets(text, sizeof text, file))
        *text = 0;
    if (file)
        fclose(file);
    const char *state = strrchr(text, ')'); /* behind the name, which may have any letters */
    return state && (strncmp(state, ") R", 3) == 0 || strncmp(state, ") D", 3) == 0);
}

static bool any_other_awake(void)
{
    bool found = false;
    DIR *threads = opendir("/proc/self/task");
    for (const struct dirent *one; threads && !found && (one = readdir(threads));)
        found = *one->d_name != '.' && atoi(one->d_name) != gettid() && is_awake(one->d_name);
    if (threads)
        closedir(threads);
    return found;
}

void plmr_threads_settle(double within_s)
{
    for (double end_s = plmr_wall_s() + within_s; any_other_awake() && plmr_wall_s() < end_s;)
        usleep(100);
}
