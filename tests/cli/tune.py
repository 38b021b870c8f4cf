"""plmr tune: the same on any ranks, what plmr llm makes of its choice, the cache, the paper's row, and what is refused.

tune.py MPIEXEC PLMR DATA
"""
import json
import os
import re
import sys
import tempfile

from cli import Checks, Plmr, show

ROW = """rows cols tree_k groups_y groups_x groups_given fused layers layers_given regions regions_wafer replicas wafers sram_bytes
kv_capacity_tokens routes cycles aside_cycles arithmetic allreduces experts violates P L M R expert_wafers
standing standing_of rests_on uncertainty uncertainty_of""".split()
REQUEST = "--device wormhole --prompt 21 --decode 6"


def one(plmr, args, ranks=None):
    record, = plmr.records(["tune"] + args.split(), ranks)
    return record


def ranks_agree(plmr, check, small):
    args = f"--model {small} {REQUEST} --cache none"
    want = one(plmr, args)
    for ranks in 3, 5:
        check(one(plmr, args, ranks) == want, f"{show(['tune', args], ranks)} differs from one process")
    for phase in "prefill", "decode":
        rows = want[phase]["best"]
        check(list(rows[0]) == ROW, f"keys are {list(rows[0])}")
        check(1 <= len(rows) <= 3 and all(a["cycles"] <= b["cycles"] for a, b in zip(rows, rows[1:])), f"not in order: {rows}")
        check(all(row["P"] or row["L"] for row in rows), f"nothing binds: {rows}")
        check(want[phase]["looked_at"] >= len(rows) and want[phase]["paper"] is None, f"{want[phase]}")
    check(len(one(plmr, args + " --best 1")["decode"]["best"]) == 1, "--best 1")


def llm_agrees(plmr, check, small):
    """The command that tune names takes the time that tune says."""
    for more in ("", " --device wse2:rows=20,cols=20 --kv concat --kv-dtype=f8 --weights i8",
                 " --device wormhole:sram=6000 --stream-weights", " --link 1e9", " --batch 3", " --for latency",
                 " --batch 5 --for throughput --wafers 2", " --device wse2:rows=20,cols=20,sram=1200", " --device wormhole-galaxy"):
        args = f"--model {small} {REQUEST} --cache none{more}"
        record = one(plmr, args)
        _, out, _ = plmr.run(["tune"] + args.split())
        command = re.search(r"to run it +plmr (llm .*)", re.sub(r"\n {4,}", " ", out), re.S).group(1).split()
        check(("tokens/J" in out) == (record["tok_j"] is not None), f"{' '.join(command)}: tok_j is {record['tok_j']} in {out}")
        run, = plmr.records(command)
        for key in "ttft_s", "tpot_s", "tpr_e2e", "tok_j":
            check(run[key] == record[key] or abs(run[key] / record[key] - 1) < 1e-9,
                  f"{' '.join(command)}: {key} is {run[key]}, not {record[key]}")
        for key in ROW[-5:] + ["kv", "kv_dtype"]:
            check(run[key] == record[key], f"{' '.join(command)}: {key} is {run[key]}, not {record[key]}")
        check("  standing  " in out, f"no standing in {out}")


def paper(plmr, check):
    """LLaMA3-8B beside the paper's own choice, which the search cannot be worse than."""
    record = one(plmr, "--model llama3-8b --prompt 128 --decode 1 --cache none")
    prefill, decode = record["prefill"]["paper"], record["decode"]["paper"]
    check((prefill["rows"], prefill["cols"], prefill["groups_x"], prefill["tree_k"]) == (660, 660, "22", 2), f"{prefill}")
    check((decode["rows"], decode["cols"], decode["groups_y"], decode["fused"]) == (360, 360, "18", 0), f"{decode}")
    check(record["decode"]["best"][0]["cycles"] < decode["cycles"], f"worse than the paper: {record['decode']['best'][0]}")


