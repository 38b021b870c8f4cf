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

tool, data_folder = sys.argv[1:]
failures = 0


def check(holds, what):
    global failures
    if not holds:
        failures += 1
        print("FAILED:", what)


# --- a reader -----------------------------------------------------------------------------------------------------------


class Reader:
    """Walks through a file's bytes."""

    SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values[0] if len(values) == 1 else values

    def text(self):
        n = self.take("Q")
        self.at += n
        return self.data[self.at - n : self.at].decode()

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            kind, n = self.take("IQ")
            return [self.value(kind) for _ in range(n)]
        return self.take(self.SCALARS[kind])


def half(raw):
    """float64 of the binary16 numbers in the last axis of an array of bytes."""
    return np.ascontiguousarray(raw).view("<f2").astype(np.float64)


def q8_0(blocks):
    return half(blocks[:, :2]) * blocks[:, 2:].view(np.int8)


def q4_k(blocks):
    """All 6-bit numbers as bits: 12 bytes hold eight scales and eight minima."""
    b = blocks[:, 4:16].astype(int)
    scale, minimum = np.zeros((2, len(blocks), 8))
    for j in range(4):
        scale[:, j], minimum[:, j] = b[:, j] % 64, b[:, 4 + j] % 64
        scale[:, 4 + j] = b[:, 8 + j] % 16 + 16 * (b[:, j] // 64)
        minimum[:, 4 + j] = b[:, 8 + j] // 16 + 16 * (b[:, 4 + j] // 64)
    quads = blocks[:, 16:].reshape(-1, 4, 1, 32)
    q = np.concatenate([quads % 16, quads // 16], axis=2).reshape(-1, 8, 32)
    values = half(blocks[:, 0:2])[:, :, None] * scale[:, :, None] * q - half(blocks[:, 2:4])[:, :, None] * minimum[:, :, None]
    return values.reshape(-1, 256)


def q6_k(blocks):
    """Element e = 128 h + 32 g + i has its low bits in byte 64 h + 32 (g % 2) + i, its high bits in byte 32 h + i."""
    e = np.arange(256)
    h, g, i = e // 128, e // 32 % 4, e % 32
    low = blocks[:, 64 * h + 32 * (g % 2) + i].astype(int) >> np.where(g < 2, 0, 4) & 15
    high = blocks[:, 128 + 32 * h + i].astype(int) >> 2 * g & 3
    scale = np.ascontiguousarray(blocks[:, 192:208]).view(np.int8)[:, e // 16]
    return half(blocks[:, 208:210]) * scale * (low + 16 * high - 32)


# number in the file: name, elements and bytes of a block, values of an array of blocks
TYPES = {
    0: ("F32", 1, 4, lambda b: b.view("<f4")),
    1: ("F16", 1, 2, half),
    8: ("Q8_0", 32, 34, q8_0),
    12: ("Q4_K", 256, 144, q4_k),
    14: ("Q6_K", 256, 210, q6_k),
    30: ("BF16", 1, 2, lambda b: (b.view("<u2").astype("<u4") << 16).view("<f4")),
}


def read(path):
    """{name: (type, values)} of a file."""
    with open(path, "rb") as f:
        r = Reader(f.read())
    magic, version, n_tensors, n_keys = r.take("4sIQQ")
    assert magic == b"GGUF" and version in (2, 3)
    keys, entries = {}, []
    for _ in range(n_keys):
        key = r.text()
        keys[key] = r.value(r.take("I"))
    for _ in range(n_tensors):
        name, n_dims = r.text(), r.take("I")
        sizes = [r.take("Q") for _ in range(n_dims)]
        entries.append((name, sizes, *r.take("IQ")))
    alignment = keys.get("general.alignment", 32)
    start = -(-r.at // alignment) * alignment
    tensors = {}
    for name, sizes, kind, offset in entries:
        title, elements, n_bytes, values = TYPES[kind]
        n_blocks = int(np.prod(sizes)) // elements
        raw = np.frombuffer(r.data, np.uint8, n_blocks * n_bytes, start + offset).reshape(n_blocks, n_bytes)
        tensors[name] = (title, values(raw).reshape(-1, sizes[0]))
    return tensors


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
    mine, theirs = read(path), printed(path, piece)
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
    raw[0, halves[0] : halves[0] + 2] = (1, 0)  # the least subnormal number
    for extreme in (0x00, 0x7F, 0x80, 0xFF):
        row = np.full(n_bytes, extreme, np.uint8)
        for at in halves:
            row[at : at + 2] = np.array([-0.5], "<f2").view(np.uint8)
        raw[1 + extreme // 64] = row
    return raw


def write_quantised(path):
    """Two tensors of each quantised type, with an alignment of their own and a third dimension."""
    random = np.random.default_rng(7)
    made = {8: (5 * 7, 34, [0]), 12: (5 * 3, 144, [0, 2]), 14: (5 * 3, 210, [208])}
    entries, data = b"", b""
    for kind, (n, n_bytes, halves) in made.items():
        for copy, sizes in enumerate([(n // 5 * TYPES[kind][1], 5), (n // 5 * TYPES[kind][1], 1, 5)]):
            name = f"{TYPES[kind][0]}.{copy}".encode()
            entries += struct.pack("<Q", len(name)) + name + struct.pack("<I", len(sizes))
            entries += struct.pack(f"<{len(sizes)}Q", *sizes) + struct.pack("<IQ", kind, len(data))
            data += blocks(random, n, n_bytes, halves).tobytes()
            data += bytes(-len(data) % 64)
    key = b"general.alignment"
    head = struct.pack("<4sIQQQ", b"GGUF", 2, 2 * len(made), 1, len(key)) + key + struct.pack("<II", 4, 64) + entries
    with open(path, "wb") as f:
        f.write(head + bytes(-len(head) % 64) + data)


models = sorted(glob.glob(os.path.join(data_folder, "*.gguf")))
check(len(models) == 5, f"{len(models)} models in {data_folder}")
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
