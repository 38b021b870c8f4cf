"""A model in several files, or in one that ends beyond 4 GB: the same logits as in one; and parts that are missing, or not the first, are told in one line.

split.py MPIEXEC PLMR MODEL_FILE. Exits with 77 (skipped) without NumPy.
"""
import os
import struct
import sys
import tempfile

try:
    import numpy  # noqa: F401
except ImportError:
    print("NumPy is not installed")
    sys.exit(77)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli import Checks, Plmr, show  # noqa: E402
from gguf_reader import Reader  # noqa: E402


def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def key(name, kind, form, value):
    return text(name) + struct.pack("<I" + form, kind, value)


def read(path):
    """The keys as they lie there, how many, and (name, sizes, type, bytes) of tensors; alignment 32."""
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
    start = -(-r.at // 32) * 32
    ends = [entry[3] for entry in entries[1:]] + [len(data) - start]
    return keys, n_keys, [(*entry[:3], data[start + entry[3]:start + end]) for entry, end in zip(entries, ends)]


def write(path, keys, n_keys, tensors, number, n_parts, gap=0):
    """With a gap before the last tensor, of which nothing lies on the disk."""
    keys += key("split.no", 2, "H", number) + key("split.count", 2, "H", n_parts)
    infos, data, last = b"", b"", len(tensors) - 1
    for i, (name, sizes, kind, raw) in enumerate(tensors):
        start = len(data) + gap * (i == last)
        infos += text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, start)
        data += raw + bytes(-len(raw) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), n_keys + 2) + keys + infos
    with open(path, "wb") as file:
        n_last = len(raw) + -len(raw) % 32
        file.write(head + bytes(-len(head) % 32) + data[:-n_last])
        file.seek(gap, os.SEEK_CUR)
        file.write(data[-n_last:])


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    keys, n_keys, tensors = read(sys.argv[3])
    with tempfile.TemporaryDirectory() as scratch:
        paths = [os.path.join(scratch, f"m-{i + 1:05}-of-00003.gguf") for i in range(3)]
        for i, path in enumerate(paths):
            write(path, keys if i == 0 else b"", n_keys if i == 0 else 0, tensors[i::3], i, 3)

        def logits(model, ranks):
            out = os.path.join(scratch, "logits")
            args = ["logits", "-m", model, "--tokens", "5,89,195,33", "--out", out]
            code, _, err = plmr.run(args, ranks)
            if not check(code == 0, f"{show(args, ranks)} ends with {code}: {err}"):
                return b""
            with open(out, "rb") as file:
                return file.read()

        def refused(model, words):
            code, _, err = plmr.run(["model", model], 1)
            check(code == 2 and len(err) == 1 and words in err[0], f"{model} ends with {code}: {err}")

        whole = logits(sys.argv[3], 1)
        check(whole and logits(paths[0], 1) == whole, "three files have not the logits of one")
        check(logits(paths[0], 3) == whole, "nor on three ranks")
        far = os.path.join(scratch, "far.gguf")
        write(far, keys, n_keys, tensors, 0, 1, 5 << 30)
        check(os.path.getsize(far) > 5 << 30 and logits(far, 1) == whole, "nor has one whose last tensor lies beyond 4 GB")
        refused(paths[1], "is part 2 of a split model; name the first of its 3 files, MODEL-00001-of-00003.gguf")
        os.rename(paths[2], paths[2] + ".away")
        refused(paths[0], "m-00003-of-00003.gguf: cannot open")
        os.link(paths[1], paths[2])
        refused(paths[0], "is part 2 of 3, by its name it is 3 of 3")
    check.done()


main()
