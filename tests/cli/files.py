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


def one_file_by_two_names(plmr, check, folder):
    """A file that two options name is refused, whatever they call it; what links lead to is written, and the links stay."""
    small = "gemm --alg meshgemm --m 8 --k 8 --n 8 --cores 4x4 --quiet".split()
    os.mkdir(folder + "/d")
    os.symlink("d", folder + "/e")
    for pair in (["--json", "d/x", "--report", "d/x"], ["--trace", "d/../d/x", "--json", "d/x"], ["--out", "d/x.npy", "--json", "e/x.npy"]):
        args = small + [pair[0], f"{folder}/{pair[1]}", pair[2], f"{folder}/{pair[3]}"]
        code, out, err = plmr.run(args)
        check(code == 2 and len(err) == 1 and "another option writes this file, too" in err[0] and not os.listdir(folder + "/d"),
              f"{show(args)}: {code}, {out}, {err}")
    plain = folder + "/x.npy"
    code, _, err = plmr.run(small + ["--out", plain, "--json", plain + ".json"])
    check(code == 0, f"names that begin alike: {code}, {err}")
    links = {"json": "d/there", "report": "d/not_yet", "trace": folder + "/d/absolute", "out": "twice"}
    open(folder + "/d/there", "w", encoding="utf-8").close()
    os.symlink("d/result.npy", folder + "/twice")
    for name, to in links.items():
        os.symlink(to, f"{folder}/{name}")
    code, _, err = plmr.run(small + [word for name in links for word in ("--" + name, f"{folder}/{name}")])
    check(code == 0 and all(os.path.islink(f"{folder}/{name}") for name in [*links, "twice"]), f"links: {code}, {err}")
    check(sorted(os.listdir(folder + "/d")) == ["absolute", "not_yet", "result.npy", "there"], f"links lead to {os.listdir(folder + '/d')}")
    check(np.load(folder + "/d/result.npy").shape == (8, 8), "a link to a link to a matrix")


def read_only_files_stay(plmr, check, folder):
    """Renaming over a file asks nobody whether that may be written."""
    small = "gemm --alg meshgemm --m 8 --k 8 --n 8 --cores 4x4 --quiet".split()
    kept = folder + "/kept"
    with open(kept, "w", encoding="utf-8") as file:
        file.write("mine")
    os.chmod(kept, 0o444)
    for option in ("--json", "--report", "--trace", "--out"):
        code, out, err = plmr.run(small + [option, kept])
        check(code == 2 and len(err) == 1 and f"{option}: " in err[0] and "kept: Permission denied" in err[0].replace("cannot write: ", ""), f"{option}: {code}, {out}, {err}")
    check(open(kept, encoding="utf-8").read() == "mine", "a file that nobody may write has been written")


def own_standard_output(plmr, check, folder):
    """What is this process's standard output is written to as such, a file as well: behind what is there."""
    os.symlink("/proc/self/fd/1", folder + "/stdout")
    with open(folder + "/all", "w+", encoding="utf-8") as file:
        file.write("before\n")
        file.flush()
        small = "gemm --alg meshgemm --m 8 --k 8 --n 8 --cores 4x4".split()
        process = plmr.start(small + ["--json", folder + "/stdout"], stdout=file)
        _, err = outcome(process, 120)
        check(process.returncode == 0 and os.path.islink(folder + "/stdout"), f"{process.returncode}, {err}")
        file.seek(0)
        lines = file.read().splitlines()
    check(lines[0] == "before" and any(line.startswith("meshgemm ") for line in lines), f"standard output: {lines}")
    check([json.loads(line)["m"] for line in lines if line.startswith("{")] == [8], f"standard output: {lines}")


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
    for test in (one_file_by_two_names, read_only_files_stay, own_standard_output):
        with tempfile.TemporaryDirectory() as folder:
            test(plmr, check, folder)
    check.done()


main()
