"""Sweeps: every point once, on any number of ranks; killed and gone on with; what a point cannot do; experiments that ship.

sweep.py MPIEXEC PLMR
"""
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

from cli import Checks, Plmr, of_the_wafer, outcome

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
VIEW = {"columns": ["run", "alg", "device.hop", "cycles", "violates", "error"],
        "plots": [{"title": "t", "x": "device.hop", "y": "cycles", "x_label": "hop", "y_label": "cycles", "series": ["alg"]}]}
GEMM = {"command": "gemm", "options": {"m": 64, "k": 64, "n": 64, "cores": "16x16"},
        "vary": {"alg": ["meshgemm", "summa"], "device.hop": {"from": 1, "to": 4, "factor": 2}}}
SMALL = {"title": "t", "question": "q", **VIEW, "runs": {
    "gemm": GEMM,
    # too many rows for the device: an error of these points alone
    "errors": {"command": "gemm", "options": {"alg": "cannon", "cores": "16x16"}, "vary": {"device.rows": [8, 12]}},
    # M is exceeded at 1 KiB, R at 4 routes, both at once
    "limits": {"command": "gemm", "options": {**GEMM["options"], "alg": "meshgemm"},
               "vary": {"device.sram": [64, 49152], "device.routes": [4, 24]}},
    "tree": {"command": "allreduce", "options": {"cores": 30}, "vary": {"alg": ["ring", "ktree"], "length": [1, 9]}},
    "gemv": {"command": "gemv", "options": {"k": 64, "n": 64, "cores": "8x8", "alg": "ring", "mode": "compute"}, "vary": {"dtype": ["f16", "f32"]}},
    "llm": {"command": "llm", "options": {"model": "demo", "decode-cores": "60x60", "phase": "decode"},
            "vary": {"as-published": [False, True]}}}}
N_SMALL = 6 + 2 + 4 + 4 + 2 + 2

# Long enough to be killed in the middle: communication is let take its time.
SLOW = {"title": "t", "question": "q", **VIEW, "runs": {"gemm": {
    "command": "gemm", "options": {"m": 32, "k": 32, "n": 32, "cores": "16x16", "alg": "meshgemm", "pace": 6e4},
    "vary": {"device.hop": {"from": 1, "to": 8, "step": 1}}}}}

BAD = [  # what is put in place of SMALL's, what the error says
    ({"ttle": 1}, "ttle: is an unknown key, did you mean \"title\"?"),
    ({"runs": {"a": {"command": "gemm", "vary": {"alg": []}}}}, "runs.a.vary.alg: is empty"),
    ({"runs": {"a": {"command": "gemmm", "vary": {"m": [1]}}}}, "did you mean 'gemm'?"),
    ({"runs": {"a": {"command": "gemm", "vary": {"core": ["4x4"]}}}}, "did you mean 'cores'?"),
    ({"runs": {"a": {"command": "gemm", "vary": {"m": [1, 2]}}}}, "each point needs one algorithm"),
    ({"runs": {"a": {"command": "llm", "vary": {"decode": [4, 4]}}}}, "has a point that is there already"),
    ({"runs": {"a": {"command": "llm", "vary": {"dump": ["x"]}}}}, "is not for sweeps"),
    ({"columns": ["cycels"]}, "did you mean 'cycles'?"),
    ({"runs": {"a": {"command": "gemm", "options": {"device.hop": 1, "alg": "cannon"}, "vary": {"m": [0, -1]}}}},
     "none of the 2 points has a result; the first says: --m: '0' is not a positive whole number"),
]


def write(path, experiment):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(experiment, file, indent=1)
    return path


