/* A file without a name, which the others of a node open by way of the process that has it. */
#include "ranks/board.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/wall.h"
#include "ranks/deal.h"
#include "ranks/internal.h"

/* What a rank tells of its board, which begins with the same: processes may not see each other as they are numbered. */
struct note {
    double made_s;
    int32_t rank, process, file; /* file -1: there is none */
    int64_t n_bytes;             /* with the note */
};

/* Notes take a whole page, so that boards begin with one. */
enum { PAGE = 4096 };

struct plmr_board {
    int n_ranks, me;
    struct note *notes; /* by rank, as they are mapped; n_bytes 0: none */
    char **base;
};

/* ---- mapping ---- */

static char *map(int file, int64_t n_bytes, int access)
{
    void *base = mmap(NULL, (size_t)n_bytes, access, MAP_SHARED, file, 0);
    return base == MAP_FAILED ? NULL : base;
}

static void keep(plmr_board *board, const struct note *note, char *base)
{
    board->notes[note->rank] = *note;
    board->base[note->rank] = base;
}

/* All of its memory is taken at once, so that writing to it cannot fail later. */
static struct note make_own(plmr_board *board, size_t n_bytes)
{
    struct note note = {plmr_wall_s(), board->me, (int32_t)getpid(), -1, (int64_t)n_bytes + PAGE};
    int file = memfd_create("plmr", MFD_CLOEXEC);
    char *base = file >= 0 && posix_fallocate(file, 0, note.n_bytes) == 0
                     ? map(file, note.n_bytes, PROT_READ | PROT_WRITE)
                     : NULL;
    if (base) {
        note.file = file;
        *(struct note *)(void *)base = note;
        keep(board, &note, base);
    } else if (file >= 0) {
        close(file);
    }
    return note;
}

static bool is_same(const struct note *a, const struct note *b)
{
    return a->made_s == b->made_s && a->rank == b->rank && a->process == b->process && a->n_bytes == b->n_bytes;
}

static bool open_other(plmr_board *board, const struct note *note)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", note->process, note->file);
    int file = note->file >= 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    bool fits = file >= 0 && lseek(file, 0, SEEK_END) >= note->n_bytes;
    char *base = fits ? map(file, note->n_bytes, PROT_READ) : NULL;
    if (file >= 0)
        close(file);
    if (base)
        keep(board, note, base);
    return base && is_same((const struct note *)(const void *)base, note);
}

/* ---- all of a node ---- */

static bool open_all(plmr_board *board, MPI_Comm grid, const struct note *mine)
{
    MPI_Comm node;
    int n;
    bool ok = mine->file >= 0;
    PLMR_MPI(MPI_Comm_split_type(grid, MPI_COMM_TYPE_SHARED, board->me, MPI_INFO_NULL, &node));
    PLMR_MPI(MPI_Comm_size(node, &n));
    struct note *notes = plmr_take((size_t)n * sizeof *notes);
    PLMR_MPI(MPI_Allgather(mine, sizeof *mine, MPI_BYTE, notes, sizeof *notes, MPI_BYTE, node));
    PLMR_MPI(MPI_Comm_free(&node));
    for (int i = 0; i < n && ok; i++)
        ok = notes[i].rank == board->me || open_other(board, &notes[i]);
    free(notes);
    return ok;
}

plmr_board *plmr_board_create(plmr_ranks *ranks, size_t n_bytes)
{
    plmr_board *board = plmr_take(sizeof *board);
    *board = (plmr_board){.n_ranks = plmr_deal_count(ranks), .me = plmr_deal_me(ranks)};
    board->notes = plmr_take_zeroed((size_t)board->n_ranks, sizeof *board->notes);
    board->base = plmr_take_zeroed((size_t)board->n_ranks, sizeof *board->base);
    struct note mine = make_own(board, n_bytes);
    double failed = !open_all(board, ranks->grid, &mine);
    plmr_ranks_max(ranks, &failed, 1);
    if (mine.file >= 0)
        close(mine.file);
    if (!failed)
        return board;
    plmr_board_destroy(board);
    return NULL;
}

void plmr_board_destroy(plmr_board *board)
{
    if (!board)
        return;
    for (int rank = 0; rank < board->n_ranks; rank++)
        if (board->base[rank])
            munmap(board->base[rank], (size_t)board->notes[rank].n_bytes);
    free(board->notes);
    free(board->base);
    free(board);
}

char *plmr_board_mine(const plmr_board *board)
{
    return board->base[board->me] + PAGE;
}

const char *plmr_board_of(const plmr_board *board, int rank)
{
    return board->base[rank] ? board->base[rank] + PAGE : NULL;
}
