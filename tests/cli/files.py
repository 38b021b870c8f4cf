"""A user's own matrices: read by all ranks, multiplied, written, and compared with NumPy.

files.py MPIEXEC PLMR
"""
import os
import sys
import tempfile

import numpy as np

from cli import Checks, Plmr, show


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
    check.done()


main()
