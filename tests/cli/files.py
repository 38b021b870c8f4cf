"""A user's own matrices: read by all ranks, multiplied, written, and compared with NumPy.

files.py MPIEXEC PLMR
"""
import json
import os
import sys
import tempfile
import time

import numpy as np

from cli import Checks, Plmr, outcome, show


def relative_error(got, want):
    return np.linalg.norm(got.astype(np.float64) - want) / np.linalg.norm(want)


def names(plmr, command):
    """Algorithms, as `plmr list` tells them."""
    _, out, _ = plmr.run(["list"])
    part = out.split(f"(plmr {command} --alg NAME)\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in part.splitlines()]


def run(plmr, check, folder, args, ranks, want, most, dtype):
    out = folder + "/out.npy"
    code, _, err = plmr.run(args, ranks)
    if not check(code == 0 and os.path.exists(out), f"{show(args, ranks)}: {code}, {err}"):
        return
    got = np.load(out)
    check(got.shape == want.shape and got.dtype == dtype, f"{show(args, ranks)}: {got.shape} {got.dtype}")
    check(relative_error(got, want) < most, f"{show(args, ranks)}: error {relative_error(got, want)}")
    os.remove(out)
    check(not [name for name in os.listdir(folder) if name.endswith(".part")], f"{show(args, ranks)} leaves a part")


def two_at_once(plmr, check, folder):
    """Runs that write to the same files: one that fails takes nothing from the others, and the last to end is seen."""
    to = f" --out {folder}/c.npy --json {folder}/c.jsonl --report {folder}/c.html --trace {folder}/c.json --quiet".split()
    small = "gemm --alg meshgemm --m 64 --k 64 --n 64 --cores 16x16 --dtype f32".split()
    code, _, err = plmr.run(small + ["--seed", "2", "--out", folder + "/right.npy", "--quiet"])
    check(code == 0, f"{code}, {err}")
    slow = plmr.start(small + ["--seed", "2", "--pace", "1.5e6"] + to, 2)  # some seconds
    for _ in range(300):
        time.sleep(0.1)
        if len([name for name in os.listdir(folder) if name.endswith(".part")]) == 4:
            break
    code, _, err = plmr.run("gemm --alg allgather --m 3000 --k 3000 --n 3000 --cores 20x20 --dtype f32".split() + to)
    check(code == 2 and "bytes of SRAM" in err[-1], f"a run that fails: {code}, {err}")
    code, _, err = plmr.run(small + ["--seed", "3"] + to)
    check(code == 0 and not err, f"the run that ends first: {code}, {err}")
    check(slow.poll() is None, "the slow run has ended too soon for this test")
    first = np.load(folder + "/c.npy")
    _, err = outcome(slow, 120)
    check(slow.returncode == 0, f"the run that ends last: {slow.returncode}, {err}")
    right, last = np.load(folder + "/right.npy"), np.load(folder + "/c.npy")
    check((last == right).all() and (first != right).any(), "the file does not hold the values of the run that ended last")
    with open(folder + "/c.jsonl", encoding="utf-8") as file:
        check(json.loads(file.read())["seed"] == 2, "the record is not that of the run that ended last")
    check(sorted(os.listdir(folder)) == ["c.html", "c.json", "c.jsonl", "c.npy", "right.npy"], f"left: {os.listdir(folder)}")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    random = np.random.default_rng(77)
    with tempfile.TemporaryDirectory() as folder:
        a, b = (random.standard_normal(shape, dtype=np.float32) for shape in ((53, 37), (37, 71)))
        x = random.standard_normal(37, dtype=np.float32)
        for name, value in {"a": a, "b": b, "bt": np.ascontiguousarray(b.T), "x": x, "column": x.reshape(-1, 1),
                            "a16": a.astype(np.float16), "b16": b.astype(np.float16)}.items():
            np.save(f"{folder}/{name}.npy", value)
        c, y = a.astype(np.float64) @ b, x.astype(np.float64) @ b
        half = a.astype(np.float16).astype(np.float64) @ b.astype(np.float16)
        gemm = f"gemm --cores 7x7 --verify --out {folder}/out.npy --a {folder}/a.npy --dtype f32".split()
        gemv = f"gemv --cores 7x5 --verify --y {folder}/out.npy --b {folder}/b.npy --dtype f32".split()
        for ranks in (1, 3):
            for name in names(plmr, "gemm"):
                run(plmr, check, folder, gemm + ["--alg", name, "--b", folder + "/b.npy"], ranks, c, 1e-6, np.float32)
            for name in names(plmr, "gemv"):
                run(plmr, check, folder, gemv + ["--alg", name, "--x", folder + "/x.npy"], ranks, y, 1e-6, np.float32)
        run(plmr, check, folder, gemm + ["--alg", "meshgemm", "--transpose-b", "--b", folder + "/bt.npy"], 4, c, 1e-6, np.float32)
        run(plmr, check, folder, gemv + ["--alg", "ring", "--x", folder + "/column.npy"], 2, y, 1e-6, np.float32)
        run(plmr, check, folder, f"gemm --cores 7x7 --alg summa --a {folder}/a16.npy --b {folder}/b16.npy --out {folder}/out.npy".split(),
            2, half, 1e-3, np.float16)
        run(plmr, check, folder, gemm + ["--alg", "cannon", "--b", folder + "/b.npy", "--dtype", "bf16"], 2, c, 1e-2, np.float32)
    with tempfile.TemporaryDirectory() as folder:
        two_at_once(plmr, check, folder)
    check.done()


main()
