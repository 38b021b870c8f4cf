"""--trace: files are as the format wants them, account for every cycle of the record, and are the same on any ranks.

trace.py MPIEXEC PLMR DATA
"""
import json
import os
import resource
import signal
import sys
import tempfile

from cli import Checks, Plmr, outcome, show

KINDS = ["compute", "send", "receive", "relay", "wait"]
GEMM = "gemm --m 60 --k 75 --n 45 --cores 9x9 --mode timing"
PRODUCTS = [GEMM, GEMM + " --transpose-b", "gemm --m 40 --k 41 --n 38 --cores 6x9 --mode timing --alg meshgemm,summa",
            "gemv --k 100 --n 130 --cores 9x7 --mode timing", "allreduce --length 50 --cores 17 --mode timing",
            "allreduce --length 33 --cores 6x9 --mode timing",
            "allreduce --length 7 --cores 6 --alg chain,ktree --device wse2-pair:border_rows=0,border_cols=3 --mode timing",
            "allreduce --length 9000 --cores 3x5 --alg chain --device wse2:clock=1,link=1e6 --mode timing"]


class Core:
    """What one thread's events say."""

    def __init__(self):
        self.by_kind, self.at, self.names, self.groups = dict.fromkeys(KINDS, 0), None, set(), {}


def read(path, check):
    """Checks the file against the format; returns it, and its threads by process name and core."""
    with open(path, encoding="utf-8") as file:
        trace = json.load(file)
    check(set(trace) == {"traceEvents", "displayTimeUnit", "otherData"}, f"keys are {list(trace)}")
    processes, names, threads, open_until = {}, {}, {}, {}
    for e in trace["traceEvents"]:
        key = (e["pid"], e.get("tid"))
        if e["ph"] == "M":
            if e["name"] == "process_name":
                processes[e["pid"]] = e["args"]["name"].split(",")[0]
            elif e["name"] == "thread_name":
                names[key] = e["args"]["name"]
            continue
        check(e["ph"] == "X" and e["dur"] >= 0 and e["name"] and e["cat"] in KINDS + ["group", "skipped", "left out"], f"{e}")
        core, start, end = threads.setdefault(key, Core()), round(e["ts"] * 1000), round((e["ts"] + e["dur"]) * 1000)
        # In nanoseconds, events follow each other or lie in each other, in the order in which viewers want them.
        stack = open_until.setdefault(key, [])
        while stack and stack[-1][1] <= start and not (stack[-1][0] == start and end == start):
            stack.pop()
        check(not stack or (stack[-1][0] <= start and end <= stack[-1][1]), f"{e} overlaps {stack}")
        stack.append((start, end))
        args = e["args"]
        if e["cat"] == "group":
            core.groups[e["name"]] = core.groups.get(e["name"], 0) + args["cycles"]
            continue
        parts = {kind: args.get(kind, 0) for kind in KINDS} if e["cat"] in ("skipped", "left out") else {e["cat"]: args["cycles"]}
        check(sum(parts.values()) == args["cycles"] > 0, f"parts of {e}")
        for kind, cycles in parts.items():
            core.by_kind[kind] += cycles
        core.names.add(e["name"])
        if core.at is None:
            core.at = start_of(e, trace)
        check(abs(start_of(e, trace) - core.at) <= 1, f"a gap before {e}: the last event ended at {core.at}")
        core.at += args["cycles"]
    check(set(names) == set(threads), "threads without names")
    return trace, {(processes[pid], names[pid, tid]): core for (pid, tid), core in threads.items()}


def start_of(event, trace):
    return event["ts"] * 1e-6 * trace["otherData"]["run"]["clock_hz"]


def without_provenance(path):
    with open(path, encoding="utf-8") as file:
        return [line for line in file if not line.startswith('"provenance"')]


def totals(threads):
    return {name: core.by_kind for name, core in threads.items()}


