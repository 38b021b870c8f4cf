"""A rank that is killed in the middle ends the job soon, and no result appears under its name.

killed.py MPIEXEC PLMR
"""
import os
import signal
import sys
import tempfile
import time

from cli import Checks, Plmr, outcome


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


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
    check.done()


main()
