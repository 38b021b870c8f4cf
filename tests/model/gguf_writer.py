"""Writes GGUF files anew: their keys as they lie there, their tensors as a test wants them."""
import os
import struct

from gguf_reader import TYPES, Reader

ALIGNMENT = 32


def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def key(name, kind, form, value):
    return text(name) + struct.pack("<I" + form, kind, value)


def read(path):
    """The keys as they lie there, how many, and [name, sizes, type, bytes] of tensors."""
    with open(path, "rb") as file:
        data = file.read()
    r = Reader(data)
    _, _, n_tensors, n_keys = r.take("4sIQQ")
    first = r.at
    for _ in range(n_keys):
        r.text()
        r.value(r.take("I"))
    keys, entries = data[first:r.at], []
    for _ in range(n_tensors):
        name, n = r.text(), r.take("I")
        entries.append((name, [r.take("Q") for _ in range(n)], *r.take("IQ")))
    start, tensors = -(-r.at // ALIGNMENT) * ALIGNMENT, []
    for name, sizes, kind, at in entries:
        _, elements, n_bytes, _, _ = TYPES[kind]
        for size in sizes:
            n_bytes *= size
        tensors.append([name, sizes, kind, data[start + at:start + at + n_bytes // elements]])
    return keys, n_keys, tensors


def write(path, keys, n_keys, tensors, gap=0):
    """With a gap before the last tensor, of which nothing lies on the disk."""
    infos, data, last = b"", b"", len(tensors) - 1
    for i, (name, sizes, kind, raw) in enumerate(tensors):
        start = len(data) + gap * (i == last)
        infos += text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, start)
        data += raw + bytes(-len(raw) % ALIGNMENT)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), n_keys) + keys + infos
    with open(path, "wb") as file:
        n_last = len(raw) + -len(raw) % ALIGNMENT
        file.write(head + bytes(-len(head) % ALIGNMENT) + data[:-n_last])
        file.seek(gap, os.SEEK_CUR)
        file.write(data[-n_last:])
