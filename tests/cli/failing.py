"""A rank that fails alone, whatever the others do, ends the whole job: soon, with one line that names it, and exit code 1.

failing.py MPIEXEC PLMR PRELOADED
"""
import json
import os
import re
import sys
import tempfile
import time

import numpy as np

from cli import Checks, Plmr, outcome, show

MOST_S = 10
LLM = "llm --model demo --mode compute --prompt 6 --decode 2 --prefill-cores 16x16 --decode-cores 12x12"
# Behind so long a prompt weights are turned at once, and two runs take memory alike.
GENERATE = f"generate -n 4 --tokens {','.join(str(3 + i) for i in range(65))} --prefill-cores 16x16 --decode-cores 12x12"
PAPER = "paper --figure 10"
GEMM = "gemm --alg meshgemm --cores 24x24 --dtype f32 --quiet"


def experiment(folder):
    path = os.path.join(folder, "experiment.json")
    with open(path, "w", encoding="ascii") as file:
        json.dump({"title": "t", "question": "q", "columns": ["alg", "m", "cycles"],
                   "plots": [{"title": "t", "x": "m", "y": "cycles", "x_label": "m", "y_label": "cycles", "series": ["alg"]}], "runs": {"gemm": {
            "command": "gemm", "options": {"alg": "meshgemm", "cores": "24x24", "mode": "compute"}, "vary": {"m": [240, 480]}}}}, file)
    return path


class Failing:
    def __init__(self, plmr, check, preloaded, folder):
        self.plmr, self.check, self.preloaded, self.folder = plmr, check, preloaded, folder

    def run(self, args, ranks, **fail):
        """The run's result, and what was noted: None if nothing has failed."""
        note = os.path.join(self.folder, "note")
        if os.path.exists(note):
            os.remove(note)
        told = {"FAIL_RANKS": str(ranks or 1)} | {"FAIL_" + name.upper(): str(value) for name, value in fail.items()}
        process = self.plmr.start(args.split(), ranks, env={**os.environ, **told, "FAIL_NOTE": note, "LD_PRELOAD": self.preloaded})
        _, err = outcome(process, 60)
        ended_s = time.monotonic()
        if not os.path.exists(note):
            return process.returncode, err, None, ended_s
        with open(note, encoding="ascii") as file:
            return process.returncode, err, float(file.read()), ended_s

    def must_end(self, args, ranks, words="", **fail):
        what = f"{show(args.split(), ranks)}, {fail}"
        try:
            code, err, failed_s, ended_s = self.run(args, ranks, **fail)
        except Exception as error:  # it runs for ever
            self.check(False, f"{what}: {error}")
            return
        lines = re.findall(r"^plmr.*", err, re.MULTILINE)
        self.check(failed_s is not None, f"{what}: nothing fails")
        self.check(code == 1 and len(lines) == 1 and re.search(rf"\brank {fail['rank']} on \S+: .*{words}", lines[0]),
                   f"{what}: {code}, {err}")
        self.check(failed_s is None or ended_s - failed_s < MOST_S, f"{what}: ends only after {ended_s - (failed_s or 0):.1f} s")

    def must_notice(self, args, send):
        """Rank 1 of 2 stops before a message of its: rank 0 says so after a second."""
        code, err, failed_s, ended_s = self.run(args + " --stall 1", 2, rank=1, send=send)
        lines = re.findall(r"^plmr.*", err, re.MULTILINE)
        self.check(code == 1 and len(lines) == 1 and re.search(r"\brank 0 on \S+: has waited for rank 1 for more than 1 s, in ", lines[0]),
                   f"{args}, no message {send}: {code}, {err}")
        self.check(failed_s and ended_s - failed_s < MOST_S, f"{args}: ends only after {ended_s - (failed_s or 0):.1f} s")

    def allocations(self, args, ranks, rank, shares):
        """One of the allocations fails: each of some places of the run."""
        code, err, n, _ = self.run(args, ranks, rank=rank, malloc=0)
        if self.check(code == 0 and n and n > 10, f"{show(args.split(), ranks)}: {code}, {n} allocations, {err}"):
            for share in shares:
                self.must_end(args, ranks, rank=rank, malloc=1 + int(share * (n - 1)))


    def unseen(self, args, folder):
        """Files that others see late, and of an old size: the result is that of a run without."""
        env = {**os.environ, "FAIL_UNSEEN": "1", "FAIL_RANKS": "2", "FAIL_FOLDER": folder, "LD_PRELOAD": self.preloaded}
        process = self.plmr.start(args.split(), 2, env=env)
        _, err = outcome(process, 60)
        self.check(process.returncode == 0 and not [name for name in os.listdir(folder) if "unseen" in name or "part" in name],
                   f"files that are seen late, {args}: {process.returncode}, {err}, {os.listdir(folder)}")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    with tempfile.TemporaryDirectory() as folder:
        folder = os.path.realpath(folder)
        failing = Failing(plmr, check, sys.argv[3], folder)
        matrix = os.path.join(folder, "A.npy")
        np.save(matrix, np.ones((240, 240), np.float32))
        for at in 1, 60:
            failing.must_end(f"{GEMM} --a {matrix} --b {matrix}", 4, "cannot read: Input/output error", rank=3, file=matrix, read=at)
        failing.must_end(f"{GEMM} --m 6000 --k 6000 --n 6000 --allow M", 4, "out of memory", rank=1, memory=60 << 20)
        failing.allocations(f"{GEMM} --m 240 --k 240 --n 240", 3, 2, (.5, 1))
        failing.allocations(LLM, 4, 2, (.3, .5, .7, .8, .9, 1))
        failing.allocations(GENERATE, 3, 1, (.4, .7, .9, 1))
        failing.allocations(PAPER, 2, 0, (.5, .8))
        seen, late = [os.path.join(folder, name) for name in ("seen", "late")]
        for place in seen, late:
            os.mkdir(place)
        problem = f"{GEMM} --m 50 --k 40 --n 30 --out "
        check(plmr.run((problem + seen + "/c.npy").split(), 2)[0] == 0, "a run")
        failing.unseen(problem + late + "/c.npy", late)
        check(os.path.exists(late + "/c.npy") and (np.load(late + "/c.npy") == np.load(seen + "/c.npy")).all(), "values of a file that is seen late")
        failing.unseen(f"logits --tokens 1,2,3 --phase prefill --prefill-cores 8x8 --out {late}/l.f32 --dump {late}/dump", late)
        failing.must_notice(f"{GEMM} --m 240 --k 240 --n 240", 3)
        failing.must_notice(LLM, 20)
        failing.must_notice(f"sweep {experiment(folder)} --out {folder}/swept", 3)
        for args, ranks in (LLM, 3), (GENERATE, 2), (PAPER, 2):
            failing.must_end(args, ranks, rank=1, memory=300 << 10)
    check.done()


main()
