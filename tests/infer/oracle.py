"""Logits against what other programs computed, on several grids of cores and numbers of ranks.

oracle.py MPIEXEC MANY DATA_FOLDER MODEL_FILE    one model, with DATA_FOLDER/NAME.tokens, .greedy and .logits.f32;
                                                 or, instead of both, .logp.f32: log-probabilities
oracle.py --comparer                             what the comparison itself must find
Exits with 77 (skipped) without NumPy.
"""
import itertools
import os
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("NumPy is not installed")
    sys.exit(77)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from cli import Checks, Started, show  # noqa: E402
from forward import Forward  # noqa: E402

# A plain forward is well within this of the references in float32, and of a float64 forward from the same weights.
BOUND = 2e-4
# What the references' engine rounds activations to moves its logits by so much.
ROUNDED = {"llama_mha_f16": 8e-3, "qwen2_gqa_bf16": 7e-2}
# Gemma's gelu is one of halves: a difference in the last bit of a float may become one of theirs.
HALVES = {"gemma2_f32": 3e-3, "gemma3_f32": 3e-3}

# prefill's cores, decode's cores, numbers of ranks, of which None is without mpirun. The last ones have more cores than
# most dimensions have elements.
GRIDS = [
    ("8x8", "8x8", [None, 4]),
    ("13x13", "9x20", [None, 3, 4]),
    ("3x3", "4x3", [None, 2, 3]),
    ("150x150", "40x170", [None, 6]),
    ("360x360", "420x660", [None, 2]),
]


# Of models that differ from others in what they compute, not in how they are dealt.
FEW_GRIDS = [("13x13", "9x20", [1, 4]), ("3x3", "4x3", [1, 3])]


def compare(got, want, bound):
    """What is wrong with logits; empty if nothing is."""
    if got.shape != want.shape:
        return f"{got.shape} instead of {want.shape}"
    if got.size == 0 or not np.all(np.isfinite(got)):
        return "not all numbers"
    off = np.abs(got.astype(np.float64) - want)
    row, col = np.unravel_index(np.argmax(off), off.shape)
    if off[row, col] <= bound:
        return ""
    return f"off by {off[row, col]:.3g} at token {row}, id {col} ({np.count_nonzero(off > bound)} of {off.size} beyond {bound})"


def compare_greedy(logits, n_prompt, greedy):
    """The likeliest id after the prompt, and after each greedy one but the last."""
    chosen = np.argmax(logits[n_prompt - 1:], axis=1).tolist()
    return "" if chosen == greedy else f"greedy ids {chosen} instead of {greedy}"


class Model:
    def __init__(self, folder, path):
        self.path, self.name = path, os.path.splitext(os.path.basename(path))[0]
        base = os.path.join(folder, self.name)
        with open(base + ".tokens", encoding="utf-8") as file:
            self.prompt = [int(i) for i in file.read().split(",")]
        self.has_logp = os.path.exists(base + ".logp.f32")
        self.grows = self.name == "phi3_f32"
        self.has_few = self.has_logp and self.name != "qwen3_f32"
        if self.has_logp:
            self.forward = Forward(path)
            self.tokens, self.greedy, self.exact = self.prompt, None, self.forward.logits(self.prompt)
            self.n_vocab = self.exact.shape[1]
            self.reference = np.fromfile(base + ".logp.f32", "<f4").reshape(-1, self.n_vocab)
            return
        with open(base + ".greedy", encoding="utf-8") as file:
            lines = dict(line.rstrip("\n").split(" ", 1) for line in file)
        self.n_vocab = int(lines["n_vocab"].split()[0])
        self.greedy = [int(i) for i in lines["greedy"].split()]
        self.tokens = self.prompt + self.greedy[:-1]
        self.reference = np.fromfile(base + ".logits.f32", "<f4").reshape(-1, self.n_vocab)
        if self.name == "qwen2_gqa_bf16":  # greedy tokens, and so the rows after them, depend on the engine's rounding
            self.reference, self.greedy = self.reference[:len(self.prompt)], None
        self.exact = Forward(path).logits(self.tokens)


class Runs:
    """Runs plmr logits; each gives the file's bytes."""

    def __init__(self, plmr, model, folder, check):
        self.plmr, self.model, self.folder, self.check = plmr, model, folder, check

    def run(self, cores, ranks):
        tokens, path = ",".join(map(str, self.model.tokens)), os.path.join(self.folder, f"{' '.join(cores)} {ranks}")
        args = ["logits", "-m", self.model.path, "--tokens", tokens, "--kv-dtype", "f32", "--out", path, *cores]
        code, out, err = self.plmr.run(args, ranks)
        if not self.check(code == 0 and out == "" and not err, f"{show(args, ranks)} ends with {code}: {out} {err}"):
            return b""
        with open(path, "rb") as file:
            return file.read()

    def all(self, cases):
        """{(cores, ranks): logits} of many cases, in one start for each number of ranks."""
        return {case: self.run(*case) for case in sorted(cases, key=lambda case: case[1] or 1)}


def check_values(check, model, logits, what):
    logits = np.frombuffer(logits, "<f4")
    if not check(logits.size == len(model.tokens) * model.n_vocab, f"{what}: {logits.size} logits"):
        return
    logits = logits.reshape(-1, model.n_vocab)
    bound = HALVES.get(model.name, BOUND)
    wrong = compare(logits, model.exact, bound)
    check(not wrong, f"{what}: against a float64 forward: {wrong}")
    if model.has_logp:
        logits = logits - np.log(np.exp(logits.astype(np.float64)).sum(axis=1, keepdims=True))
    wrong = compare(logits[:len(model.reference)], model.reference, ROUNDED.get(model.name, bound))
    check(not wrong, f"{what}: against the reference: {wrong}")
    wrong = model.greedy and compare_greedy(logits, len(model.prompt), model.greedy)
    check(not wrong, f"{what}: {wrong}")


