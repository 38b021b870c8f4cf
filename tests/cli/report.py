"""Reports as files: the same on any number of ranks, whole or not there at all, and clear words for what cannot be.

report.py MPIEXEC PLMR
"""
import json
import os
import sys
import tempfile

from cli import Checks, of_the_wafer, Plmr, show

BEGIN, END = '<script type="application/json" id="plmr-data">', "</script>"


def data_of(path):
    with open(path, encoding="ascii") as file:
        text = file.read()
    begin = text.index(BEGIN) + len(BEGIN)
    return json.loads(text[begin:text.index(END, begin)])


def without_host(data):
    """What must not depend on the ranks."""
    for run in data["runs"]:
        run["record"] = of_the_wafer(run["record"])
        for one in run.get("maps", []):
            del one["ranks"]
    return data["runs"]


def check_ranks(plmr, check, folder):
    for args in ("gemm --m 50 --k 60 --n 70 --cores 12x18", "gemm --m 40 --k 40 --n 40 --cores 12x12 --transpose-b --dtype f32",
                 "gemv --k 90 --n 80 --cores 13x17 --mode timing", "allreduce --length 33 --cores 9x14",
                 "llm --model demo --prompt 20 --decode 9", "generate -m demo --tokens 1,466,456 -n 5"):
        runs = []
        for ranks in (None, 3, 4):
            path = os.path.join(folder, "r.html")
            code, _, err = plmr.run(args.split() + ["--report", path], ranks)
            if not check(code == 0, f"{show(args.split(), ranks)} ends with {code}: {err}"):
                return
            runs.append(without_host(data_of(path)))
            check(len(runs[-1]) > 0 and all(run.get("maps") for run in runs[-1]), f"{args}: every run has its map")
        check(all(run == runs[0] for run in runs), f"{args}: the report is the same on 1, 3 and 4 ranks")


def check_costs_nothing(plmr, check, folder):
    """A record does not change for being reported."""
    args = "gemm --m 50 --k 60 --n 70 --cores 12x18".split()
    plain, shown = plmr.records(args), plmr.records(args + ["--report", os.path.join(folder, "r.html")])
    for a, b in zip(plain, shown):
        check(of_the_wafer(a) == of_the_wafer(b), "the same record with a report")


def check_fails(plmr, check, args, code, *words):
    got, out, err = plmr.run(args)
    check(got == code and len(err) >= 1 and all(word in err[-1] for word in words), f"{show(args)} ends with {got}: {err[-1:]}")


def check_paths(plmr, check, folder):
    run = "gemm --alg meshgemm --m 20 --k 20 --n 20 --cores 5x5 --report".split()
    check_fails(plmr, check, run + [folder], 2, "--report", "Is a directory")
    check_fails(plmr, check, run + ["/nonexistent/r.html"], 2, "--report", "/nonexistent/r.html")
    check_fails(plmr, check, run + ["/dev/full"], 1, "--report", "No space left")
    check_fails(plmr, check, run + ["r.html", "--plan"], 2, "--plan", "--report")
    old = os.path.join(folder, "old.html")
    with open(old, "w", encoding="ascii") as file:
        file.write("old")
    check_fails(plmr, check, "gemm --alg meshgemm --m 9000 --k 9000 --n 9000 --cores 5x5 --mode timing --report".split() + [old], 2, "SRAM")
    with open(old, encoding="ascii") as file:
        check(file.read() == "old", "a run that fails leaves what was there")
    check(not [name for name in os.listdir(folder) if name.endswith(".part")], f"nothing else is left: {os.listdir(folder)}")


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def check_inputs(plmr, check, folder):
    page, records, out = (os.path.join(folder, name) for name in ("in.html", "in.jsonl", "out.html"))
    code, _, err = plmr.run(f"gemm --m 20 --k 20 --n 20 --cores 5x5 --report {page} --json {records}".split())
    check(code == 0, f"a run with both files: {err}")
    code, _, err = plmr.run(["report", page, records, "--out", out])
    runs, n = data_of(out)["runs"], len(data_of(page)["runs"])
    check(code == 0 and not err and n > 1 and len(runs) == 2 * n, f"a page of both: {code}, {err}, {len(runs)} runs")
    check(runs[0] == data_of(page)["runs"][0] and runs[n] == {"record": runs[0]["record"]}, "runs as they were")

    def fails(text, *words):
        check_fails(plmr, check, ["report", write(os.path.join(folder, "bad"), text), "--out", out], 2, *words)

    with open(records, encoding="utf-8") as file:
        line = file.readline()
    with open(page, encoding="ascii") as file:
        html = file.read()
    fails("", "empty")
    fails("\n", "no run")
    fails("hello\n", "bad:1", "not a record")
    fails('{"id": "cs", "predicted": 1}\n', "bad:1: no record of a run", "give those of gemm")
    fails(line + "[1]\n", "bad:2", "command")
    fails(line.replace('"rows": 5', '"rows": "5"'), '"rows" is not a count')
    fails(line.replace('"gemm"', '"bench"'), "bench")
    fails('{"command": "serve"}', "bad:1", '"device"')
    fails('{"command": "serve", "device": "wse2", "model": null}', '"model"')
    fails('{"command": "gemm", "device": "wse2"}', '"algorithm"')
    fails("<html>", "neither records")
    fails(html[:html.index(BEGIN) + 200], "neither records")
    fails(html.replace('"runs":[{', '"runs":[['), "damaged")
    fails(html.replace('"format":1', '"format":2'), "format 2")
    fails(html.replace('"command":"gemm"', '"command":7'), "run 1")
    check_fails(plmr, check, ["report", os.path.join(folder, "nothing"), "--out", out], 2, "nothing")
    check_fails(plmr, check, ["report", "--out", out], 2, "--json")
    check_fails(plmr, check, ["report", records], 2, "--out")
    code, _, err = plmr.run(["report", write(os.path.join(folder, "old"), line.replace('"version": "', '"version": "9.')), "--out", out])
    check(code == 0 and "plmr 9." in err[0] and "plmr 9." in data_of(out)["notes"][0], f"another version is noted: {code}, {err}")
    failed = '{"key": "0", "run": "r", "point": {}, "command": "gemm", "error": "too large"}\n'
    code, _, err = plmr.run(["report", write(os.path.join(folder, "sweep"), failed + line + failed), "--out", out])
    data = data_of(out)
    check(code == 0 and len(data["runs"]) == 1 and err == ["note: " + data["notes"][0]] and "2 points ended with an error" in err[0],
          f"a sweep's points with an error are left out: {code}, {err}")
    fails(failed, "no run")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    for part in (check_ranks, check_costs_nothing, check_paths, check_inputs):
        with tempfile.TemporaryDirectory() as folder:
            part(plmr, check, folder)
    check.done()


main()
