"""The records: valid JSON, one per line, with the keys that are fixed, in their order; how a file of them appears; and docs/RECORDS.md,
which has every key.

records.py MPIEXEC PLMR [--update]: with --update the tables of RECORDS.md are made anew.
"""
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

from cli import Checks, Plmr, show

KEYS = """command algorithm device rows cols m k n dtype mode ranks cycles virtual_s compute_cycles efficiency hops_critical
stages_critical routes_max routes_limit sram_peak_bytes sram_limit_bytes wavelet_hops energy_j padded_m padded_k padded_n violates
verify_max_abs_err verify_max_rel_err checksum wall_s core_steps_per_s gflops version host date""".split()


def refuse(constant):
    raise ValueError(f"{constant} is not JSON")


def check_record(check, record, args):
    what = show(args)
    check(list(record)[:len(KEYS)] == KEYS, f"{what}: keys {list(record)}")
    check(record["version"] and record["host"], what)
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record["date"]), f"{what}: date {record['date']}")
    if record["cycles"] is None:
        return
    check(math.isclose(record["virtual_s"], record["cycles"] / 1.1e9), f"{what}: virtual_s")
    check(math.isclose(record["energy_j"], 15000 * record["virtual_s"]), f"{what}: energy_j")
    parts = [record[f"energy_{part}_j"] for part in ("compute", "sram", "fabric", "idle")]
    check(math.isclose(record["energy_estimate_j"], sum(parts)) and all(part >= 0 for part in parts), f"{what}: estimate")
    macs = {"gemm": ("m", "k", "n"), "gemv": ("k", "n")}.get(record["command"])
    if macs:
        check(record["multiply_adds"] == math.prod(record[f"padded_{d}"] for d in macs), f"{what}: multiply_adds")
    check(record["checksum"] is None or re.fullmatch("[0-9a-f]{16}", record["checksum"]), f"{what}: checksum")
    check((record["checksum"] is None) == (record["mode"] == "timing"), f"{what}: values in timing mode")
    if record["command"] != "allreduce":
        check(math.isclose(record["efficiency"], record["compute_cycles"] / record["cycles"]), f"{what}: efficiency")


def parse(check, text, args):
    records = [json.loads(line, parse_constant=refuse) for line in text.splitlines()]
    for record in records:
        check_record(check, record, args)
    return records


def test_streams(plmr, check):
    """With - the records are alone on standard output, and the table is on standard error."""
    for args in ("gemm --m 67 --k 101 --n 59 --cores 13x13", "gemv --k 331 --n 277 --cores 21x21 --mode timing",
                 "allreduce --length 20 --cores 10", "gemm --m 40 --k 40 --n 40 --cores 10x10 --verify --dtype bf16"):
        args = args.split() + ["--json", "-"]
        code, out, err = plmr.run(args, 2)
        records = parse(check, out, args)
        check(code == 0 and len(records) >= 3, f"{show(args)}: {code}, {err}")
        check(any(line.startswith("algorithm") for line in err), f"{show(args)}: no table on standard error")
        verified = "--verify" in args
        check(all((r["verify_max_abs_err"] is not None) == verified for r in records), f"{show(args)}: verification")
        check(all(r["ranks"] == 2 for r in records), f"{show(args)}: ranks")


def test_quiet(plmr, check):
    """With --quiet the records alone are left, or nothing at all."""
    for args in ("gemm --m 67 --k 101 --n 59 --cores 13x13 --verify", "allreduce --length 20 --cores 10",
                 "llm --prompt 16 --decode 2 --prefill-cores 60x60 --decode-cores 60x60"):
        args = args.split() + ["--quiet"]
        check(plmr.run(args, 2) == (0, "", []), f"{show(args)}: prints")
        code, out, err = plmr.run(args + ["--json", "-"], 2)
        check(code == 0 and out.count('{"command"') == out.count("\n") > 0 and not err, f"{show(args)}: {code}, {out}, {err}")


