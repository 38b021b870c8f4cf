"""One thing fails that plmr asks for: an allocation, a message, or a system call about one of its files (open, read, write, fsync,
rename, map ...). Whichever it is, in whatever command, the run ends soon, with exit code 0 and right results or with one line and
another code; no draft is left, and what stands under a final name is right. So it is where a signal ends a run. A sweep and a run
with checkpoints that have ended so come to the right results when they are started again.

faults.py MPIEXEC PLMR PRELOADED [--all MOST [COMMAND...]]

A sample; with --all each of them, up to MOST of each kind and command; of these commands alone.
"""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from cli import ALONE, MPIRUN_NOISE, Checks, Plmr, of_the_wafer, outcome, show

# Drafts are removed by a signal's handler, for which mpirun waits a second, unless it is told to kill at once.
os.environ["OMPI_MCA_odls_base_sigkill_timeout"] = "1"

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
GEMM = "gemm --alg meshgemm --cores 6x6 --dtype f32 --quiet "
LLM = "--prefill-cores 8x8 --decode-cores 8x8 "
# Command line, ranks. IN has inputs, OUT is empty before, ~ is a space. scale starts other commands; bench measures the host.
CASES = [
    ("device show wse2", None), ("list", None), ("tokenize -p Once --json OUT/r.json", None), ("model demo --json OUT/r.jsonl", None),
    (GEMM + "--a IN/a.npy --b IN/b.npy --out OUT/c.npy --json OUT/r.jsonl --report OUT/r.html --trace OUT/t.json", None),
    ("gemv --alg ring --cores 5x5 --n 40 --x IN/x.npy --y OUT/y.npy --quiet --dtype f32", None),
    ("allreduce --cores 8 --length 9 --json OUT/r.jsonl", None),
    ("llm --model IN/model.json --mode compute --prompt 4 --decode 2 --json OUT/r.jsonl --report OUT/r.html " + LLM, None),
    ("generate -n 2 --json OUT/r.json --trace OUT/t.json " + LLM, None),
    ("logits --tokens 1,2,3 --phase prefill --out OUT/l.f32 --prefill-cores 8x8", None),
    ("perplexity -f IN/text.txt --json OUT/r.json " + LLM, None),
    ("serve --model demo --cores 8x8 --rate 5 --requests 4 --lengths 8/4 --json OUT/r.json", None),
    ("sweep IN/sweep.json --out OUT/s", None),
    ("report IN/one.jsonl IN/two.jsonl --out OUT/r.html", None),
    ("topo --json OUT/r.jsonl", None),
    ("paper --table 5 --out OUT/paper", None),
    ("tune --model IN/model.json --device wse2:rows=8,cols=8 --prompt 4 --decode 2 --json OUT/r.json", None),
    ("verify IN/one.jsonl", None), ("validate IN/points.jsonl --out OUT/v", None),
    ("calibrate IN/points.jsonl --fit hop --out OUT/d.json", None),
    ("perplexity -f IN/text.txt --json OUT/r.json --checkpoint OUT/c:every~1 " + LLM, None),
    (GEMM + "--a IN/a.npy --b IN/b.npy --out OUT/c.npy --json OUT/r.jsonl", 2),
    ("llm --model IN/model.json --mode compute --prompt 4 --decode 2 --json OUT/r.jsonl " + LLM, 2),
    ("generate -n 2 " + LLM, 2),
]
N_CALLS, N_MALLOCS, N_ON_RANKS, N_SIGNALS = 10, 5, 4, 3
# Of a run that fails: what was printed so far; a lock that a signal has left, which is no hindrance when the run is started again.
PASSING = {"stdout", "s/.plmr-lock"}
MODEL = {"title": "t", "source": "s", "architecture": "llama", "layers": 1, "dim": 16, "heads": 2, "kv_heads": 2, "ffn": 32, "vocab": 40,
         "context": 64, "rms_eps": 1e-5, "rope_base": 10000, "tied": False}
POINT = {"device": "WSE-3 (CS-3)", "unit": "cycles", "kind": "measured"}
SWEEP = {"title": "t", "question": "q", "columns": ["alg", "cycles"], "runs": {"a": {
    "command": "gemm", "options": {"m": 16, "k": 16, "n": 16, "cores": "4x4"}, "vary": {"alg": ["cannon", "summa"]}}}}


