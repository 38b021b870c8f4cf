"""A long run shows its progress where standard error is a terminal, also under mpirun, and nowhere else.

progress.py MPIEXEC PLMR
"""
import re
import sys

from cli import Checks, Plmr, run_on_terminal, show

# Some three seconds at this pace.
ARGS = "gemm --alg meshgemm --m 256 --k 256 --n 256 --cores 32x32 --mode timing --pace 8e4".split()


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    for ranks, launcher in ((None, []), (2, [plmr.mpiexec, "-n", "2"])):
        shown, out = run_on_terminal(launcher + [plmr.binary] + ARGS)
        lines = shown.split("\r\x1b[K")
        what = f"{show(ARGS, ranks)} shows {shown!r}"
        check(len(lines) >= 3 and lines[0] == lines[-1] == "", what + ", which is not drawn and erased")
        check(all(re.fullmatch(r"\x1b\[34mmeshgemm: step \d+ of 32, \d+ %, \d+ s left\x1b\[0m", line) for line in lines[1:-1]), what)
        check("meshgemm" in out, f"{show(ARGS, ranks)} prints {out!r}")
    code, _, err = plmr.run(ARGS, 2)
    check(code == 0 and not err, f"{show(ARGS, 2)} without a terminal prints {err}")
    check.done()


main()