def test_host(plmr, check):
    """A rank's own work, its messages and its waiting add up to the wall time; what was sent is told."""
    for args in (["gemm", "--m", "200", "--k", "200", "--n", "200", "--cores", "20x20", "--alg", "meshgemm"],
                 ["gemv", "--k", "331", "--n", "277", "--cores", "21x21", "--alg", "meshgemv"],
                 ["llm", "-m", "demo", "--mode", "compute", "--prompt", "8", "--decode", "2"]):
        for ranks in 1, 2:
            record, = plmr.records(args, ranks)
            what = f"{show(args, ranks)}: "
            parts = sum(record[f"wall_{part}_s"] for part in ("compute", "exchange", "wait"))
            wall_s = record["wall_s"]
            check(math.isclose(parts, wall_s, rel_tol=1e-6) or args[0] == "llm" and 0 < parts < wall_s, what + f"{parts} s")
            for part in "compute", "exchange", "wait":
                low, mean, high = (record[f"wall_{part}_s{end}"] for end in ("_min", "", "_max"))
                check(0 <= low <= mean + 1e-9 and mean <= high + 1e-9, what + f"{part}: {low}, {mean}, {high}")
                check(0 <= record[f"wall_{part}_rank_max"] < ranks, what + part)
            check((record["messages"] > 0) == (record["bytes_sent"] > 0) == (ranks > 1), what + "messages")
            check((record["hidden_share"] is None) == (ranks == 1), what + f"hidden {record['hidden_share']}")
            check(record["rss_peak_bytes"] > 1 << 20, what + "memory")


def test_all_that_there_are(plmr, check):
    """Of all allreduces those are run that there are for a root and on short lines."""
    names = {record["algorithm"] for record in plmr.records(["allreduce", "--cores", "16"])}
    for args in (["--cores", "16", "--root", "3"], ["--cores", "2"], ["--cores", "9x2"]):
        records = plmr.records(["allreduce"] + args, 2)
        check({record["algorithm"] for record in records} == names - {"ring", "scatter"}, f"{args}: {records}")
    code, out, err = plmr.run(["allreduce", "--cores", "2", "--alg", "chain,ring", "--json", "-"])
    check(code == 2 and not out and len(err) == 1 and "at least 3 cores" in err[0], f"a ring of two: {code}, {out}, {err}")


def test_file(plmr, check, folder):
    path = folder + "/r.jsonl"
    args = ["gemm", "--m", "40", "--k", "40", "--n", "40", "--cores", "10x10", "--json", path]
    code, out, err = plmr.run(args, 2)
    check(code == 0 and not err and out.count("\n") > 8, f"{show(args)}: {code}, {err}")
    with open(path, encoding="utf-8") as file:
        check(len(parse(check, file.read(), args)) == 6, f"{show(args)}: one record per algorithm")
    check(os.listdir(folder) == ["r.jsonl"], f"{show(args)} leaves {os.listdir(folder)}")
    with open(path, encoding="utf-8") as file:
        before = file.read()
    code, _, _ = plmr.run(args + ["--device", "nosuch"])
    with open(path, encoding="utf-8") as file:
        check(code == 2 and file.read() == before, "a run that fails leaves an older file alone")


