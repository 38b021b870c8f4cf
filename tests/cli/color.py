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
    for environment, colored in (({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True),
                                 ({"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, True)):
        shown, _ = run_on_terminal([plmr.binary] + WRONG, **environment)
        want = plain.replace("plmr gemm:", "\x1b[1;31mplmr gemm:\x1b[0m") if colored else plain
        check(shown == want, f"at a terminal, with {environment}: {shown!r}")
    code, _, err = plmr.run(WRONG)
    check(code == 2 and err == [plain.strip()], f"without a terminal: {err}")


def check_bars(plmr, check):
    for ranks in None, 2:  # mpirun gives its processes a terminal of its own
        code, plain, _ = plmr.run(BARS, ranks)
        check(code == 0 and ESCAPE not in plain, f"{show(BARS, ranks)}: {plain!r}")
    os.environ["CLICOLOR_FORCE"] = "1"
    code, colored, _ = plmr.run(BARS)
    records = plmr.records(BARS)
    del os.environ["CLICOLOR_FORCE"]
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
