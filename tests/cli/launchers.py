"""A program under the launcher of another MPI than its own: each process would be a job of its own, and all would write the same
files. One line says so, exit code 2.

launchers.py MPIEXEC_OF_ANOTHER_MPI PLMR
"""
import os
import sys
import tempfile

from cli import Checks, Plmr, outcome


def main():
    check = Checks()
    foreign = Plmr(sys.argv[1], sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        process = foreign.start(f"gemm --m 8 --k 8 --n 8 --cores 4x4 --json {folder}/r.jsonl".split(), 2)
        out, err = outcome(process, 60)
        lines = [line for line in err.splitlines() if line.startswith("plmr")]
        check(process.returncode != 0 and len(lines) == 1 and "has started 2 processes" in lines[0], f"{process.returncode}, {out}, {err}")
        check(not os.listdir(folder), f"left: {os.listdir(folder)}")
        process = foreign.start(["--version"], 2)
        out, err = outcome(process, 60)
        check(process.returncode == 0 and out.count("plmr ") == 1, f"the version: {process.returncode}, {out}, {err}")
    check.done()


main()