def test_full(plmr, check):
    """Output that cannot be written is a failure, and not silent; then no file gets its name."""
    with open("/dev/full", "w", encoding="utf-8") as stdout, tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([plmr.binary, "gemm", "--m", "9", "--k", "9", "--n", "9", "--cores", "3x3", "--json", folder + "/r"],
                              stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
        check(done.returncode == 1 and not os.listdir(folder), f"{done.returncode} {done.stderr}, left: {os.listdir(folder)}")
    for out in ([], ["--json", "/dev/full"], None):
        args = "gemm --m 9 --k 9 --n 9 --cores 3x3".split() + out if out is not None else ["--options"]
        with open("/dev/full" if not out else os.devnull, "w", encoding="utf-8") as stdout:
            done = subprocess.run([plmr.binary] + args, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
        check(done.returncode == 1 and done.stderr.count("\n") == 1, f"{show(args)}: {done.returncode} {done.stderr}")


def test_misfits(plmr, check):
    """What does not fit beside others that do is a record of its own."""
    args = "gemm --m 1900 --k 1900 --n 1900 --cores 60x60 --mode timing".split()
    records = {r["algorithm"]: r for r in plmr.records(args, 2)}
    misfit, fits = records["allgather"], records["meshgemm"]
    check(misfit["violates"] == "M" and misfit["cycles"] is None and "SRAM" in misfit["error"], str(misfit))
    check(misfit["sram_peak_bytes"] > misfit["sram_limit_bytes"], str(misfit))
    check(fits["violates"] == "" and fits["cycles"] > 0 and fits["error"] is None, str(fits))
    allowed = {r["algorithm"]: r for r in plmr.records(args + ["--allow", "M"], 2)}["allgather"]
    check(allowed["violates"] == "M" and allowed["cycles"] > 0 and allowed["error"] is None, str(allowed))


def shared(plmr, name):
    """Where the program has a file that came with it."""
    return os.path.join(re.search(", with (.*)", plmr.run(["--version"])[1])[1], name)


def test_provenance(plmr, check, folder):
    """A record's last key says what it is made of: the words, the program, the device's numbers, the files."""
    text, link = os.path.join(folder, "a text.txt"), os.path.join(folder, "own.json")
    with open(text, "w", encoding="utf-8") as file:
        file.write("One day a little dog saw a big tree. " * 9)
    args = ["perplexity", "-f", text, "--context", "32"]
    first, again = (plmr.records(args, ranks)[0] for ranks in (1, 2))
    made = first["provenance"]
    check(list(first)[-1] == "provenance" and made == again["provenance"], f"{made} but {again['provenance']}")
    check(made["line"] == args + ["--json", "-"], f"line {made['line']}")
    check(re.fullmatch("[0-9a-f]{40}", made["build"]) and made["revision"], str(made))
    check(sorted(made["files"]) == sorted([text, "share/devices/wse2.json", "share/models/demo.gguf"]), str(made["files"]))
    version = plmr.run(["--version"])[1]
    check(f"({made['revision']}, build {made['build']}), with " in version, version)
    with open(text, "a", encoding="utf-8") as file:
        file.write(".")
    other = plmr.records(args)[0]["provenance"]
    changed = [path for path in other["files"] if other["files"][path] != made["files"][path]]
    check(changed == [text], f"{changed} changed")
    gemm = "gemm --m 8 --k 8 --n 8 --cores 8x8 --alg meshgemm --device".split()
    os.symlink(shared(plmr, "devices/wse2.json"), link)
    shipped, own, hop = (plmr.records(gemm + [device])[0]["provenance"] for device in ("wse2", link, "wse2:hop=2"))
    check(shipped["device"] == made["device"] == own["device"] != hop["device"], f"{shipped}, {own}, {hop}")
    check(list(own["files"]) == [link] and list(hop["files"]) == list(shipped["files"]), f"{own}, {hop}")


def test_other_build(plmr, check, folder):
    """Ranks of another program than rank 0's are refused."""
    other = os.path.join(folder, "plmr")
    build = bytes.fromhex(re.search("build ([0-9a-f]+)", plmr.run(["--version"])[1])[1])
    with open(plmr.binary, "rb") as file:
        program = file.read()
    check(program.count(build) == 1, "the linker's mark")
    with open(other, "wb") as file:
        file.write(program.replace(build, build[::-1]))
    os.chmod(other, 0o755)
    for first, second in ((plmr.binary, other), (plmr.binary, plmr.binary)):
        done = subprocess.run([plmr.mpiexec, "-n", "1", first, "topo", ":", "-n", "1", second, "topo"], capture_output=True,
                              text=True, check=False, timeout=60)
        refused = "start the same program everywhere" in done.stderr
        check(refused == (second == other) == (done.returncode == 1), f"{second}: {done.returncode} {done.stderr}")


def test_other_model(plmr, check, folder):
    """So is a model's file that differs from rank 0's, as it may on another host."""
    line = "generate -n 1 -m model.gguf".split()
    shipped = shared(plmr, "models/demo.gguf")
    for name in "ab":
        os.mkdir(os.path.join(folder, name))
        shutil.copy(shipped, os.path.join(folder, name, "model.gguf"))
    with open(os.path.join(folder, "b", "model.gguf"), "r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"0123")
    binary = os.path.abspath(plmr.binary)
    command = [plmr.mpiexec, "-n", "1", "-wdir", os.path.join(folder, "a"), binary] + line
    command += [":", "-n", "1", "-wdir", os.path.join(folder, "b"), binary] + line
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    check(done.returncode == 1 and "model.gguf is not the file that rank 0 has" in done.stderr, done.stderr)


def test_verify(plmr, check, folder):
    """A record's command line, run again, gives the same figures, on other ranks too, whatever version made it; a figure that is
    not the same is told."""
    path, trace = os.path.join(folder, "v.jsonl"), os.path.join(folder, "trace.json")
    lines = []
    for args in ("gemm --m 40 --k 40 --n 40 --cores 10x10 --verify --seed 7", "allreduce --length 20 --cores 10 --mode=timing",
                 f"llm -mdemo --mode compute --prompt 8 --decode 2 --trace {trace}", "serve --model demo --cores 30x30 --rate 50 --requests 20 --lengths 16/8"):
        lines += plmr.run(args.split() + ["--json", "-"])[1].splitlines()
    os.remove(trace)
    for args in ("generate -p Once -n 3 --device wormhole --json-logprobs 2", "tune --model demo --device wormhole --prompt 16 --decode 2 --best 1 "
                 f"--cache {folder}/tuned"):
        lines.append(plmr.run(args.split() + ["--json", "-"])[1].splitlines()[-1])
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n" + plmr.run("generate -p Once -n 3 --device wormhole --json -".split())[1].splitlines()[-1] + "\n\n")
    code, out, err = plmr.run(["verify", path])
    check(code == 0 and not err and "1 record of 1 run:" in out, f"blank lines, a generate: {code} {out} {err}")
    for bad, words in (folder, "cannot read: Is a directory"), (path + "x", "cannot open: No such file"), (os.devnull, "is empty"):
        code, out, err = plmr.run(["verify", bad])
        check(code == 2 and len(err) == 1 and words in err[0], f"{bad}: {code} {out} {err}")
    lines[0] = json.dumps(json.loads(lines[0]) | {"version": "0.0.1"})
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    same = f"{len(lines)} records of 6 runs: every figure that does not depend on the host is the same\n"
    for args, ranks in ((["verify", path], 2), (["verify", "--quick", path], None)):
        code, out, err = plmr.run(args, ranks)
        check(code == 0 and not err and (out == same or "--quick" in args and out.count("\n") == 1), f"{args}: {out} {err}")
    check(not os.path.exists(trace), "what was written beside the record is written again")
    with open(path, "w", encoding="utf-8") as file:
        record = json.loads(lines[0])
        record.update(cycles=record["cycles"] + 1, wall_s=9, ranks=77)
        record["provenance"]["files"] = {name: "0" for name in record["provenance"]["files"]}
        file.write("\n".join([lines[1], "", json.dumps(record), lines[2]]) + "\n")
    code, out, err = plmr.run(["verify", path])
    told = out.splitlines()
    check(code == 1 and err == ["plmr verify: 1 of 3 records are not as they were"] and len(told) == 2, f"{code} {out} {err}")
    check(told[0].startswith(f"{path}:3: ") and told[1].endswith("wse2.json has changed"), out)
    del record["provenance"]
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    check(plmr.run(["verify", path])[0] == 2, "a record without a command line")
    with open(path, "w", encoding="utf-8") as file:
        file.write(lines[1] + '\n{"key": "0", "command": "gemm", "error": "too large"}\n')
    code, out, err = plmr.run(["verify", path])
    check(code == 0 and not err and f"{path}: 1 record ended with an error" in out and "command line" not in out, f"a sweep's error: {code} {out} {err}")


ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PROVENANCE = {"line", "revision", "build", "device", "files"}
BY_NAME = {"files", "point"}  # what these hold is named by others
SMALL = "--prefill-cores 12x12 --decode-cores 12x12"
EXPERIMENT = {"title": "t", "question": "q", "columns": ["alg"], "plots": [{"title": "t", "x": "alg", "y": "cycles", "x_label": "x", "y_label": "y"}],
              "runs": {"small": {"command": "gemm", "options": {"m": 9, "k": 9, "n": 9, "cores": "3x3"}, "vary": {"alg": ["cannon"]}}}}


def keys_in(value):
    """Of an object and of all that it holds."""
    if isinstance(value, list):
        return set().union(*map(keys_in, value))
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(keys_in(inner) for key, inner in value.items() if key not in BY_NAME))


def test_documented(plmr, check, folder, update):
    """Every key of a small run of each command (bench, which takes long, left out) is in the page, whose tables are those of the fields."""
    sys.path.insert(0, os.path.join(ROOT, "docs"))
    from records import page, read_lists, told_keys
    path, text = os.path.join(ROOT, "docs", "RECORDS.md"), os.path.join(folder, "text")
    with open(os.path.join(ROOT, "src", "report", "record.h"), encoding="utf-8") as header, open(path, encoding="utf-8") as file:
        now = file.read()
        want = page(now, read_lists(header.read()))
    if update:
        with open(path, "w", encoding="utf-8") as file:
            file.write(want)
    check(now == want or update, "the tables of RECORDS.md are old: records.py --update")
    with open(text, "w", encoding="utf-8") as file:
        file.write("Once upon a time there was a dog. " * 9)
    with open(text + ".json", "w", encoding="utf-8") as file:
        json.dump(EXPERIMENT, file)
    told, runs = told_keys(want), (
        "gemm --m 9 --k 9 --n 9 --cores 3x3 --verify --alg cannon", "gemv --k 9 --n 9 --cores 3x3 --alg ring", "allreduce --cores 4 --alg ktree",
        f"generate -n 2 --json-logprobs 1 {SMALL}", f"llm -m demo-moe --prompt 4 --decode 2 {SMALL}", f"logits -p a --out {text}.logits",
        "serve --model demo --device wormhole --rate 50 --requests 2 --lengths 4/2 --mode compute", f"perplexity -f {text} --context 16",
        "tune -m demo --device wormhole --prompt 4 --decode 2 --cache none", "model demo-moe", "tokenize -p Once", "topo", "paper --figure 6",
        "validate cs-tasks", f"scale strong --from {text}.records", f"sweep {text}.json --out {text}.sweep")
    for args in runs:
        command, out = args.split()[0], []
        if command == "sweep":
            check(plmr.run(args.split())[0] == 0, args)
            out = [json.loads(line) for line in open(os.path.join(text + ".sweep", "records.jsonl"), encoding="utf-8")]
        else:
            out = plmr.records(args.split())
        if command == "gemm":
            with open(text + ".records", "w", encoding="utf-8") as file:
                file.writelines(json.dumps(record) + "\n" for record in out)
        known = told[command] | (told["gemm"] if command == "sweep" else set()) | PROVENANCE
        check(out and keys_in(out) <= known, f"RECORDS.md lacks {sorted(keys_in(out) - known)} of {command}")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    test_streams(plmr, check)
    test_quiet(plmr, check)
    test_misfits(plmr, check)
    test_all_that_there_are(plmr, check)
    test_host(plmr, check)
    test_full(plmr, check)
    with tempfile.TemporaryDirectory() as folder:
        test_file(plmr, check, folder)
        test_provenance(plmr, check, folder)
        test_verify(plmr, check, folder)
        test_other_build(plmr, check, folder)
        test_other_model(plmr, check, folder)
        test_documented(plmr, check, folder, "--update" in sys.argv[3:])
    check.done()


main()
