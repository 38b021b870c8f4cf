"""A long run shows its progress where standard error is a terminal, also under mpirun, and nowhere else.

progress.py MPIEXEC PLMR
"""
import os
import pty
import re
import subprocess
import sys

from cli import Checks, Plmr, show

# Some three seconds at this pace.
ARGS = "gemm --alg meshgemm --m 256 --k 256 --n 256 --cores 32x32 --mode timing --pace 8e4".split()


def run_on_terminal(command):
    """What the terminal gets from standard error, and standard output."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        out = process.stdout.read()
    text = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the other end is closed, and all is read
            piece = b""
        if not piece:
            break
        text += piece
    os.close(ours)
    return text.decode(), out


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    for ranks, launcher in ((None, []), (2, [plmr.mpiexec, "-n", "2"])):
        shown, out = run_on_terminal(launcher + [plmr.binary] + ARGS)
        lines = shown.split("\r\x1b[K")
        what = f"{show(ARGS, ranks)} shows {shown!r}"
        check(len(lines) >= 3 and lines[0] == lines[-1] == "", what + ", which is not drawn and erased")
        check(all(re.fullmatch(r"meshgemm: step \d+ of 32, \d+ %, \d+ s left", line) for line in lines[1:-1]), what)
        check("meshgemm" in out, f"{show(ARGS, ranks)} prints {out!r}")
    code, _, err = plmr.run(ARGS, 2)
    check(code == 0 and not err, f"{show(ARGS, 2)} without a terminal prints {err}")
    check.done()


main()
