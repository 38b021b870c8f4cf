"""The GGUF reader against one written here: gguf_numpy.py GGUF_TOOL DATA_FOLDER. Exits with 77 (skipped) without NumPy."""

import glob
import os
import struct
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("NumPy is not installed")
    sys.exit(77)

from gguf_reader import TYPES, load

tool, data_folder = sys.argv[1:]
failures = 0


def check(holds, what):
    global failures
    if not holds:
        failures += 1
        print("FAILED:", what)


# --- comparison ---------------------------------------------------------------------------------------------------------


def printed(path, piece):
    """The same of what the tool prints."""
    done = subprocess.run([tool, path, str(piece)], capture_output=True, check=False)
    check(done.returncode == 0, f"{path}: {done.stderr.decode()}")
    tensors, at = {}, 0
    while at < len(done.stdout):
        end = done.stdout.index(b"\n", at)
        name, title, rows, cols = done.stdout[at:end].decode().split()
        n = int(rows) * int(cols)
        tensors[name] = (title, np.frombuffer(done.stdout, "<f4", n, end + 1).reshape(int(rows), int(cols)))
        at = end + 1 + 4 * n
    return tensors


def compare(path, piece):
    mine, theirs = load(path)[1], printed(path, piece)
    check(list(theirs) == sorted(mine), f"{path}: names {list(theirs)}")
    for name, (title, values) in mine.items():
        other_title, other = theirs.get(name, ("missing", np.zeros((0, 0))))
        what = f"{path}: {name} {title} {values.shape}, pieces of {piece}"
        check(title == other_title and values.shape == other.shape, f"{what}: {other_title} {other.shape}")
        if values.shape == other.shape:
            # three roundings to float32, the first two of terms that may cancel
            bound = 0 if title in ("F32", "F16", "BF16") else 2.0**-22 * np.abs(values).max(axis=1, keepdims=True)
            check(np.all(np.abs(values - other) <= bound), f"{what}: off by {np.abs(values - other).max()}")


def blocks(random, n, n_bytes, halves):
    """Random blocks; what lies at `halves` is the binary16 of ordinary numbers."""
    raw = random.integers(0, 256, (n, n_bytes), np.uint8)
    for at in halves:
        raw[:, at : at + 2] = random.normal(0, 0.05, (n, 1)).astype("<f2").view(np.uint8)
    if halves:
        raw[0, halves[0] : halves[0] + 2] = (1, 0)  # the least subnormal number
    for extreme in (0x00, 0x7F, 0x80, 0xFF):
        row = np.full(n_bytes, extreme, np.uint8)
        for at in halves:
            row[at : at + 2] = np.array([-0.5], "<f2").view(np.uint8)
        raw[1 + extreme // 64] = row
    if not halves:
        raw[:, 0] %= 253  # an exponent: float32 holds what follows
    return raw


def write_quantised(path):
    """Two tensors of each quantised type, with an alignment of their own and a third dimension."""
    random = np.random.default_rng(7)
    made = {kind: row for kind, row in TYPES.items() if row[1] > 1}
    entries, data = b"", b""
    for kind, (title, elements, n_bytes, halves, _) in made.items():
        n = 5 * (7 if elements < 256 else 3)
        for copy, sizes in enumerate([(n // 5 * elements, 5), (n // 5 * elements, 1, 5)]):
            name = f"{title}.{copy}".encode()
            entries += struct.pack("<Q", len(name)) + name + struct.pack("<I", len(sizes))
            entries += struct.pack(f"<{len(sizes)}Q", *sizes) + struct.pack("<IQ", kind, len(data))
            data += blocks(random, n, n_bytes, halves).tobytes()
            data += bytes(-len(data) % 64)
    key = b"general.alignment"
    head = struct.pack("<4sIQQQ", b"GGUF", 2, 2 * len(made), 1, len(key)) + key + struct.pack("<II", 4, 64) + entries
    with open(path, "wb") as f:
        f.write(head + bytes(-len(head) % 64) + data)


listed = subprocess.run([tool], capture_output=True, text=True, check=True).stdout.strip().split(", ")
check(listed == [row[0] for _, row in sorted(TYPES.items())], f"types that plmr reads and that this test knows: {listed}")
models = sorted(glob.glob(os.path.join(data_folder, "*.gguf")))
check(len(models) == 19, f"{len(models)} models in {data_folder}")
for model in models:
    compare(model, 1000)
compare(models[0], 37)
with tempfile.TemporaryDirectory() as folder:
    quantised = os.path.join(folder, "quantised.gguf")
    write_quantised(quantised)
    for size in (1, 7, 256, 1000):
        compare(quantised, size)

print(f"{failures} failures")
sys.exit(1 if failures else 0)