def content(path):
    """What must be the same in every right run; None: only that it is there."""
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith((".npy", ".f32", ".csv")):
        return data
    if path.endswith((".json", ".jsonl")) and "provenance" not in path and path.split("/")[-1] != "t.json":
        try:
            return [of_the_wafer(json.loads(line), "provenance") for line in data.decode().splitlines()]
        except (json.JSONDecodeError, AttributeError):
            return len(data) > 0
    return len(data) > 0


def wait_or_stop(process, number, after_s):
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(number)


def is_right(data, right):
    """A sweep's journal may have some of its lines; a text that was interrupted has a record, which says so."""
    return right is not None and (data == right or isinstance(data, list) and all(line in right or was_interrupted(line) for line in data))


def was_interrupted(record):
    return isinstance(record, dict) and record.get("ended") == "interrupted"


def goes_on(case):
    return case[0].startswith("sweep") or "--checkpoint" in case[0]


def files_of(place):
    return {os.path.relpath(os.path.join(where, name), place): content(os.path.join(where, name))
            for where, _, names in os.walk(place) for name in names}


def wrong_of_failed(files, right):
    """Checkpoints are what it is to be gone on with."""
    return [name for name, data in files.items()
            if name not in PASSING and not name.startswith("c/") and not is_right(data, right.get(name))]


