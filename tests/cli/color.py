"""Errors, progress and bars are coloured at a terminal, elsewhere only where it is asked for; and never what programs read.

color.py MPIEXEC PLMR
"""
import os
import sys

from cli import Checks, Plmr, run_on_terminal, show

WRONG = ["gemm", "--m", "0"]
BARS = "gemm --alg cannon --m 64 --k 64 --n 64 --cores 8x8 --mode timing --text".split()
ESCAPE = "\x1b["


def check_errors(plmr, check):
    plain = "plmr gemm: --m: '0' is not a positive whole number\r\n"
    both = {"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}
    for environment, when, colored in (({}, None, True), ({"NO_COLOR": "1"}, None, False), ({"NO_COLOR": ""}, None, True),
                                       (both, None, True), ({}, "auto", True), ({"TERM": "dumb"}, None, False), ({}, "never", False), (both, "never", False),
                                       (both, "auto", False), ({"NO_COLOR": "1"}, "always", True)):
        shown, _ = run_on_terminal([plmr.binary] + WRONG + (["--color", when] if when else []), **environment)
        want = plain.replace("plmr gemm:", "\x1b[1;31mplmr gemm:\x1b[0m") if colored else plain
        check(shown == want, f"at a terminal, with {environment} and --color {when}: {shown!r}")
    code, _, err = plmr.run(WRONG)
    check(code == 2 and err == [plain.strip()], f"without a terminal: {err}")
    code, _, err = plmr.run(WRONG + ["--color=always"], 2)
    check(code == 2 and ESCAPE in err[0], f"--color=always without a terminal: {err}")
    code, _, err = plmr.run(["list", "--color", "some"])
    check(code == 2 and err == ["plmr list: --color: unknown 'some' (available: auto, always, never)"], f"{err}")


def check_bars(plmr, check):
    for ranks in None, 2:  # mpirun gives its processes a terminal of its own
        code, plain, _ = plmr.run(BARS, ranks)
        check(code == 0 and ESCAPE not in plain, f"{show(BARS, ranks)}: {plain!r}")
    code, colored, _ = plmr.run(BARS + ["--color", "always"])
    records = plmr.records(BARS + ["--color", "always"])
    check(code == 0 and "\x1b[34m" in colored and "\x1b[2m" in colored, f"{show(BARS)}: {colored!r}")
    check(len(records) == 1 and ESCAPE not in str(records), f"records {records}")


def main():
    for name in "NO_COLOR", "CLICOLOR_FORCE":
        os.environ.pop(name, None)
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    check_errors(plmr, check)
    check_bars(plmr, check)
    check.done()


main()