def products(plmr, check, path):
    """Every core of a region: the latest is the record's time, and each computes as long as the record says."""
    for args in PRODUCTS:
        words = args.split() + ["--trace", path, "--trace-cores", "sample:4096"]
        records = plmr.records(words)
        trace, threads = read(path, check)
        for r in records:
            cores = [core for (process, _), core in threads.items() if process == r["algorithm"]]
            check(len(cores) == r["rows"] * r["cols"], f"{show(words)}: {len(cores)} cores")
            check(max(sum(core.by_kind.values()) for core in cores) == r["cycles"], f"{args} {r['algorithm']}: cycles")
            check({core.by_kind["compute"] for core in cores} == {r["compute_cycles"]}, f"{args} {r['algorithm']}: compute")
        check(trace["otherData"]["provenance"]["ranks"] == 1, f"{trace['otherData']}")
        want = without_provenance(path)
        for ranks in 3, 4:
            code, _, err = plmr.run(words, ranks)
            check(code == 0 and not err and without_provenance(path) == want, f"{show(words, ranks)}: another file; {err}")
        plmr.run([word.replace("timing", "compute") for word in words], 2)
        check(without_provenance(path) == want, f"{args}: another file with values")


def bounded(plmr, check, path):
    """Every step shown, or few events kept: the sums stay, and what is missing is said."""
    words = (GEMM.replace("9x9", "90x90") + " --alg meshgemm --trace " + path).split()
    plmr.run(words)
    want = totals(read(path, check)[1])
    check(len(want) == 16, f"{len(want)} cores by default")
    check({"core (0, 0)", "core (0, 89)", "core (89, 0)", "core (89, 89)", "core (45, 45)"} <= {core for _, core in want},
          f"corners and middle: {want}")
    plmr.run((GEMM.replace("9x9", "16x16") + " --alg cannon --trace " + path).split())
    check(len(totals(read(path, check)[1])) == 16, "the diagonal meets the middle")
    plmr.run(words)
    check(any("more steps" in name for core in read(path, check)[1].values() for name in core.names), "nothing is skipped")
    plmr.run(words + ["--every-step"])
    trace, threads = read(path, check)
    check(totals(threads) == want, "--every-step has other sums")
    check(not any("more" in name for core in threads.values() for name in core.names), "--every-step skips")
    n_events = trace["otherData"]["run"]["regions"][0]["events"]
    code, _, err = plmr.run(words + ["--every-step", "--trace-events", "320"])
    trace, threads = read(path, check)
    region, = trace["otherData"]["run"]["regions"]
    check(totals(threads) == want and region["events"] == 320, f"--trace-events: {region}")
    check(region["left_out_events"] == n_events - 16 * 19, f"{n_events}, of which are left out {region['left_out_events']}")
    check(code == 0 and len(err) == 1 and "events are left out" in err[0], f"{code}, {err}")


def models(plmr, check, path, small):
    for command, args in (("llm", f"--model {small} --prompt 21 --decode 20 --prefill-cores 16x16 --decode-cores 12x15"),
                          ("llm", f"--model {small} --prompt 21 --decode 20 --phase decode --decode-cores 12x15 --batch 3"),
                          ("llm", f"--model {small} --prompt 21 --phase prefill --as-published --prefill-cores 9x9"),
                          ("llm", f"--model {small} --prompt 8 --decode 9 --prefill-cores 9x9 --decode-cores 9x12 --kv concat"),
                          ("generate", "-n 9 --prefill-cores 12x12 --decode-cores 12x15")):
        words = [command] + args.split() + ["--trace", path, "--trace-cores", "0,0;5,7;8,8"]
        code, out, err = plmr.run(words + ["--json", path + ".record"])
        check(code == 0, f"{show(words)}: {code}, {err}")
        with open(path + ".record", encoding="utf-8") as file:
            record = json.load(file)
        trace, threads = read(path, check)
        cycles = sum(value or 0 for key, value in record.items() if key.startswith("cycles_"))
        spent = {core: sum(sum(c.by_kind.values()) for (_, name), c in threads.items() if name == core)
                 for core in {core for _, core in threads}}
        check(set(spent.values()) == {cycles} and len(spent) == 3, f"{show(words)}: {spent} of {cycles} cycles")
        check(max(r["cycles"] for r in trace["otherData"]["run"]["regions"]) == cycles, f"{show(words)}: the end")
        named = set().union(*(core.groups for core in threads.values()))
        check({"layer 0", "projection"} <= named and ("prefill" in named or "decode" in args), f"groups are {named}")
        want = without_provenance(path)
        plmr.run(words, 3)
        check(without_provenance(path) == want, f"{show(words, 3)}: another file")
        if command == "llm":
            sums = totals(threads)
            plmr.run(words + ["--every-step"])
            check(totals(read(path, check)[1]) == sums, f"{show(words)}: --every-step has other sums")


