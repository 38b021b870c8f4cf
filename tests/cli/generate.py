"""plmr generate: the same text on any number of ranks, what goes to which stream, how a text ends, and what is refused.

generate.py MPIEXEC PLMR DATA
"""
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from cli import Checks, Plmr, outcome, show

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SMALL = "--prefill-cores 20x20 --decode-cores 20x20".split()
STORY = ["generate", "-p", "Once upon a time", "-n", "260"]


def greedy_of(path):
    """Prompt, greedy ids and their text, as the data's README.md describes them."""
    lines = dict(line.split(" ", 1) for line in path.read_text(encoding="utf-8").split("\ntext ")[0].splitlines())
    text = path.read_text(encoding="utf-8").partition("\ntext ")[2]
    return lines["prompt"].split(), lines["greedy"].split(), text.rstrip("\n")


def text_of(plmr, check, args, ranks=None):
    """What a run that must succeed prints on standard output; its summary must be on standard error."""
    code, out, err = plmr.run(args, ranks)
    check(code == 0 and out.endswith("\n") and any(line.startswith("  TTFT ") for line in err),
          f"{show(args, ranks)}: {code}, {out!r}, {err}")
    return out[:-1], err


def greedy(plmr, check, data):
    prompt, ids, text = greedy_of(data / "demo.greedy")
    for ranks in None, 1, 2, 3, 4:
        args = ["generate", "--tokens", ",".join(prompt), "-n", str(len(ids))] + (SMALL if ranks != 2 else [])
        out, err = text_of(plmr, check, args, ranks)
        check(out == text, f"{show(args, ranks)}: the text is {out!r}")
        check(err[-1].endswith("5 of prompt, 100 made: as many as asked for"), f"{show(args, ranks)}: {err[-1]}")
    code, out, _ = plmr.run(["tokenize", "--ids", ",".join(prompt + ids)])
    check(code == 0 and out == f"Once upon a time{text}\n", f"the ids' text is {out!r}")


def without_vocabulary(plmr, check, data):
    for name in "llama_gqa_f32", "qwen2_odd_f32":
        prompt, ids, _ = greedy_of(data / (name + ".greedy"))
        for ranks in None, 3:
            args = ["generate", "-m", str(data / (name + ".gguf")), "--tokens", ",".join(prompt), "-n", str(len(ids))]
            out, _ = text_of(plmr, check, args + SMALL, ranks)
            check(out == ",".join(ids), f"{show(args, ranks)}: ids are {out!r}")


def drawn(plmr, check):
    """The same seed, the same text; the model ends it."""
    args = STORY + ["--temp", "0.8", "--seed"]
    first, err = text_of(plmr, check, args + ["7"] + SMALL)
    check(err[-1].endswith("made: the model ended the text") and first.endswith("."), f"the story is {first!r}, {err[-1]}")
    for ranks in 2, 4:
        check(text_of(plmr, check, args + ["7"] + SMALL, ranks)[0] == first, f"seed 7 tells another story on {ranks} ranks")
    check(text_of(plmr, check, args + ["8"] + SMALL)[0] != first, "seed 8 tells the same story as 7")
    one = text_of(plmr, check, STORY + ["--temp", "5", "--top-k", "1"] + SMALL)[0]
    check(one == text_of(plmr, check, STORY + SMALL)[0], "one token to choose from is not greedy")


def prompt_first(plmr, check):
    """The text starts with the prompt, on any number of ranks, unless it is told not to."""
    for ranks in None, 2:
        whole = text_of(plmr, check, STORY[:3] + ["-n", "9"] + SMALL, ranks)[0]
        made = text_of(plmr, check, STORY[:3] + ["-n", "9", "--no-echo"] + SMALL, ranks)[0]
        check(made and whole == STORY[2] + made, f"with the prompt {whole!r}, without it {made!r}")


