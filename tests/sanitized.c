/* What takes the place of a library's own function in sanitizer builds; see src/meson.build. */
#include <mpi.h>
#include <sanitizer/lsan_interface.h>

/* A library that was unloaded has no name any more in a leak's stack, and no suppression can match it. */
int dlclose(void *handle);

int dlclose(void *handle)
{
    (void)handle;
    return 0;
}

/* What MPI keeps from its start is no leak of ours. Left out here it needs no suppressions, of which each has to be
 * looked for in every process, and no slow way of finding who allocated what. */
int MPI_Init(int *argc, char ***argv)
{
    __lsan_disable();
    int code = PMPI_Init(argc, argv);
    __lsan_enable();
    return code;
}
