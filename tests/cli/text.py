"""The commands about language models: text to ids and back, and what they say as JSON.

text.py MPIEXEC PLMR
"""
import json
import os
import sys
import tempfile

from cli import Checks, Plmr

TEXTS = ["Once upon a time", "  two spaces, a line\nand caf\u00e9 \u65e5", "<s>a</s>", "-p", "\u2581"]


def ids_of(plmr, text, *more):
    code, out, err = plmr.run(["tokenize", "-p", text, *more])
    assert code == 0 and not err, err
    return out.strip("\n")


def tokenize(plmr, check):
    for text in TEXTS:
        ids = ids_of(plmr, text)
        check(ids.startswith("1,") and ids[2:] == ids_of(plmr, text, "--no-bos"), f"{text!r}: ids {ids}")
        back = text.replace("<s>", "").replace("</s>", "").replace("\u2581", " ")  # as the vocabulary has it
        code, out, err = plmr.run(["tokenize", "--ids", ids])
        check((code, out, err) == (0, back + "\n", []), f"{text!r}: ids {ids}, text {out!r}, {err}")


def tokenize_json(plmr, check, folder):
    for ranks in None, 2:
        record, = plmr.records(["tokenize", "-p", TEXTS[0]], ranks)
        check(list(record) == ["command", "model", "text", "ids", "tokens"] and record["command"] == "tokenize" and
              record["model"] == "demo" and record["text"] == TEXTS[0], f"JSON is {record}")
        check(",".join(map(str, record["ids"])) == ids_of(plmr, TEXTS[0]), f"ids are {record['ids']}")
        check(record["tokens"] == ["<s>", "\u2581Once", "\u2581upon", "\u2581a", "\u2581time"], f"tokens {record['tokens']}")
    half, = plmr.records(["tokenize", "--ids", "1,236"])  # one byte of a character
    check(half["text"] == "\ufffd" and half["tokens"] == ["<s>", "<0xE9>"], f"JSON is {half}")
    path = os.path.join(folder, "out.json")
    ids = ids_of(plmr, TEXTS[1], "--json", path)
    with open(path, encoding="utf-8") as file:
        check(",".join(map(str, json.load(file)["ids"])) == ids, f"the file has other ids than {ids}")


def model_json(plmr, check):
    demo, = plmr.records(["model", "demo"], 2)
    want = {"command": "model", "model": "demo", "architecture": "llama", "layers": 5, "dim": 120, "heads": 6, "kv_heads": 2,
            "head_dim": 20, "ffn": 328, "vocab": 1021, "context": 384, "rms_eps": 1e-5, "rope_base": 10000, "tied": True,
            "rope_pairs": "neighbours", "parameters": 906240, "types": ["F16", "F32"], "tokenizer": "llama"}
    check(all(demo[key] == value for key, value in want.items()), f"JSON is {demo}")
    models = plmr.records(["model", "list"])
    check([m["model"] for m in models] == sorted(m["model"] for m in models) and demo in models, f"models are {models}")
    shape = next(m for m in models if m["model"] == "llama3-8b")
    check(shape["types"] == [] and shape["tokenizer"] is None and shape["file_bytes"] is None, f"JSON is {shape}")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    model_json(plmr, check)
    tokenize(plmr, check)
    with tempfile.TemporaryDirectory() as folder:
        tokenize_json(plmr, check, folder)
    check.done()


main()
