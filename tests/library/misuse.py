"""Programs that misuse the library end with code 2 and one line, or run; none hangs. Usage: misuse.py PROGRAM MPIEXEC"""
import os
import subprocess
import sys

# Programs that go wrong leave what they have made.
os.environ["ASAN_OPTIONS"] = "detect_leaks=0"

program, mpiexec = sys.argv[1:]
VALUES = "t has no values in a run for time alone"
CASES = [  # word, further arguments, ranks, exit code, what is said
    ("a verb after the ring", [], (2,), 0, ""),
    ("nothing after the ring", [], (1,), 0, ""),
    ("until a value", [], (2,), 0, ""),
    ("until a value", ["--timing"], (1, 4), 2, VALUES),
    ("look at last", ["--timing"], (2,), 2, VALUES),
    ("release", [], (2,), 2, "1000000 bytes of SRAM cannot be released"),
    ("one rank alone", [], (4,), 1, "rank 1 is unhappy"),
    ("nothing to run", [], (2,), 2, "NULL"),
    ("no program", [], (1,), 2, "NULL"),
    ("unknown argument", ["--coers"], (1,), 2, "unknown option '--coers': did you mean '--cores'? (see misuse --help)"),
    ("other cores", ["--cores", "4x4"], (2,), 2, "--cores: misuse runs on 12x12 cores alone"),
    ("verified", ["--verify"], (1,), 2, "--verify: misuse has nothing to hold its result against"),
    ("begun twice", [], (1, 2), 2, "along x tiles are on their way to t: call plmr_tiles_end first"),
    ("never ended", ["--timing"], (2,), 2, "the end: along x tiles are on their way to t"),
    ("ended without", [], (1,), 2, "nothing is on its way to t: begin a verb first"),
    ("no product", [], (1,), 2, "tiles of t are 1 x 1, of h 2 x 3 and of t 1 x 1, which is no product"),
    ("half messages", [], (2,), 2, "h: messages carry f32, and h is of f16"),
    ("other headers", [], (1, 2), 2, "compiled with the headers of plmr 0.0.9, and run with the library of "),
    ("bad key", [], (1,), 2, "'a b' is no key of a record"),
]
for word, arguments, counts, code, said in CASES:
    for ranks in counts:
        done = subprocess.run([mpiexec, "-n", str(ranks), program, *arguments], env={**os.environ, "MISUSE": word},
                              capture_output=True, text=True, timeout=60, check=False)
        lines = [line for line in done.stderr.splitlines() if line.startswith(("misuse:", "plmr:"))]
        where = f"{word} {arguments} on {ranks}: code {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.returncode == code, where
        assert len(lines) == (code != 0) and said in "".join(lines), where
        assert (code == 0) == ("12x12 cores of wse2" in done.stdout), where
print(f"{len(CASES)} programs end as they should")
