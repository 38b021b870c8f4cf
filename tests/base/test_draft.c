/* Drafts that killed runs have left: those of a file, and no others, go. What a write fails of is said. */
#include "support.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/draft.h"

static char folder[] = "/tmp/plmr-draft-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void make(const char *name)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fclose(file);
}

static void must_be_there(const char *name, bool there)
{
    if ((access(in_folder(name), F_OK) == 0) != there)
        fail_msg("%s is %s", name, there ? "gone" : "there still");
}

static void sweeps_its_own(void **state)
{
    static const char *const gone[] = {"run[ab]/a.json.77-0.part", "run[ab]/a.json.1-23.part"};
    static const char *const kept[] = {
        "run[ab]/a.json",           "run[ab]/a.json.7.part",   "run[ab]/a.json.x-0.part", "run[ab]/a.json.7-0.part.txt",
        "run[ab]/ba.json.7-0.part", "run[ab]/b.json.7-0.part", "runa/a.json.77-0.part",
    };
    enum { N_GONE = sizeof gone / sizeof *gone, N_KEPT = sizeof kept / sizeof *kept };
    (void)state;
    mkdir(in_folder("run[ab]"), 0777);
    mkdir(in_folder("runa"), 0777);
    for (int i = 0; i < N_GONE; i++)
        make(gone[i]);
    for (int i = 0; i < N_KEPT; i++)
        make(kept[i]);
    plmr_draft_sweep(in_folder("run[ab]/a.json"));
    for (int i = 0; i < N_GONE; i++)
        must_be_there(gone[i], false);
    for (int i = 0; i < N_KEPT; i++) {
        must_be_there(kept[i], true);
        unlink(in_folder(kept[i]));
    }
    rmdir(in_folder("run[ab]"));
    rmdir(in_folder("runa"));
}

/* Of a write in the middle, too, when others have gone well since. */
static void says_why(void **state)
{
    enum { TOO_LARGE = 1 << 16 };
    static char text[TOO_LARGE + 1];
    struct rlimit before;
    plmr_draft draft;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    must(plmr_draft_open("--x", in_folder("full"), &draft));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){TOO_LARGE / 2, before.rlim_max}), 0);
    fwrite(text, 1, TOO_LARGE, draft.file);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    must_fail(plmr_draft_check(&draft), PLMR_ERROR_SYSTEM, "File too large");
    must_fail(plmr_draft_close(&draft, PLMR_OK), PLMR_ERROR_SYSTEM, "File too large");
    must_be_there("full", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sweeps_its_own), cmocka_unit_test(says_why)};
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
