"""A language model gives the same bits and the same cycles on any grid of ranks: logits of both phases, dumped tensors,
text, checksums of batches, perplexity.

grids.py MPIEXEC MANY DATA_FOLDER MODEL_FILE
"""
import hashlib
import os
import sys
import tempfile
from functools import partial

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from cli import Checks, Started, of_the_wafer, show  # noqa: E402

SAMPLERS = ["--temp 3 --top-k 40 --seed 5", "--temp 2 --top-k 9 --top-p 0.8 --min-p 0.05 --seed 2", "--temp 2 --top-p 0.9",
            "--temp 1 --top-k 5 --repeat-penalty 1.3"]
GRIDS = ["1x1", "1x4", "4x1", "2x2", "3x2", "2x3", "3x3", "1x7"]
WHOLE = ["1x1", "3x2", "1x4", "4x1"]  # for what differs in a model's own steps alone
PART = ["1x1", "3x2"]  # for what differs in the commands' own loops alone
EACH_ITS_CORE = ["1x1", "2x2", "3x3"]
WITH_ALL = "llama_gqa_f32"
# prefill's cores, decode's: more cores than elements; few of each; a rank for each core on the largest grid.
CORES = [("40x40", "21x30"), ("9x9", "7x11"), ("3x3", "3x3")]


def hash_of(path):
    """Of a file, or of all files of a folder."""
    names = sorted(os.listdir(path)) if os.path.isdir(path) else [""]
    total = hashlib.sha256()
    for name in names:
        with open(os.path.join(path, name) if name else path, "rb") as file:
            total.update(name.encode() + file.read())
    return total.hexdigest()


class Runs:
    def __init__(self, plmr, check, model, folder):
        self.plmr, self.check, self.model, self.folder = plmr, check, model, folder

    def ok(self, args, ranks):
        code, out, err = self.plmr.run(args, ranks)
        self.check(code == 0, f"{show(args, ranks)} ends with {code}: {err}")
        return out

    def logits(self, cores, phase, tokens, grid, *more):
        path = os.path.join(self.folder, f"{cores} {phase} {grid}")
        self.ok(["logits", "-m", self.model, "--tokens", tokens, "--phase", phase, "--prefill-cores", cores[0],
                 "--decode-cores", cores[1], "--ranks", grid, "--out", path, *more], ranks_of(grid))
        return hash_of(path)

    def tensors(self, phase, tokens, grid):
        path = os.path.join(self.folder, f"{phase} {grid}.d")
        self.logits(CORES[1], phase, tokens, grid, "--dump", path)
        return hash_of(path)

    def text(self, kv, tokens, grid, *more):
        return self.ok(["generate", "-m", self.model, "--tokens", tokens, "-n", "12", "--kv", kv, "--prefill-cores", "9x9",
                        "--decode-cores", "7x11", "--allow", "M", "--ranks", grid, *more], ranks_of(grid))

    def sampled(self, how, tokens, grid):
        """From the likeliest tokens of each rank, or from all."""
        return self.text("shift", tokens, grid, *how.split())

    def batch(self, phase, kv, grid):
        """A record: checksum and costs."""
        args = ["llm", "-m", self.model, "--mode", "compute", "--prompt", "13", "--decode", "9", "--batch", "3", "--kv", kv,
                "--phase", phase, "--prefill-cores", "9x9", "--decode-cores", "7x11", "--allow", "M", "--ranks", grid]
        record = self.plmr.records(args, ranks_of(grid))[0]
        if grid.endswith("x1") and phase == "prefill":  # ranks of a node read each other's weights where they lie
            self.check(record["bytes_sent"] < os.path.getsize(self.model) / 4,
                       f"{show(args, ranks_of(grid))} sends {record['bytes_sent']} bytes, weights among them")
        return of_the_wafer(record)


def ranks_of(grid):
    rows, cols = map(int, grid.split("x"))
    return rows * cols


def cases_of(runs, tokens, whole):
    """What is run: how it is called, the grids, and how. One model has all; others what their own steps may change."""
    for cores, grids in zip(CORES, (WHOLE, GRIDS, EACH_ITS_CORE)) if whole else [(CORES[1], WHOLE)]:
        for phase in ("prefill", "decode"):
            yield f"{cores} {phase}", grids, partial(runs.logits, cores, phase, tokens)
    for phase in ("prefill", "decode"):
        yield f"tensors of {phase}", PART, partial(runs.tensors, phase, tokens)
    for kv in ("shift", "concat") if whole else ("shift",):
        yield f"text, {kv}", PART, partial(runs.text, kv, tokens)
        yield f"batch, {kv}", PART, partial(runs.batch, "both", kv)
    for how in SAMPLERS if whole else ():
        yield how, PART, partial(runs.sampled, how, tokens)
    if whole:
        yield "decode, with fewer cores for prefill than ranks", ["1x1", "1x4"], partial(runs.logits, ("3x3", "7x11"), "decode", tokens)
        yield "batch, decode", PART, partial(runs.batch, "decode", "shift")


def main():
    mpiexec, many, folder, model = sys.argv[1:5]
    check = Checks()
    name = os.path.splitext(os.path.basename(model))[0]
    with open(os.path.join(folder, name + ".tokens"), encoding="utf-8") as file:
        tokens = ",".join(file.read().strip().split(",")[:19])
    with tempfile.TemporaryDirectory() as scratch, Started(mpiexec, many) as plmr:
        cases = list(cases_of(Runs(plmr, check, model, scratch), tokens, name == WITH_ALL))
        first = {}
        for grid in sorted(GRIDS, key=ranks_of):  # ranks start once for each number of them; 1x1 is the first
            for what, grids, run in cases:
                if grid in grids:
                    result = run(grid)
                    want = first.setdefault(what, result)
                    check(result == want, f"{name}, {what}: {grid} ranks differ from 1x1: {result} instead of {want}")
    check.done()


main()
