"""A rank that is killed in the middle ends the job soon, and no result appears under its name; one that is interrupted
leaves no draft either.

killed.py MPIEXEC PLMR
"""
import os
import resource
import signal
import sys
import tempfile
import time

from cli import Checks, Plmr, outcome

# Drafts are removed by a signal's handler, for which mpirun waits a second, unless it is told to kill at once.
os.environ["OMPI_MCA_odls_base_sigkill_timeout"] = "1"


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def interrupted(plmr, check, folder, number, ranks):
    """One that is told to end leaves nothing behind."""
    args = ("gemm --alg meshgemm --m 64 --k 64 --n 64 --cores 16x16 --pace 1e6 --quiet "
            f"--json {folder}/r.jsonl --report {folder}/r.html --out {folder}/c.npy").split()
    process = plmr.start(args, ranks, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
    for _ in range(300):
        time.sleep(0.1)
        if len(os.listdir(folder)) == 3:
            break
    check(len(os.listdir(folder)) == 3, f"drafts when {number} comes: {os.listdir(folder)}")
    process.send_signal(number)
    outcome(process, 60)
    check(process.returncode != 0, f"{number} ends it")
    for _ in range(20):  # mpirun may end before its ranks
        time.sleep(0 if not os.listdir(folder) else 0.1)
    check(not os.listdir(folder), f"{number} on {ranks} ranks leaves {os.listdir(folder)}")


def cut_off(plmr, check, folder):
    """Nothing stays behind where standard output is read by nobody any more; a file that may not grow is said to be too large."""
    args = f"gemm --alg meshgemm --m 60 --k 60 --n 60 --cores 6x6 --json {folder}/r.jsonl --report {folder}/r.html".split()
    process = plmr.start(args)
    process.stdout.close()
    process.stdout = None
    outcome(process, 60)
    check(process.returncode == -signal.SIGPIPE and not os.listdir(folder), f"a closed pipe: {process.returncode}, {os.listdir(folder)}")
    process = plmr.start(args, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024)))
    _, err = outcome(process, 60)
    check(process.returncode == 1 and err.count("\n") == 1 and "File too large" in err and not os.listdir(folder),
          f"a small limit of files: {process.returncode}, {err}, {os.listdir(folder)}")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    with tempfile.TemporaryDirectory() as folder:
        # A virtual microsecond takes seconds at this pace.
        args = ("gemm --alg meshgemm --m 64 --k 64 --n 64 --cores 16x16 --pace 1e6 "
                f"--json {folder}/r.jsonl --out {folder}/c.npy").split()
        process = plmr.start(args, 3)
        for _ in range(300):
            time.sleep(0.1)
            if any(name.startswith("c.npy.") for name in os.listdir(folder)) and len(children(process.pid)) == 3:
                break
        time.sleep(0.5)
        check(process.poll() is None, "the job runs when a rank is to be killed")
        ranks = children(process.pid)
        os.kill(ranks[-1], signal.SIGKILL)
        start = time.monotonic()
        outcome(process, 60)
        check(time.monotonic() - start < 10, "the job ends soon")
        check(process.returncode != 0, "the job fails")
        left = [name for name in os.listdir(folder) if not name.endswith(".part")]
        check(not left, f"no result appears: {left}")
    alone = "INT", "TERM", "HUP", "QUIT", "PIPE", "XCPU", "USR1", "USR2", "ALRM"
    for number, ranks in [(signal.Signals["SIG" + name], None) for name in alone] + [(signal.SIGINT, 2), (signal.SIGTERM, 2)]:
        with tempfile.TemporaryDirectory() as folder:
            interrupted(plmr, check, folder, number, ranks)
    with tempfile.TemporaryDirectory() as folder:
        cut_off(plmr, check, folder)
    check.done()


main()
