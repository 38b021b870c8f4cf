"""plmr perplexity against a float64 forward, with one window and several, on one rank and on a grid of them.

perplexity.py MPIEXEC PLMR DATA_FOLDER DEMO_MODEL. Exits with 77 (skipped) without NumPy.
"""
import json
import os
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("NumPy is not installed")
    sys.exit(77)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from cli import Checks, Plmr, show  # noqa: E402
from forward import Forward  # noqa: E402

RANKS = [(None, []), (6, ["--ranks", "3x2"])]
KEYS = ["command", "model", "tokens", "context", "windows", "scored", "nll", "perplexity", "stderr", "ranks", "wall_s",
        "provenance"]


def surprises(model, window, first):
    """-log p of the window's tokens from `first` on, each after those before it."""
    logits = model.logits(window)[first - 1:-1]
    logits -= logits.max(axis=1, keepdims=True)
    return np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(logits)), window[first:]]


def expected(model, ids, size):
    """Windows of `size` tokens, each with the text's first token, BOS, in front."""
    n = len(ids) // size
    if n < 2:
        return surprises(model, ids[:size], 1)
    windows = [ids[:1] + ids[w * size + 1:(w + 1) * size] for w in range(n)]
    return np.concatenate([surprises(model, window, size // 2 + 1) for window in windows])


def check_text(check, plmr, model, path, ids, size):
    want = expected(model, ids, size)
    mean = want.mean()
    stderr = np.exp(mean) * want.std(ddof=1) / np.sqrt(len(want)) if len(want) > 1 else None
    args = ["perplexity", "-f", path, "--context", str(size), "--kv-dtype", "f32", "--prefill-cores", "24x24", "--json", "-"]
    said = []
    for ranks, grid in RANKS:
        code, out, err = plmr.run(args + grid, ranks)
        what = show(args + grid, ranks)
        if not check(code == 0 and len(err) == 3 and "perplexity" in err[0], f"{what} ends with {code}: {out} {err}"):
            continue
        record = json.loads(out)
        check(list(record) == KEYS and record["ranks"] == (ranks or 1), f"{what}: {record}")
        check(record["tokens"] == len(ids) and record["scored"] == len(want), f"{what}: {record}, scored {len(want)}")
        check(abs(record["nll"] - mean) < 1e-5, f"{what}: nll {record['nll']} instead of {mean}")
        check(abs(record["perplexity"] / np.exp(mean) - 1) < 1e-5, f"{what}: {record}, instead of {np.exp(mean)}")
        near = record["stderr"] is None if stderr is None else abs(record["stderr"] / stderr - 1) < 1e-4
        check(near, f"{what}: {record}, standard error {stderr}")
        said.append((record["nll"], record["stderr"]))
    check(len(set(said)) == 1, f"{show(args)}: {said} on {RANKS}")


def main():
    plmr, check, model = Plmr(sys.argv[1], sys.argv[2]), Checks(), Forward(sys.argv[4])
    with open(os.path.join(sys.argv[3], "demo.greedy"), encoding="utf-8") as file:
        told = file.read().split("text ", 1)[1]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "text.txt")
        # windows: one of the whole text; one, with tokens left out; several, of even and odd sizes; the fewest tokens
        for text, sizes in ((f"Once upon a time{told}", [384, 80, 33, 3]), (f"The moon\nwas\u00e9 big.{told}" * 2, [64]),
                            ("Once", [384]), ("a", [8])):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            code, out, err = plmr.run(["tokenize", "-m", "demo", f"--prompt={text}"])
            if check(code == 0, f"tokenize: {err}"):
                for size in sizes:
                    check_text(check, plmr, model, path, [int(i) for i in out.split(",")], size)
    check.done()


main()
