#!/usr/bin/env python3
"""How far times can be trusted, as records say it: a number that changes a command's cycles is among those that its record
says that they rest on; the standing is the weakest of these numbers' tags; the uncertainty is the RMS error of sets of
measurements that rest on the same, and nobody's once the command line has changed the numbers."""
import json
import math
import os
import sys

from cli import Checks, Started

TAGS = ["definition", "M", "S", "V", "C", "I", "2", "guess", "user"]
LEFT_OUT = {"rows", "cols", "sram", "routes", "clock"}  # limits; the clock is in every time
LLM = ["llm", "-m", "llama3-8b", "--prefill-cores", "64x64", "--decode-cores", "64x64", "--prompt", "64", "--decode", "1",
       "--allow", "M,R"]
COMMANDS = [
    ["gemm", "--alg", "all", "--m", "32", "--k", "32", "--n", "32", "--cores", "8x8", "--mode", "timing", "--allow", "M,R"],
    ["gemm", "--alg", "meshgemm", "--m", "32", "--k", "32", "--n", "32", "--cores", "8x8", "--mode", "timing", "--transpose-b", "--allow", "R"],
    ["gemv", "--alg", "all", "--k", "32", "--n", "32", "--cores", "8x8", "--mode", "timing", "--dtype", "f32", "--allow", "R"],
    ["allreduce", "--alg", "all", "--length", "32", "--cores", "8x8", "--mode", "timing", "--allow", "R"],
    LLM, LLM + ["--as-published"], LLM + ["--as-published", "--plan", "t10"], LLM + ["--as-published", "--plan", "ladder"],
]
DEVICES = ["wse2:routes=5", "wormhole:rows=64,cols=64", "dojo-tile"]
TIMES = ("cycles", "prefill_cycles", "relayout_cycles", "decode_cycles_first")


def numbers_of(plmr, device):
    """Those that take cycles, as their file has them."""
    code, out, err = plmr.run(["device", "show", device])
    rows = [line.split(None, 4) for line in out.splitlines()[3:] if len(line.split(None, 4)) == 5]
    return {row[0]: (float(row[1]), row[3]) for row in rows if row[3] in TAGS}


def times(record):
    return [record.get(key) for key in TIMES]


def check_reads(plmr, check, device):
    numbers = numbers_of(plmr, device)
    moved = {key: value * 1.25 + 0.5 for key, (value, _) in numbers.items() if value > 0 and key not in LEFT_OUT}
    for command in COMMANDS:
        command = command + ["--device", device]
        if command[0] == "llm" and not device.startswith("wse2"):
            continue
        records = plmr.records(command)
        for record in records:
            rests_on, of = record["rests_on"].split(","), (command, record.get("algorithm"))
            tags = {key: numbers[key][1] for key in rests_on}
            weakest = max(tags.values(), key=TAGS.index)
            check(record["standing"] == weakest, f"{of}: standing {record['standing']}, numbers' {tags}")
            check(record["standing_of"].split(",") == [k for k in rests_on if tags[k] == weakest], f"{of}: {record['standing_of']}")
        for key, value in moved.items():
            value = round(value) if key.startswith(("mac_group", "wavelet", "packet", "buffer", "straight", "ring", "border_")) else value
            code, out, _ = plmr.run(command + ["--device", f"{device}{',' if ':' in device else ':'}{key}={value}", "--json", "-"])
            for was, now in zip(records, map(json.loads, out.splitlines() if code == 0 else [])):
                if times(was) != times(now):
                    check(key in was["rests_on"].split(","), f"{command} {was.get('algorithm')}: {key} is missing in {was['rests_on']}")


def check_uncertainty(plmr, check, share):
    lines = [json.loads(line) for line in open(os.path.join(share, "validation", "errors.jsonl"))]
    sets = {line["set"]: line for line in lines if line["device"] == "wse2"}
    run = ["gemv", "--k", "64", "--n", "64", "--cores", "8x8", "--mode", "timing", "--alg", "meshgemv"]
    record, = plmr.records(run)
    chosen = [sets[name] for name in record["uncertainty_of"].split(",")]
    check("cs-reduce" in record["uncertainty_of"], f"gemv: {record['uncertainty_of']}")
    rms = math.sqrt(sum(s["rms"] ** 2 * s["n"] for s in chosen) / sum(s["n"] for s in chosen))
    check(math.isclose(record["uncertainty"], rms), f"gemv: {record['uncertainty']} of {chosen}")
    record, = plmr.records(run + ["--device", "wse2:link=2,hop=3,ramp=1"])
    check(record["standing"] == "user" and "cs-reduce" not in record["uncertainty_of"], f"gemv: {record['uncertainty_of']}")
    record, = plmr.records(run + ["--device", "ideal"])
    check(record["uncertainty"] is None and record["uncertainty_of"] == "none known", "an ideal device is measured")


def check_text(plmr, check):
    """One line of what is printed."""
    serve = ["serve", "--model", "demo", "--device", "wormhole", "--rate", "50", "--requests", "4", "--lengths", "8..60/~20"]
    demo = ["llm", "--model", "demo", "--prompt", "8", "--decode", "1", "--prefill-cores", "8x8", "--decode-cores", "8x8"]
    for command in COMMANDS[:4] + [demo, serve]:
        code, out, err = plmr.run(command)
        lines = [line for line in out.splitlines() if line.startswith("  standing ")]
        check(code == 0 and len(lines) == 1, f"{command}: {code}, {err}, {lines}")
    record, = plmr.records(COMMANDS[1])
    _, out, _ = plmr.run(COMMANDS[1])
    said = " ".join(out[out.index("  standing "):].split())
    words = {"M": "measured", "S": "simulated", "V": "vendor's claim", "C": "read in code", "I": "inferred", "2": "second-hand",
             "guess": "guessed"}
    few = {key: [record[key].split(",")[:2], record[key].count(",") - 1] for key in ("standing_of", "uncertainty_of")}
    few = {key: ", ".join(names + [f"{more} more"] * (more > 0)) for key, (names, more) in few.items()}
    want = (f"standing {words[record['standing']]} at weakest ({few['standing_of']}); RMS error where measured: "
            f"{100 * record['uncertainty']:.1f} % ({few['uncertainty_of']})")
    check(said.startswith(want), f"{said!r} is not {want!r}")


def main():
    check = Checks()
    with Started(sys.argv[1], sys.argv[2]) as plmr:
        for device in DEVICES:
            check_reads(plmr, check, device)
        check_uncertainty(plmr, check, sys.argv[3])
        check_text(plmr, check)
    check.done()


main()