def read(folder):
    with open(folder + "/records.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def lasting(records):
    """Without what differs from run to run."""
    return [of_the_wafer(record) for record in records]


def test_ranks(plmr, check, folder, path):
    """The same points and numbers on 1, 2 and 3 ranks, and what cannot be done is said of that point alone."""
    for ranks in (None, 2, 3):
        out = f"{folder}/out{ranks}"
        code, text, err = plmr.run(["sweep", path, "--out", out], ranks)
        check(code == 0 and f"{N_SMALL} points in {out}, {N_SMALL} of them run now" in text and not err,
              f"{ranks} ranks: {code}, {text}, {err}")
        check(sorted(os.listdir(out)) == ["experiment.json", "provenance.json", "records.jsonl", "table.csv"],
              f"{ranks} ranks: {os.listdir(out)}")
        check(lasting(read(out)) == lasting(read(folder + "/outNone")), f"{ranks} ranks: other records")
    records = read(folder + "/outNone")
    check(len(records) == len({r["key"] for r in records}) == N_SMALL, "every point once")
    by = lambda name: [r for r in records if r["run"] == name]
    check([r["violates"] for r in by("limits")] == ["M,R", "M", "R", ""], f"limits: {[r['violates'] for r in by('limits')]}")
    check(all("do not fit" in r["error"] and "cycles" not in r for r in by("errors")), "errors")
    check(by("gemm")[0]["device"] == "wse2:hop=1" and by("gemm")[0]["mode"] == "timing", "gemm")
    check(all(r["mode"] == "compute" and r["checksum"] for r in by("gemv")), "a mode of its own")
    check([r["as_published"] for r in by("llm")] == ["no", "yes"], "llm")
    with open(folder + "/outNone/table.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    check(len(rows) == N_SMALL and all(row["cycles"] == str(r.get("cycles") or "") for row, r in zip(rows, records)), "CSV")


def test_equal_to_command(plmr, check, folder):
    """A point is what its command gives."""
    record = read(folder + "/outNone")[3]
    alone = plmr.records("gemm --m 64 --k 64 --n 64 --cores 16x16 --alg summa --device wse2:hop=1 --mode timing".split())
    check(lasting([{**alone[0]}])[0].items() <= record.items(), f"{record} is not {alone}")


def test_again(plmr, check, folder, path):
    """What is done is not done again, unless asked for; and of what is new only that."""
    out = folder + "/outNone"
    before = read(out)
    code, text, _ = plmr.run(["sweep", path, "--out", out])
    check(code == 0 and ", 0 of them run now" in text and read(out) == before, f"nothing to do: {text}")
    larger = {**SMALL, "runs": {**SMALL["runs"], "gemm": {**GEMM, "vary": {**GEMM["vary"], "alg": ["summa", "cannon"]}}}}
    code, text, _ = plmr.run(["sweep", write(path, larger), "--out", out], 2)
    after = read(out)
    check(code == 0 and ", 3 of them run now" in text and "3 lines dropped" in text, f"three new points: {text}")
    check(after[:3] == before[3:6] and after[6:] == before[6:], "old points are as they were, in their order")
    code, text, _ = plmr.run(["sweep", write(path, SMALL), "--out", out, "--again"])
    check(code == 0 and f", {N_SMALL} of them run now" in text, f"--again: {text}")
    check(lasting(read(out)) == lasting(before), "--again: other records")


def wait_for_lines(out, n):
    for _ in range(400):
        time.sleep(0.05)
        if os.path.exists(out + "/records.jsonl"):
            with open(out + "/records.jsonl", "rb") as file:
                if file.read().count(b"\n") >= n:
                    return True
    return False


def test_killed(plmr, check, folder):
    """Killed by either signal in the middle of a point: at most that one is lost, and the rest is the same."""
    path = write(folder + "/slow.json", SLOW)
    for ranks in (None, 2):
        whole, out = f"{folder}/whole{ranks}", f"{folder}/killed{ranks}"
        plmr.run(["sweep", path, "--out", whole], ranks)
        for n, number in ((1, signal.SIGKILL), (3, signal.SIGINT)):
            process = plmr.start(["sweep", path, "--out", out], ranks)
            check(wait_for_lines(out, n), f"{ranks} ranks: {n} points are done")
            process.send_signal(number)
            outcome(process, 60)
            check(process.returncode != 0, f"{ranks} ranks: the sweep ends by signal {number}")
            time.sleep(0.5)  # after SIGKILL of mpirun its processes take a moment to notice
            done = len(read(out))
            check(n <= done < 8, f"{ranks} ranks: {done} points after signal {number}")
        kept = read(out)
        with open(out + "/records.jsonl", "a", encoding="utf-8") as file:
            file.write('{"key": "torn')
        for name in ("point.json", "point.json.1-0.part"):
            with open(f"{out}/{name}", "w", encoding="utf-8") as file:
                file.write("{")
        code, text, err = plmr.run(["sweep", path, "--out", out], ranks)
        check(code == 0 and f", {8 - len(kept)} of them run now" in text, f"{ranks} ranks: goes on: {text} {err}")
        check(read(out)[:len(kept)] == kept, f"{ranks} ranks: what was done stays")
        check(lasting(read(out)) == lasting(read(whole)), f"{ranks} ranks: as if never killed")
        with open(out + "/table.csv", "rb") as one, open(whole + "/table.csv", "rb") as other:
            check(one.read() == other.read(), f"{ranks} ranks: the same CSV")
        check(sorted(os.listdir(out)) == sorted(os.listdir(whole)), f"{ranks} ranks: {os.listdir(out)}")


def test_bad(plmr, check, folder):
    for change, words in BAD:
        path = write(folder + "/bad.json", {**SMALL, **change})
        for ranks in (None, 2):
            code, out, err = plmr.run(["sweep", path, "--out", folder + "/bad"], ranks)
            check(code == 2 and not out and len(err) == 1 and words in err[0], f"{change}: {code}, {out}, {err}")
    for args, words in (("sweep", "say which experiment"), ("sweep nosuch", "unknown experiment 'nosuch'"),
                        ("sweep sensitivity-x", "did you mean 'sensitivity-"), ("sweep /no/such.json", "cannot open"), (f"sweep {folder}", "is not a regular file"),
                        ("sweep torus --out=", "--out needs a value"), ("sweep torus --out /proc/x/y", "cannot make the folder"),
                        (f"sweep torus --out {folder}/outNone", "holds other results than those of torus")):
        code, out, err = plmr.run(args.split())
        check(code == 2 and not out and len(err) == 1 and words in err[0], f"{args}: {code}, {out}, {err}")


def test_shipped(plmr, check):
    """The experiments that come with plmr: all of their points are commands."""
    code, out, err = plmr.run(["sweep", "list"])
    names = [line.split()[0] for line in out.splitlines()]
    check(code == 0 and len(names) >= 6 and not err, f"sweep list: {code}, {out}, {err}")
    for name in names:
        code, out, err = plmr.run(["sweep", name, "--dry-run"])
        check(code == 0 and out.startswith("plmr ") and not err, f"sweep {name} --dry-run: {code}, {err}")
        with open(f"{SOURCE}/share/experiments/{name}.json", "rb") as ours, \
                open(f"{SOURCE}/results/{name}/experiment.json", "rb") as ran:
            check(ours.read() == ran.read(), f"results/{name} are of another experiment than share/experiments/{name}.json")


PLOTTED = """
import plot_sweep, plotting
print(len({tuple(plotting.style(i).values()) for i in range(64)}), plot_sweep.writer("decode_tok_s")(5e4), plot_sweep.writer("ttft_s")(0.05), plot_sweep.writer("ttft_s", True)(0.8))
"""


def test_plot(check, folder):
    done = subprocess.run(["/usr/bin/python3", SOURCE + "/scripts/plot_sweep.py", folder + "/outNone"], capture_output=True,
                          text=True)
    if "No module named" in done.stderr:
        print("matplotlib is not installed: plots are not tested")
        return
    check(done.returncode == 0, f"plot_sweep.py: {done.stderr}")
    with open(folder + "/outNone/plot.png", "rb") as file:
        check(file.read(8) == b"\x89PNG\r\n\x1a\n", "plot.png is one")
    os.symlink("/usr/bin/python3", folder + "/another")  # without packages, as -S has it
    done = subprocess.run([folder + "/another", "-S", SOURCE + "/scripts/plot_sweep.py", folder + "/outNone"], capture_output=True, text=True)
    check(done.returncode == 0, f"plot_sweep.py, started with another Python: {done.stderr}")
    done = subprocess.run(["/usr/bin/python3", SOURCE + "/scripts/plot_sweep.py", folder], capture_output=True, text=True)
    check(done.returncode == 1 and done.stderr.count("\n") == 1, f"plot_sweep.py of no results: {done.stderr}")
    done = subprocess.run(["/usr/bin/python3", "-c", PLOTTED], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": SOURCE + "/scripts"})
    check(done.stdout == "64 50K 50 ms 0.8\n", f"styles that differ, and values along axes: {done.stdout}{done.stderr}")


def test_no_room_for_a_point(plmr, check, folder):
    """Errors name the option that the user gave, not the one by which a point's command is told of its record."""
    os.makedirs(folder + "/taken/point.json")
    code, _, err = plmr.run(["sweep", folder + "/small.json", "--out", folder + "/taken"])
    check(code == 2 and err == [f"plmr sweep: --out: cannot write {folder}/taken/point.json: Is a directory"], f"{code}, {err}")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    with tempfile.TemporaryDirectory() as folder:
        path = write(folder + "/small.json", SMALL)
        test_ranks(plmr, check, folder, path)
        test_equal_to_command(plmr, check, folder)
        test_again(plmr, check, folder, path)
        test_killed(plmr, check, folder)
        test_bad(plmr, check, folder)
        test_no_room_for_a_point(plmr, check, folder)
        test_shipped(plmr, check)
        test_plot(check, folder)
    check.done()


main()
