"""Encodes the test vectors of public vocabularies: `vectors.py VOCAB_TOOL`.

PLMR_VOCAB_DATA names a folder with NAME.gguf, NAME.gguf.inp (texts, each ended by a line of __ggml_vocab_test__) and
NAME.gguf.out (the ids of each text, a line each, without BOS). The vocabularies are no part of the project; without the
folder the test is skipped."""
import os
import subprocess
import sys

NAMES = ["ggml-vocab-llama-spm", "ggml-vocab-gpt-2"]
SKIPPED = 77


def check(tool, base):
    with open(base + ".inp", "rb") as texts:
        done = subprocess.run([tool, base, ""], stdin=texts, stdout=subprocess.PIPE, check=True)
    found = done.stdout.decode().splitlines()
    with open(base + ".out") as file:
        expected = [" ".join(line.split()) for line in file]
    wrong = [i for i, line in enumerate(expected) if i >= len(found) or found[i] != line]
    for i in wrong:
        print("text", i, "expected", expected[i], "found", found[i] if i < len(found) else "nothing")
    assert len(found) == len(expected), (base, len(found), len(expected))
    print(os.path.basename(base), len(expected) - len(wrong), "of", len(expected), "texts right")
    return not wrong


def main():
    folder = os.environ.get("PLMR_VOCAB_DATA")
    if not folder:
        print("PLMR_VOCAB_DATA is not set: skipped")
        return SKIPPED
    right = [check(sys.argv[1], os.path.join(folder, name + ".gguf")) for name in NAMES]
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
