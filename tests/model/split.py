"""A model in several files, or in one that ends beyond 4 GB: the same logits as in one; and parts that are missing, or not the first, are told in one line.

split.py MPIEXEC PLMR MODEL_FILE. Exits with 77 (skipped) without NumPy.
"""
import os
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
from gguf_writer import key, read, text, write  # noqa: E402


def write_part(path, keys, n_keys, tensors, number, n_parts, count):
    keys += key("split.no", 2, "H", number) + key("split.count", 2, "H", n_parts) + key("split.tensors.count", 5, "i", count)
    write(path, keys, n_keys + 3, tensors)


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    keys, n_keys, tensors = read(sys.argv[3])
    with tempfile.TemporaryDirectory() as scratch:
        paths = [os.path.join(scratch, f"m-{i + 1:05}-of-00003.gguf") for i in range(3)]
        for i, path in enumerate(paths):
            write_part(path, keys if i == 0 else b"", n_keys if i == 0 else 0, tensors[i::3], i, 3, len(tensors))

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
        write(far, keys, n_keys, tensors, 5 << 30)
        check(os.path.getsize(far) > 5 << 30 and logits(far, 1) == whole, "nor has one whose last tensor lies beyond 4 GB")
        refused(paths[1], "is part 2 of a split model; name the first of its 3 files, MODEL-00001-of-00003.gguf")
        for arch, words in (("llama", None), ("qwen3moe", "m-00003-of-00003.gguf: key 'general.architecture' is not what it is in the first part")):
            repeated = text("general.architecture") + (8).to_bytes(4, "little") + text(arch)
            write_part(paths[2], repeated, 1, tensors[2::3], 2, 3, len(tensors))
            if words:
                refused(paths[0], words)
            else:
                check(logits(paths[0], 1) == whole, "a part that says what the first does")
        for i, path in enumerate(paths):  # without this one the model would be another
            part = [tensor for tensor in tensors[i::3] if tensor[0] != "output.weight"]
            write_part(path, keys if i == 0 else b"", n_keys if i == 0 else 0, part, i, 3, len(tensors))
        refused(paths[0], f"tensors in its parts, key 'split.tensors.count' says {len(tensors)}; download them again")
        os.rename(paths[2], paths[2] + ".away")
        refused(paths[0], "m-00003-of-00003.gguf: cannot open")
        os.link(paths[1], paths[2])
        refused(paths[0], "is part 2 of 3, by its name it is 3 of 3")
    check.done()


main()