def streams(plmr, check, folder):
    args = STORY[:3] + ["-n", "3"] + SMALL
    text, _ = text_of(plmr, check, args)
    for ranks in None, 2:
        code, out, err = plmr.run(args + ["--json", "-"], ranks)
        record = json.loads(out)
        check(code == 0 and out.count("\n") == 1 and err[0] == text, f"with --json -: {code}, {out!r}, {err}")
        check(record["command"] == "generate" and record["output_tokens"] == 3 and record["prompt_tokens"] == 5,
              f"the record is {record}")
    path = os.path.join(folder, "run.json")
    check(text_of(plmr, check, args + ["--json", path], 2)[0] == text, "--json FILE changes the text")
    with open(path, encoding="utf-8") as file:
        check(json.load(file)["kv_capacity_tokens"] > 0, "the record has no capacity")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([plmr.binary] + args, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    check(done.returncode == 1 and "disk full" in done.stderr, f"to a full disk: {done.returncode}, {done.stderr}")


def rates(plmr, check):
    """End to end all tokens count, the first too, which the prompt's pass makes: over the time of all passes."""
    for n in 1, 2, 5:
        r = json.loads(plmr.run(STORY[:3] + ["-n", str(n), "--quiet", "--json", "-", "--device", "wormhole"])[1])
        t_s = r["ttft_s"] + (n - 1) * (r["tpot_s"] or 0)
        check(math.isclose(r["tpr_e2e"], n / t_s) and math.isclose(r["tok_j"] * r["energy_j"], n), f"{n} tokens: {r['tpr_e2e']}, {r['tok_j']}")


def stops(plmr, check):
    """The text ends before a stop string, wherever tokens are cut, on any number of ranks."""
    whole = text_of(plmr, check, STORY[:3] + ["-n", "40"] + SMALL)[0]
    for start, length in (30, 9), (61, 5):
        stop = whole[start:start + length]
        for ranks in None, 2:
            out, err = text_of(plmr, check, STORY[:3] + ["-n", "40", "--stop", "qqq", "--stop", stop] + SMALL, ranks)
            check(out == whole[:whole.index(stop)] and err[-1].endswith("made: a stop string"), f"--stop {stop!r}: {out!r}, {err[-1]}")
    held = text_of(plmr, check, STORY[:3] + ["-n", "40", "--stop", whole[-3:] + "zz"] + SMALL)[0]
    check(held == whole, f"what may have begun a stop string is lost: {held!r}")


def logprobs(plmr, check):
    """Each token's log-probability is one of those of the likeliest, the first if it is greedy."""
    args = STORY[:3] + ["-n", "7", "--no-echo", "--json", "-", "--json-logprobs", "3"] + SMALL
    records = [json.loads(plmr.run(args, ranks)[1])["logprobs"] for ranks in (None, 2)]
    text = text_of(plmr, check, STORY[:3] + ["-n", "7", "--no-echo"] + SMALL)[0]
    for tokens in records:
        check("".join(token["token"] for token in tokens) == text and len(tokens) == 7, f"logprobs' text is {tokens}")
        for token in tokens:
            top = token["top"]
            check(len(top) == 3 and {key: token[key] for key in top[0]} == top[0], f"greedy is not the likeliest: {token}")
            check(0 >= top[0]["logprob"] >= top[1]["logprob"] >= top[2]["logprob"], f"logprobs are not sorted: {token}")
    check([token["id"] for token in records[0]] == [token["id"] for token in records[1]], "ids depend on the ranks")


def whole_characters(plmr, check):
    """At a high temperature bytes come in any order; what is printed is UTF-8 all the same."""
    for seed in range(3):
        done = subprocess.run([plmr.binary, "generate", "--temp", "30", "--top-k", "0", "--top-p", "1", "--seed", str(seed), "-n",
                               "120"] + SMALL, capture_output=True, check=False)
        try:
            check(done.returncode == 0 and len(done.stdout.decode()) > 50, f"seed {seed}: {done.stdout}")
        except UnicodeDecodeError as error:
            check(False, f"seed {seed}: {error}")


def context(plmr, check):
    """demo was made for 384 tokens. A seed whose story goes on is not to be had, so ids of no text are the prompt."""
    args = ["generate", "--tokens", ",".join(["5"] * 383), "-n", "1000"] + SMALL
    _, err = text_of(plmr, check, args)
    check(err[-1].endswith(": the model's context is full") or "ended the text" in err[-1], f"a full context: {err[-1]}")
    args[2] += ",5,5"
    code, out, err = plmr.run(args)
    check(code == 2 and not out and len(err) == 1 and "385 tokens" in err[0] and "384" in err[0], f"too long: {code}, {err}")


def interruption(plmr, check):
    """Ctrl-C ends the text after the token at hand; summary and record tell of it, and so does the exit code."""
    for number in signal.SIGINT, signal.SIGTERM:
        record = tempfile.mktemp()
        args = ["generate", "--tokens", "1,5", "-n", "370", "--temp", "9", "--top-k", "0", "--top-p", "1", "--ignore-eos", "--json"]
        args.append(record)
        process = plmr.start(args)
        process.stdout.read(4)
        process.send_signal(number)
        start = time.monotonic()
        out, err = outcome(process, 60)
        check(process.returncode == 1 and time.monotonic() - start < 20, f"after {number}: {process.returncode}, {err}")
        check("TTFT" in err and "made: interrupted" in err and "interrupted: the text ends after" in err, f"{number}: {err}")
        with open(record, encoding="utf-8") as file:
            check(json.load(file)["ended"] == "interrupted", f"the record of a text ended by {number}")
        os.remove(record)


def full_row(plmr, check):
    """Where new tokens stay on the last row, it fills up: the text so far, then row and token are named. Shifts have room."""
    device = json.loads((ROOT / "share/devices/wse2.json").read_text())
    device["sram"]["value"] = 8000
    device.pop("name", None)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "small.json"
        path.write_text(json.dumps(device))
        args = ["generate", "--device", str(path), "-n", "120", "--prefill-cores", "14x14", "--decode-cores", "8x8", "--kv"]
        ends = [plmr.run(args + [kv], ranks) for kv, ranks in (("concat", None), ("concat", 2), ("shift", None))]
    (code, out, err), two, shift = ends
    check(code == 2 and "row 7 of cores has no SRAM left for token" in err[-1], f"a full row: {code}, {err}")
    check(any("a row of cores is full" in line for line in err), f"a full row: {err}")
    check(out == two[1] and two[0] == 2, f"a full row on two ranks: {two}")
    check(shift[0] == 0 and shift[1].startswith(out.rstrip("\n")) and len(shift[1]) > len(out) > 9, f"with shifts: {shift}")


def made_up(plmr, check, data):
    """What weights nobody has made say is told from what a model says."""
    words = ["generate", "-m", str(data.parent / "shapes" / "small.json"), "--tokens", "1,2", "-n", "2"]
    code, out, err = plmr.run(words)
    check(code == 0 and out and "small.json is a shape: its weights are made up" in err[0], f"a shape: {code}, {err[:1]}")
    check(plmr.run(words + ["--quiet"])[2] == [], "--quiet says nothing of it")


def beside_a_folder(plmr, check, folder):
    """A folder of a shipped model's name is none, unless it has a config.json."""
    os.mkdir(os.path.join(folder, "demo"))
    done = subprocess.run([os.path.abspath(plmr.binary), "model", "demo"], cwd=folder, capture_output=True, text=True, check=False)
    check(done.returncode == 0 and "with weights" in done.stdout, f"beside a folder: {done.stderr}")


def refused(plmr, check, data):
    cases = [
        ("--temp -1", "--temp: '-1' is not a number from 0 to 100"), ("--temp nan", "--temp: 'nan'"), ("--top-p 0", "--top-p: '0'"),
        ("--top-k -3", "--top-k: '-3'"), ("--seed x", "--seed: 'x'"), ("-n 0", "'0' is not a positive"),
        ("--tokens 1,2021", "token id 2021"), ("--tokens 1 -p a", "not both"), ("--kv shfit", "did you mean 'shift'"),
        ("--prefill-cores 20x30", "try 20x20"), ("--decode-cores 9", "is not HxW"), ("--json /nonexistent/x", "cannot write"),
        ("-m llama3-8b -p a", "a shape without weights"), (f"-m {data}/qwen2_odd_f32.gguf -p a", "no vocabulary"),
        ("--json-logprobs 3", "--json-logprobs go into the record: add --json"), ("--typical 0", "--typical: '0'"),
        (f"-m {data}/qwen2_odd_f32.gguf --tokens 1 --stop a", "--stop: "),
        ("--kv concat -n 999 --decode-cores 3x3 --prefill-cores 3x3", "bytes of a core's SRAM on 3x3 cores"),
    ]
    for i, (args, words) in enumerate(cases):
        for ranks in (None, 2) if i % 5 == 0 else (None,):
            code, out, err = plmr.run(["generate"] + args.split(), ranks)
            check(code == 2 and not out and len(err) == 1 and words in err[0], f"generate {args}: {code}, {out!r}, {err}")


def main():
    plmr, check, data = Plmr(sys.argv[1], sys.argv[2]), Checks(), pathlib.Path(sys.argv[3])
    greedy(plmr, check, data)
    without_vocabulary(plmr, check, data)
    drawn(plmr, check)
    prompt_first(plmr, check)
    rates(plmr, check)
    stops(plmr, check)
    logprobs(plmr, check)
    whole_characters(plmr, check)
    context(plmr, check)
    full_row(plmr, check)
    interruption(plmr, check)
    refused(plmr, check, data)
    made_up(plmr, check, data)
    with tempfile.TemporaryDirectory() as folder:
        streams(plmr, check, folder)
        beside_a_folder(plmr, check, folder)
    check.done()


main()
