"""plmr's .npy files against NumPy's own: npy_numpy.py NPY_TOOL. Exits with 77 (skipped) where NumPy is missing."""

import io
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("NumPy is not installed")
    sys.exit(77)

tool = sys.argv[1]
failures = 0


def check(holds, what):
    global failures
    if not holds:
        failures += 1
        print("FAILED:", what)


def copy(source, target, blocks):
    return subprocess.run([tool, source, target, str(blocks)], capture_output=True, text=True)


def npy_bytes(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    return out.getvalue()


def comes_back(folder, array, version, blocks):
    source, target = os.path.join(folder, "in.npy"), os.path.join(folder, "out.npy")
    what = f"{array.dtype} {array.shape} version {version}, {blocks} x {blocks} pieces"
    with open(source, "wb") as f:
        f.write(npy_bytes(array, version))
    done = copy(source, target, blocks)
    check(done.returncode == 0, what + ": " + done.stderr)
    if done.returncode == 0:
        rows, cols = array.shape if array.ndim == 2 else (1, array.shape[0])
        name = {"float32": "f32", "float16": "f16"}[str(array.dtype)]
        check(done.stdout.split() == [name, str(array.ndim), str(rows), str(cols)], what + ": " + done.stdout)
        back = np.load(target)
        check(back.dtype == array.dtype and back.shape == array.shape and back.tobytes() == array.tobytes(), what)
        check(back.flags.c_contiguous, what + ": not in C order")
        check(not [name for name in os.listdir(folder) if name.endswith(".part")], what + ": part file left")
        os.remove(target)


def is_refused(folder, array, says):
    source, target = os.path.join(folder, "in.npy"), os.path.join(folder, "out.npy")
    np.save(source, array)
    done = copy(source, target, 1)
    check(done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1, f"{says}: {done}")
    check(not os.path.exists(target), says + ": output written")


random = np.random.default_rng(1)
with tempfile.TemporaryDirectory() as folder:
    for shape in [(1,), (97,), (1, 1), (5, 1), (1, 9), (16, 16), (213, 157)]:
        for dtype in [np.float32, np.float16]:
            array = random.standard_normal(shape).astype(dtype)
            for version in [(1, 0), (2, 0), (3, 0)]:
                comes_back(folder, array, version, 3)
    special = np.array([[np.nan, np.inf, -np.inf, -0.0], [1e-45, 3.4e38, 6e-8, 65504]], dtype=np.float32)
    comes_back(folder, special, (1, 0), 2)

    matrix = random.standard_normal((6, 4))
    is_refused(folder, matrix, "'<f8'")
    is_refused(folder, matrix.astype(">f4"), "big-endian")
    is_refused(folder, matrix.astype(np.int32), "'<i4'")
    is_refused(folder, matrix.astype(np.complex64), "'<c8'")
    is_refused(folder, np.asfortranarray(matrix.astype(np.float32)), "Fortran order")
    is_refused(folder, np.zeros((2, 3, 4), np.float32), "3 dimensions")
    is_refused(folder, np.float32(1), "0 dimensions")
    is_refused(folder, np.zeros((0, 3), np.float32), "empty")
    is_refused(folder, np.zeros(3, [("x", "<f4"), ("y", "<f4")]), "structured")

print(f"{failures} failures")
sys.exit(1 if failures else 0)