def check_ranks(check, model, runs, cores, all_ranks):
    """The logits, the same on any number of ranks."""
    first, what = runs[cores, all_ranks[0]], f"{model.name} {' '.join(cores)}"
    check_values(check, model, first, what)
    for ranks in all_ranks[1:]:
        check(runs[cores, ranks] == first, f"{what}: {ranks} ranks differ from {all_ranks[0]}")
    return np.frombuffer(first, "<f4")


def logp_of(model, prompt, made):
    """The likeliest ids behind the prompt, and how likely they are."""
    logits = model.forward.logits(prompt + made[:-1], len(prompt))[len(prompt) - 1:]
    return np.argmax(logits, axis=1).tolist(), logits.max(axis=1) - np.log(np.exp(logits).sum(axis=1))


def check_growing(check, model, plmr):
    """A text that grows past the context for which a model has short factors: what is made depends neither on how much is asked
    for nor on other requests, and is what a forward says whose early keys stay as they were turned."""
    cores = ["--prefill-cores", "13x13", "--decode-cores", "9x20"]
    generate = ["generate", "-m", model.path, "--ignore-eos", "--json-logprobs", "1", "--kv-dtype", "f32", *cores, "--tokens"]
    serve = ["serve", "-m", model.path, *"--mode compute --cores 9x9 --batch 4 --chunk 5 --rate 50000 --requests 6 --lengths 9..20/3..20 --quiet".split()]
    first = {}
    for ranks in 1, 2, 4:
        for n_prompt, n in itertools.product((12, 16, 17), (30, 4, 1)):
            record, = plmr.records(generate + [",".join(map(str, model.prompt[:n_prompt])), "-n", str(n)], ranks)
            made = [(token["id"], token["logprob"]) for token in record["logprobs"]]
            want = first.setdefault(n_prompt, made)[:n]
            check(made == want, f"{model.name}: {n} behind {n_prompt} on {ranks} ranks are {made}, of 30 on one {want}")
        for text in plmr.records(serve, ranks)[0]["texts"] if ranks != 2 else []:
            want = logp_of(model, text["prompt"], text["ids"])[0]
            check(text["ids"] == want, f"{show(serve, ranks)}: {text}, a float64 forward {want}")
    for n_prompt, made in first.items():
        ids, logp = map(list, zip(*made))
        want, logp_want = logp_of(model, model.prompt[:n_prompt], ids)
        off = np.abs(logp_want - logp).max()
        check(ids == want and off < BOUND, f"{model.name}: behind {n_prompt} {ids}, a float64 forward {want}, off by {off}")


def check_model(mpiexec, many, folder, path):
    check, model = Checks(), Model(folder, path)
    grids = [(("--prefill-cores", prefill, "--decode-cores", decode), ranks)
             for prefill, decode, ranks in (FEW_GRIDS if model.has_few else GRIDS)]
    one_by_one = ("--phase", "decode")
    cases = [(cores + phase, n) for cores, ranks in grids for n in ranks for phase in ((), one_by_one)]
    with tempfile.TemporaryDirectory() as scratch, Started(mpiexec, many) as plmr:
        runs = Runs(plmr, model, scratch, check).all(cases)
        if model.grows:
            check_growing(check, model, plmr)
    for cores, ranks in grids:
        prefill = check_ranks(check, model, runs, cores, ranks)
        decode = check_ranks(check, model, runs, cores + one_by_one, ranks)
        if check(prefill.size == decode.size > 0, "both phases have logits"):
            off, most = np.abs(prefill - decode).max(), np.abs(decode).max()
            check(off <= max(1e-4 * most, HALVES.get(model.name, 0)), f"{model.name} {' '.join(cores)}: prefill is {off} from decode, of {most}")
    check.done()


def check_comparer():
    check, random = Checks(), np.random.default_rng(1)
    want = random.normal(0, 3, (7, 50)).astype(np.float32)
    check(not compare(want, want, 0), "equal logits are equal")
    check(not compare(want + np.float32(1e-4), want, BOUND), "a small difference is allowed")
    for row, col in ((0, 0), (3, 20), (6, 49)):
        for wrong in (want[row, col] + np.float32(3e-4), np.nan, -np.inf):
            got = want.copy()
            got[row, col] = wrong
            check(compare(got, want, BOUND), f"{wrong} at {row}, {col} is found")
            check(not compare(want, want, BOUND), "and was put right")
    check(compare(np.roll(want, 1, axis=0), want, BOUND), "rows in another order are found")
    check(compare(want[:6], want, BOUND), "a missing row is found")
    check(compare(want[:0], want[:0], BOUND), "no logits at all are not right")
    greedy = np.argmax(want[2:], axis=1).tolist()
    check(not compare_greedy(want, 3, greedy), "greedy ids are found")
    check(compare_greedy(want, 3, greedy[:-1] + [greedy[-1] ^ 1]), "another last id is found")
    check(compare_greedy(want, 3, greedy[:-1]), "a missing id is found")
    check.done()


if sys.argv[1] == "--comparer":
    check_comparer()
check_model(*sys.argv[1:])