def refused(plmr, check, folder):
    good, trace = GEMM + " --alg meshgemm", os.path.join(folder, "t.json")
    cases = [
        (f"{good} --trace /nonexistent/t.json", "--trace: cannot write /nonexistent/t.json: No such file"),
        (f"{good} --trace {folder}", "Is a directory"), (f"{good} --trace=", "--trace"),
        (f"{good} --trace {trace} --plan", "nothing for --trace"), (f"{good} --trace-cores 0,0", "say where it goes"),
        (f"{good} --trace-events 9", "say where it goes"),
        (f"{good} --trace {trace} --trace-cores 0,0;9,8", "core 9,8 is outside the region of 9x9 cores, whose last is 8,8"),
        (f"{good} --trace {trace} --trace-cores 0;1", "'0;1' is not R,C"), (f"{good} --trace {trace} --trace-cores 0,-1", "is not R,C"),
        (f"{good} --trace {trace} --trace-cores sample:0", "is not R,C"), (f"{good} --trace {trace} --trace-cores 0,1,2", "is not R,C"),
        (f"{good} --trace {trace} --trace-cores 0,0;", "is not R,C"), (f"{good} --trace {trace} --trace-events 0", "--trace-events: '0'"),
        (f"{good} --trace {trace} --trace-cores 99999999999,1", "is not R,C"),
        (f"gemm --m 99999 --k 99999 --n 99999 --cores 9x9 --trace {trace} --mode timing", "algorithms fits"),
        (f"llm --model demo --decode-cores 30x40 --trace {trace} --trace-cores 50,7", "core 50,7 is outside the region of 30x40"),
        ("generate --trace /nonexistent/t.json", "cannot write"), ("llm --model demo --trace-cores 0,0", "say where it goes"),
    ]
    for i, (args, words) in enumerate(cases):
        for ranks in (None, 2) if i % 3 == 0 else (None,):
            code, out, err = plmr.run(args.split(), ranks)
            check(code == 2 and not out and len(err) == 1 and words in err[0], f"{args}: {code}, {out!r}, {err}")
            check(os.listdir(folder) == [], f"{args} leaves {os.listdir(folder)}")
    code, _, err = plmr.run(f"{good} --trace {folder}/t.otf2".split())
    check(code == 0 or (code == 2 and len(err) == 1 and "-Dotf2=enabled" in err[0]), f"OTF2: {code}, {err}")
    check(os.path.isdir(f"{folder}/t.otf2") == (code == 0), f"OTF2: {code}, {os.listdir(folder)}")
    for ranks in None, 2:
        code, _, err = plmr.run(f"{good} --trace /dev/full".split(), ranks)
        check(code == 1 and err and "/dev/full: No space left on device" in err[-1], f"/dev/full: {code}, {err}")


def full_disk(plmr, check, folder):
    """Where the file cannot grow, an older one stays and nothing else is left."""
    path = os.path.join(folder, "t.json")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 24, 1 << 24))  # what MPI itself needs passes

    with open(path, "w", encoding="utf-8") as file:
        file.write("older")
    process = plmr.start((GEMM.replace("9x9", "40x40") + f" --every-step --trace {path} --trace-cores sample:4096").split(),
                         preexec_fn=limit)
    _, err = outcome(process, 240)
    with open(path, encoding="utf-8") as file:
        check(file.read() == "older" and os.listdir(folder) == ["t.json"], f"a full disk leaves {os.listdir(folder)}")
    check(process.returncode == 1 and "t.json: File too large" in err, f"a full disk: {process.returncode}, {err}")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "t.json")
        products(plmr, check, path)
        bounded(plmr, check, path)
        models(plmr, check, path, os.path.join(sys.argv[3], "shapes", "small.json"))
    for test in refused, full_disk:
        with tempfile.TemporaryDirectory() as folder:
            test(plmr, check, folder)
    check.done()


main()