def cached(plmr, check, small, folder):
    def run(more="", ranks=None):
        code, out, err = plmr.run(f"tune --model {small} {REQUEST} --cache {folder}/c/d {more}".split(), ranks)
        check(code == 0 and not err, f"{more}: {code}, {err}")
        said = re.search(r"cache +(\w+)", out).group(1)
        return said, re.sub(r"\n  cache(.*\n)(?: {4,}.*\n)*", "\n", out)
    said, first = run()
    file, = os.listdir(f"{folder}/c/d")
    check(said == "kept" and file.endswith(".json"), f"{said} {file}")
    for ranks in None, 2:
        said, again = run(ranks=ranks)
        check(said == "from" and again == first, f"from the cache on {ranks} ranks: {said}")
    check(run("--again") == ("kept", first), "--again")
    check(run("--best 2")[0] == "kept" and run("--kv concat")[0] == "kept", "other options are other inputs")
    for name, device in ("even", {}), ("slow", {"slow": [[3, 4, 8.0]]}), ("dead", {"dead": [[2, 2]]}), ("xy", {"router": "xy"}):
        path = os.path.join(folder, name + ".json")
        with open(path, "w") as opened:
            json.dump({"like": "wse2", "title": name, **device}, opened)
        answers = [plmr.run(f"tune --model {small} {REQUEST} --device {path}:rows=20,cols=20,sram=4e6 --cache {place}".split()) for place in
                   (f"{folder}/c/e", "none")]
        found = [re.sub(r"\n  cache(.*\n)(?: {4,}.*\n)*", "\n", out) for _, out, _ in answers]
        check(answers[0][0] == 0 and found[0] == found[1], f"a device that is {name}, with a cache and without: {found}, {answers}")
    with open(f"{folder}/c/d/{file}") as opened:
        good = opened.read()
    report = json.loads(good)
    foreign = json.loads(good)
    foreign["inputs"]["prompt"] = 22
    report["report"]["decode"]["best"][0]["cycles"] = "many"
    for bad in "", "{", "[]", good[:len(good) // 2], json.dumps(foreign), json.dumps(report), '{"inputs": null}':
        with open(f"{folder}/c/d/{file}", "w") as opened:
            opened.write(bad)
        said, out = run()
        check(said == "kept" and out == first, f"a file with {bad[:40]!r}: {said}")
        with open(f"{folder}/c/d/{file}") as opened:
            check(opened.read() == good, f"not rewritten after {bad[:40]!r}")
    check(len(os.listdir(f"{folder}/c/d")) == 3, f"left behind: {os.listdir(f'{folder}/c/d')}")
    code, out, err = plmr.run(f"tune --model {small} {REQUEST} --cache /proc/no".split())
    check(code == 0 and "not kept: --cache: cannot make the folder /proc/no" in re.sub(r"\s+", " ", out), f"{code} {out} {err}")


def by_default(plmr, check, small, folder):
    os.environ["XDG_CACHE_HOME"] = folder
    code, out, _ = plmr.run(f"tune --model {small} {REQUEST}".split())
    check(code == 0 and len(os.listdir(f"{folder}/plmr/tune")) == 1, f"XDG_CACHE_HOME: {out}")
    os.environ["XDG_CACHE_HOME"] = ""
    os.environ["HOME"] = folder
    code, out, _ = plmr.run(f"tune --model {small} {REQUEST}".split())
    check(code == 0 and len(os.listdir(f"{folder}/.cache/plmr/tune")) == 1, f"HOME: {out}")


def refused(plmr, check, small):
    cases = [
        ("--best 11", "at most 10"), ("--prompt 0", "--prompt: '0'"), ("--model nothing", "unknown model 'nothing'"),
        ("--device nothing", "unknown device"), ("--cache", "--cache"), ("--kv both", "--kv: unknown"), ("--fast", "unknown option"),
        (f"--model {small} --prompt 257", "the prompt has 257 tokens"), ("--json /nonexistent/x --model demo --prompt 20 --cache none", "cannot write"),
        ("--model llama3-8b --device wormhole --cache none", "does not fit wormhole in any region"),
        (f"--model {small} --device wse2:rows=20,cols=20,sram=500 --prompt 16 --cache none", "needs more than a core's SRAM"),
        (f"--model {small} --device wse2:rows=20,cols=20,sram=1200 --prompt 16 --wafers 1 --cache none", "give more --wafers"),
    ]
    for args, words in cases:
        code, out, err = plmr.run(["tune"] + args.split())
        check(code == 2 and not out and len(err) == 1 and words in err[0], f"tune {args}: {code}, {out!r}, {err}")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    small = os.path.join(sys.argv[3], "shapes", "small.json")
    ranks_agree(plmr, check, small)
    llm_agrees(plmr, check, small)
    paper(plmr, check)
    with tempfile.TemporaryDirectory() as folder:
        cached(plmr, check, small, folder)
        by_default(plmr, check, small, folder)
    refused(plmr, check, small)
    check.done()


main()
