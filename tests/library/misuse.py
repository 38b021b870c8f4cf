"""Programs that misuse the library end with code 2 and one line, or run; none hangs. Usage: misuse.py PROGRAM MPIEXEC"""
import json
import os
import subprocess
import sys
import tempfile

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
    ("its own factor", [], (1, 2), 2, "plmr_tiles_multiply_add: t is a factor and takes the product: give other tiles for it"),
    ("its own matrix", ["--timing"], (1,), 2, "plmr_tiles_multiply_vector: t is a factor and takes the product"),
    ("half messages", [], (2,), 2, "h: messages carry f32, and h is of f16"),
    ("other headers", [], (1, 2), 2, "compiled with the headers of plmr 0.0.9, and run with the library of "),
    ("bad key", [], (1,), 2, "'a b' is no key of a record"),
    ("own options", [], (1,), 0, ""),
    ("own options", ["--device", "thing", "--stall", "thing"], (2,), 0, ""),
    ("no help", [], (1,), 2, "misuse: option 0 ('size') needs a name, a help"),
    ("long name", [], (1,), 2, "option 0 ('a-name-that-is-longer-than-any-that-is-read'): a name has 39 characters at most"),
    ("no ranks yet", [], (1,), 2, "there are no ranks yet: call plmr_init before plmr_ranks_create"),
    ("last words", [], (1,), 1, "plmr: a\"b\\t???ä"),
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

def run(word, *arguments, **variables):
    """One rank's."""
    return subprocess.run([program, *arguments], env={**os.environ, "MISUSE": word, **variables}, capture_output=True,
                          timeout=60, check=False)


for key, value, said in [("m", "7.5", "whole number"), ("n", "1e30", "whole number"), ("padded_k", "-3", "whole number"),
                         ("cycles", "5", "in the record already"), ("rows", "2", "in the record already"),
                         ("verified", "1", "in the record already"), ("wall_wait_s", "1", "in the record already"),
                         ("provenance", "1", "in the record already"), ("mine", "nan", "give a finite one"),
                         ("k", "7", None), ("verify_bound", "0.5", None), ("mine", "-7.5", None)]:
    done = run("own key", "--json", "-", KEY=key, VALUE=value)
    if said:
        assert done.returncode == 2 and said in done.stderr.decode() and key in done.stderr.decode(), (key, done)
    else:
        assert json.loads(done.stdout)[key] == float(value), (key, done)

# Names may hold anything: in JSON they are what they were, but for what is no UTF-8.
with tempfile.TemporaryDirectory() as folder:
    files = [os.path.join(folder, name) for name in ("t.json", "r.html")]
    done = run("any name", "--trace", files[0], "--report", files[1], "--json", "-")
    assert done.returncode == 0, done
    json.loads(done.stdout)
    with open(files[0], encoding="utf-8") as file:
        names = {event["name"] for event in json.load(file)["traceEvents"]}
    assert {'shift a"b\\t\n\x01?ä: send', 'shift other: send', 'send a"b\\t\n\x01?ä: send'} <= names, names
    with open(files[1], encoding="utf-8") as file:
        assert "a\\\"b" in file.read()
# What is printed is lost.
with open("/dev/full", "w") as full:
    done = subprocess.run([program], env={**os.environ, "MISUSE": "a verb after the ring"}, stdout=full, stderr=subprocess.PIPE,
                          text=True, timeout=60, check=False)
assert done.returncode == 1 and done.stderr == "misuse: cannot write all of the output: is the disk full?\n", done
print(f"{len(CASES)} programs end as they should")
