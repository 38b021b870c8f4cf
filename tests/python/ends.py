"""However one rank of several ends, all end soon: with its code, and one line of plmr's where it ends alone; with no line where
all end together. Usage: ends.py MPIEXEC
"""
import subprocess
import sys
import time

PROGRAM = """
import sys, time
import plmr
me = plmr.rank()
region = plmr.Region(4, 4)
t = region.tiles("t", 2)
{}
t.sum()
"""
ALONE = "plmr: rank 1 on "
CASES = [  # what is done before the sum, exit code, how plmr's line begins and ends
    ("if me == 1: sys.exit('bye')", 1, ALONE, "has ended alone, with code 1: the others would wait for it"),
    ("if me == 1: raise SystemExit(3)", 3, ALONE, "has ended alone, with code 3: the others would wait for it"),
    ("if me == 1: region.tiles('x', 0)", 1, ALONE, "has ended alone, with code 1: the others would wait for it"),
    ("if me == 1: raise KeyError('mine')", 1, ALONE, "KeyError: 'mine'"),
    ("plmr.program('p', 4, 4, lambda r: me == 1 and 1 / 0 or r.tiles('a', 1).sum())", 1, "plmr: rank ",
     "rank 1 on HOST: ZeroDivisionError: division by zero"),
    ("region.tiles('x', 0)", 1, "", ""),
    ("sys.exit(3)", 3, "", ""),
    ("t.sum(); sys.exit(5 if me == 1 else 0)", 5, "", ""),
    ("t.sum(); time.sleep(0 if me == 1 else 5); sys.exit()", 0, "", ""),
    ("if me == 1:\n try: sys.exit(3)\n except SystemExit: pass", 0, "", ""),
]
host = subprocess.run(["uname", "-n"], check=True, capture_output=True, text=True).stdout.strip()
for before, code, begins, ends in CASES:
    start = time.monotonic()
    done = subprocess.run([sys.argv[1], "-n", "2", sys.executable, "-c", PROGRAM.format(before)], capture_output=True, text=True,
                          timeout=60, check=False)
    lines = [line for line in done.stderr.splitlines() if line.startswith("plmr: ")]
    where = f"{before}: code {done.returncode} after {time.monotonic() - start:.1f} s\n{done.stdout}{done.stderr}"
    assert done.returncode == code, where
    assert len(lines) == bool(ends), where
    assert all(line.startswith(begins) and line.endswith(ends.replace("HOST", host)) for line in lines), where
print(f"{len(CASES)} programs end as they should")
