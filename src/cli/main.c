#include "cli/cli.h"
#include "plmr/ranks.h"

int main(int argc, char **argv)
{
    int code = plmr_command_answer(argc - 1, (const char *const *)argv + 1);
    plmr_finalize();
    return code;
}