class Faults:
    def __init__(self, plmr, check, preloaded, folder):
        self.plmr, self.check, self.preloaded, self.folder = plmr, check, preloaded, os.path.realpath(folder)
        self.n, self.right = 0, {}
        self.inputs = os.path.join(self.folder, "in")
        os.mkdir(self.inputs)
        shutil.copytree(os.path.join(SOURCE, "share"), os.path.join(self.folder, "share"))
        ones = np.ones((12, 12), np.float32)
        np.save(self.inputs + "/a.npy", ones)
        np.save(self.inputs + "/b.npy", 2 * ones)
        np.save(self.inputs + "/x.npy", ones[0])
        points = "".join(json.dumps({**POINT, "id": f"findings-latency-{h}hops", "config": {"hops": h}, "value": 62 + 3.5 * h}) + "\n" for h in (1, 5, 20))
        for name, text in (("text.txt", "Once upon a time"), ("sweep.json", json.dumps(SWEEP)), ("model.json", json.dumps(MODEL)), ("points.jsonl", points)):
            with open(f"{self.inputs}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        for name, alg in (("one", "cannon"), ("two", "summa")):
            plmr.run(f"gemm --alg {alg} --m 16 --k 16 --n 16 --cores 4x4 --quiet --json {self.inputs}/{name}.jsonl".split())

    def run(self, case, stop=None, **fail):
        """Exit code, lines of standard error, files and their contents, and what was noted. stop: a signal, and after how many seconds."""
        self.n += 1
        place = os.path.join(self.folder, f"run{self.n}")
        os.mkdir(place)
        args = case[0].replace("IN/", self.inputs + "/").replace("OUT/", place + "/").split()
        args = [word.replace("~", " ") for word in args]
        told = {"FAIL_RANKS": str(case[1] or 1)} | {"FAIL_" + name.upper(): str(value) for name, value in fail.items()}
        env = {**os.environ, **(ALONE if case[1] is None else {}), **told, "FAIL_FOLDER": self.folder, "FAIL_NOTE": place + ".note",
               "PLMR_SHARE": self.folder + "/share", "LD_PRELOAD": self.preloaded, "XDG_CACHE_HOME": place + ".cache"}
        with open(place + ".out", "w", encoding="utf-8") as out:
            process = self.plmr.start(args, case[1], env=env, **({"stdout": out} if case[1] is None else {}))
            if stop:
                wait_or_stop(process, *stop)
            _, err = outcome(process, 60)
        for _ in range(30):  # mpirun may end before its ranks
            time.sleep(0.1 if case[1] and any(".part" in name for name in os.listdir(place)) else 0)
        files = files_of(place)
        if (process.returncode or stop or "signal" in fail) and goes_on(case):
            self.start_again(case, args, place)
        if case[0].split()[0] in ("device", "list"):
            with open(place + ".out", encoding="utf-8") as out:
                files["stdout"] = out.read()
        noted = None
        if os.path.exists(place + ".note"):
            with open(place + ".note", encoding="ascii") as file:
                noted = float(file.read())
        shutil.rmtree(place)
        shutil.rmtree(place + ".cache", ignore_errors=True)
        return process.returncode, [line for line in err.splitlines() if not MPIRUN_NOISE.match(line)], files, noted

    def start_again(self, case, args, place):
        process = self.plmr.start(args, env={**os.environ, **ALONE, "PLMR_SHARE": self.folder + "/share"})
        _, err = outcome(process, 60)
        found = files_of(place)
        right = self.right[case]
        wrong = [name for name in {**found, **right} if found.get(name) != right.get(name)]
        self.check(process.returncode == 0 and not wrong, f"{show(args)} started again: exit code {process.returncode}, {err}, wrong: {wrong}")

    def count(self, case):
        """The right files, how long they take, and how many calls, allocations and messages there are on each rank."""
        counts, start = [], time.monotonic()
        for rank in range(case[1] or 1):
            for kind in ("call", "malloc", "message") if case[1] else ("call", "malloc"):
                code, err, files, n = self.run(case, rank=rank, **{kind: 0})
                self.check(code == 0 and n is not None, f"{show(case[0].split(), case[1])}: {code}, {err}")
                counts.append((rank, kind, int(n or 0)))
        self.right[case] = files
        return files, (time.monotonic() - start) / len(counts), counts

    def stopped(self, case, right, how):
        what = f"{show(case[0].split(), case[1])}, a signal: {how}"
        try:
            code, err, files, _ = self.run(case, **how)
        except Exception as error:  # it runs for ever
            self.check(False, f"{what}: {error}")
            return
        wrong = wrong_of_failed(files, right)
        self.check(not wrong, f"{what}: exit code {code}, {err}, left or wrong: {wrong}")

    def one(self, case, right, rank, kind, n):
        what = f"{show(case[0].split(), case[1])}, {kind} {n} of rank {rank} fails"
        try:
            code, err, files, noted = self.run(case, rank=rank, **{kind: n})
        except Exception as error:  # it runs for ever
            self.check(False, f"{what}: {error}")
            return None
        self.check(noted is not None, f"{what}: it does not")
        lines = [line for line in err if re.match("plmr", line)]
        said = [line for line in lines if case[1] is None or line == lines[0]]
        if code == 0:
            wrong = [name for name in right if files.get(name) != right[name]]
            self.check(not wrong and len(files) == len(right), f"{what}: exit code 0, but {wrong}, {err}")
        else:
            self.check(code in (1, 2) and len(said) == 1, f"{what}: exit code {code}, {err}")
            wrong = [name for name in wrong_of_failed(files, right) if ".part" not in name]
            self.check(not wrong, f"{what}: exit code {code}, and under their names {wrong}, {err}")
        self.check(not [name for name in files if ".part" in name], f"{what}: exit code {code}, drafts in {list(files)}, {err}")
        return code


def chosen(case, counts, most):
    for rank, kind, n in counts:
        wanted = most or (N_ON_RANKS if case[1] else N_CALLS if kind == "call" else N_MALLOCS)
        numbers = range(1, n + 1)
        yield from ((rank, kind, i) for i in (numbers if n <= wanted else numbers[:most] if most else random.sample(numbers, wanted)))


def signals(took_s, counts, most):
    """At random moments, and right behind some of the calls of rank 0."""
    yield from ({"stop": (number, random.uniform(0.2, 1) * took_s)} for number in (signal.SIGINT, signal.SIGTERM))
    n = counts[0][2]
    yield from ({"rank": 0, "call": i, "signal": int(signal.SIGTERM)} for i in random.sample(range(1, n + 1), min(n, most or N_SIGNALS)))


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    most = int(sys.argv[5]) if sys.argv[4:5] == ["--all"] else 0
    cases = [case for case in CASES if not sys.argv[6:] or case[0].split()[0] in sys.argv[6:]]
    random.seed(os.environ.get("PLMR_SEED", "1"))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        faults = Faults(plmr, check, os.path.realpath(sys.argv[3]), folder)
        counted = list(pool.map(faults.count, cases))
        stops = [(case, right, how) for case, (right, took_s, counts) in zip(cases, counted) for how in signals(took_s, counts, most)]
        list(pool.map(lambda job: faults.stopped(*job), stops))
        todo = [(case, right, *fault) for case, (right, _, counts) in zip(cases, counted) for fault in chosen(case, counts, most)]
        codes = list(pool.map(lambda job: faults.one(*job), todo))
    print(f"{len(stops)} signals; {len(codes)} faults: {codes.count(0)} of no consequence, {codes.count(1)} with exit code 1, {codes.count(2)} with 2")
    check.done()


main()
