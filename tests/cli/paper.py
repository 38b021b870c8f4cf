#!/usr/bin/env python3
"""paper.py MPIEXEC PLMR: plmr paper gives the same files on any ranks, keeps its bounds, and says what is wrong."""
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from cli import Checks, Plmr

ROOT = Path(__file__).resolve().parents[2]
FAST = ["--table", "4", "--table", "5", "--table", "6", "--figure", "8"]
STANDING = ["standing", "standing_of", "rests_on", "uncertainty", "uncertainty_of"]
FILES = ["README.md", "records.jsonl", "table.csv"]


def cells(folder):
    return [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]


def same_on_any_ranks(plmr, check, folder):
    for ranks in (1, 2, 3):
        code, out, err = plmr.run(["paper", *FAST, "--out", str(folder / str(ranks) / "new")], ranks)
        check(code == 0, f"{ranks} ranks: {code}: {err}")
    for name in FILES:
        texts = {(folder / str(ranks) / "new" / name).read_bytes() for ranks in (1, 2, 3)}
        check(len(texts) == 1 and len(next(iter(texts))) > 200, f"{name} differs between ranks")
    check(json.loads((folder / "2/new/provenance.json").read_text())["ranks"] == 2, "provenance")


def errors(records, **those):
    return [abs(r["error_percent"]) for r in records
            if r["error_percent"] is not None and all(r[key] == value for key, value in those.items())]


def keeps_bounds(check, folder):
    records = cells(folder / "1/new")
    decode = errors(records, part="table 4", system="waferllm", mode="as published")
    check(len(decode) == 12 and statistics.mean(decode) <= 2.5 and max(decode) <= 5, f"table 4, waferllm: {decode}")
    for system in ("t10", "ladder"):
        rows = errors(records, part="table 4", system=system, role="prediction")
        check(len(rows) == 9 and statistics.mean(rows) <= 7 and max(rows) <= 16, f"table 4, {system}: {rows}")
    gemv = errors(records, part="table 6", role="consistency")
    check(len(gemv) == 8 and max(gemv) <= 2, f"table 6: {gemv}")
    cache = errors(records, part="table 5", subject="llama3-8b", mode="real model")
    check(len(cache) == 2 and max(cache) <= 15, f"table 5: {cache}")
    tiles = errors(records, part="table 5", mode="tiles alone")
    check(len(tiles) == 4 and max(tiles) <= 15, f"table 5, tiles alone: {tiles}")
    table = subprocess.run([sys.executable, ROOT / "scripts/kv_capacity.py"], capture_output=True, text=True, check=True).stdout
    check(table in (ROOT / "results/validation/kv_capacity.md").read_text(), "results/validation/kv_capacity.md is not what the script says")


def standing(plmr, check, folder):
    """What is a time of the device says how far it can be trusted, as the command does that runs it; nothing else does."""
    for r in cells(folder / "1/new"):
        timed = r["part"] in ("table 4", "table 6") and r["role"] != "bound"
        check((r["standing"] is not None) == timed, f"standing {r['standing']}: {r}")
    runs = {("table 4", "waferllm", "as published"): ["--as-published"], ("table 4", "t10", "as published"): ["--as-published", "--plan", "t10"],
            ("table 4", "waferllm", "real model"): ["--kv-dtype", "f16"]}
    for key, options in runs.items():
        cell = next(r for r in cells(folder / "1/new") if (r["part"], r["system"], r["mode"]) == key)
        run, = plmr.records(["llm", "--model", cell["subject"], "--phase", "decode", "--decode-cores", cell["setting"], "--context", "4096",
                             "--decode", "1", "--allow", "M,R"] + options)
        of_run = {k: run[k] for k in STANDING} | {"uncertainty": float(f"{run['uncertainty']:.9g}")}
        check({k: cell[k] for k in STANDING} == of_run, f"{cell} is not {of_run}")
    code, out, _ = plmr.run(["paper", "--table", "6"])
    check(code == 0 and out.count("\n  standing ") == 1, f"no standing: {out}")


def trends(check, folder):
    """All three systems decode more slowly on more cores, as published."""
    for system in ("waferllm", "t10", "ladder"):
        rows = [r["predicted"] for r in cells(folder / "1/new")
                if (r["part"], r["system"], r["mode"], r["subject"]) == ("table 4", system, "as published", "llama3-8b")]
        check(len(rows) == 3 and rows == sorted(rows, reverse=True), f"{system}: {rows}")


def bounds_are_bounds(check, folder):
    roofs = [r for r in cells(folder / "1/new") if r["role"] == "bound"]
    check(len(roofs) > 10, f"{len(roofs)} bounds")
    for r in roofs:
        slower = r["published"] > r["predicted"] if r["quantity"] == "time, ms" else r["published"] < r["predicted"]
        check(slower, f"faster than its bound: {r}")


def quoted_names(plmr, check, folder):
    device = folder / 'a "wafer".json'
    device.write_text((ROOT / "share/devices/wse2.json").read_text())
    code, _, err = plmr.run(["paper", "--table", "6", "--device", str(device), "--out", str(folder / "quoted")])
    check(code == 0 and json.loads((folder / "quoted/provenance.json").read_text())["device"] == str(device), f"a quoted name: {err}")


def wrong_input(plmr, check, folder):
    for args, words in ((["--table", "9"], "there is no table 9"), (["--figure", "x"], "there is no figure x"),
                        (["--table", "6", "--out", "/dev/null/x"], "cannot make the folder"),
                        (["--table", "6", "--json", str(folder / "no/where.json")], "where.json"),
                        (["--device", "nowhere"], "nowhere")):
        code, out, err = plmr.run(["paper", *args], 2)
        check(code == 2 and any(words in line for line in err), f"{args}: {code}: {err}")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        same_on_any_ranks(plmr, check, folder)
        keeps_bounds(check, folder)
        standing(plmr, check, folder)
        trends(check, folder)
        bounds_are_bounds(check, folder)
        quoted_names(plmr, check, folder)
        wrong_input(plmr, check, folder)
    check.done()


main()
