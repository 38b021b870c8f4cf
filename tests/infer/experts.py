"""Experts in virtual time: traces of those that tokens use, recorded and timed; loads, capacity, and what is refused.

experts.py MPIEXEC PLMR DATA_FOLDER
"""
import os
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from cli import Checks, Plmr, show  # noqa: E402

TOKENS = "5,89,195,33,7,7,101,2,64,250,17"
CORES = ["--prefill-cores", "9x9", "--decode-cores", "7x11"]


def record(check, plmr, model, scratch, command, ranks):
    """A trace's text; n layers x tokens x experts used are listed."""
    path = os.path.join(scratch, f"{command[0]} {ranks}.csv")
    args = [*command, "-m", model, "--tokens", TOKENS, *CORES, "--expert-trace", path]
    code, _, err = plmr.run(args, ranks)
    if not check(code == 0, f"{show(args, ranks)} ends with {code}: {err}"):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def check_trace(check, text, n_layers, n_tokens, n_used, n_experts):
    lines = text.splitlines()
    check(lines and lines[0] == "layer,token,expert", f"a trace begins with {lines[:1]}")
    rows = [tuple(map(int, line.split(","))) for line in lines[1:]]
    check(len(set(rows)) == len(rows) == n_layers * n_tokens * n_used, f"{len(rows)} rows")
    check(all(0 <= e < n_experts and 0 <= t < n_tokens and 0 <= l < n_layers for l, t, e in rows), "rows of the model")
    return rows


def prefill(plmr, model, *more):
    return plmr.records(["llm", "-m", model, "--phase", "prefill", "--prompt", "11", *CORES[:2], *more], 1)[0]


def check_time(check, plmr, model, trace, rows):
    even, skewed = prefill(plmr, model), prefill(plmr, model, "--expert-load", "zipf:2")
    traced = prefill(plmr, model, "--expert-load", trace)
    counts = {}
    for layer, _, expert in rows:
        counts[layer, expert] = counts.get((layer, expert), 0) + 1
    check(even["expert_tokens_max"] == 4 and even["expert_tokens_dropped"] == 0, "11 tokens, 2 of 6 experts: 4 at most")
    check(skewed["expert_tokens_max"] == 11, "the first expert gets all")
    check(traced["expert_tokens_max"] == max(counts.values()), "the busiest of the trace")
    check(even["ttft_s"] > 0 and even["cycles_experts"] > 0, "experts take time")
    capped = prefill(plmr, model, "--expert-load", "zipf:2", "--expert-capacity", "1")
    check(capped["expert_tokens_max"] == 4 and capped["expert_tokens_dropped"] > 0, "others are dropped")
    check(prefill(plmr, model, "--every-step")["ttft_s"] == even["ttft_s"], "without shortcuts the same cycles")


def patched(model, scratch, name, at, value):
    """The file with other bytes, so far behind a name."""
    path = os.path.join(scratch, "patched.gguf")
    with open(model, "rb") as file:
        data = bytearray(file.read())
    at += data.index(name) + len(name)
    data[at:at + len(value)] = value
    with open(path, "wb") as file:
        file.write(data)
    return path


def check_bad_files(check, plmr, model, scratch):
    """A model with 6 experts of 36 elements, of which a token uses 2."""
    router = b"blk.0.ffn_gate_inp.weight"
    for name, at, value, words in [
            (b"llama.expert_used_count", 4, struct.pack("<I", 7), "a token uses 7 of 6 experts; it must be 1 to 6 of them"),
            (b"llama.expert_count", 4, struct.pack("<I", 5), "'blk.0.ffn_gate_inp.weight' is 6 x 36, its keys call for 5 x 36"),
            (router, 12, struct.pack("<Q", 5), "'blk.0.ffn_gate_inp.weight' is 5 x 36, its keys call for 6 x 36"),
            (b"blk.1.ffn_down_exps.weight", 20, struct.pack("<Q", 5), "'blk.1.ffn_down_exps.weight' is")]:
        code, _, err = plmr.run(["model", patched(model, scratch, name, at, value)], 1)
        check(code == 2 and len(err) == 1 and words in err[0], f"{name} {value} ends with {code}: {err}")


def check_refused(check, plmr, model, trace, scratch):
    bad = os.path.join(scratch, "bad.csv")
    with open(bad, "w", encoding="utf-8") as file:
        file.write("layer,token,expert\n0,0,6\n")
    torn = os.path.join(scratch, "torn.csv")
    with open(torn, "w", encoding="utf-8") as file:
        file.write("layer,token,expert\n0,0\n")
    large = os.path.join(scratch, "large.csv")
    with open(large, "w", encoding="utf-8") as file:
        file.write("layer,token,expert\n4294967296,0,4294967297\n")
    for args, words in [
            (["-m", model, "--expert-load", "zipf:x"], "is no skew"),
            (["-m", model, "--expert-load", "/nonexistent"], "/nonexistent"),
            (["-m", model, "--expert-load", bad], "bad.csv:2: layer 0, expert 6, but"),
            (["-m", model, "--expert-load", large], "large.csv:2: expected layer,token,expert"),
            (["-m", model, "--expert-load", torn], "torn.csv:2: expected layer,token,expert"),
            (["-m", "qwen3-0.6b", "--device", "wormhole", "--weights", "i4"], "wormhole does not say what it costs to widen i4"),
            (["-m", "qwen3-0.6b", "--device", "wormhole", "--kv-dtype", "i8"], "wormhole does not say what it costs to widen i8"),
            (["-m", "qwen3-8b", "--expert-load", trace], "has no experts"),
            (["-m", "qwen3-8b", "--expert-capacity", "1"], "has no experts"),
            (["-m", model, "--expert-trace", bad], "use it with --mode compute")]:
        code, _, err = plmr.run(["llm", *args], 1)
        check(code == 2 and len(err) == 1 and words in err[0], f"llm {args} ends with {code}: {err}")


def check_blocks(check, plmr, model):
    """Of blocks of 3x3 cores a grid of ranks that is chosen leaves none without cores."""
    args = ["generate", "-m", model, "--tokens", TOKENS, "-n", "3", "--ignore-eos", "--experts", "blocks", "--prefill-cores", "9x9",
            "--decode-cores", "7x12", "--quiet"]
    outcomes = [plmr.run(args, ranks) for ranks in (1, 4, 6)]
    check(outcomes[0][0] == 0 and all(o == outcomes[0] for o in outcomes), f"{show(args)}, on 1, 4 and 6 ranks: {outcomes}")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    model = os.path.join(sys.argv[3], "mixtral_f32.gguf")
    with tempfile.TemporaryDirectory() as scratch:
        out = ["logits", "--out", os.path.join(scratch, "logits")]
        texts = [record(check, plmr, model, scratch, out, n) for n in (1, 4)]
        check(texts[0] == texts[1], "the trace depends on the number of ranks")
        rows = check_trace(check, texts[0], 2, 11, 2, 6)
        check_trace(check, record(check, plmr, model, scratch, ["generate", "-n", "3"], 1), 2, 13, 2, 6)
        trace = os.path.join(scratch, "logits 1.csv")
        check_time(check, plmr, model, trace, rows)
        check_refused(check, plmr, model, trace, scratch)
        check_bad_files(check, plmr, model, scratch)
    check_blocks(check, plmr, model)
    check.done()


main()
