"""plmr scale: it runs and it collects, the figures follow from the records, wrong input is one line; memory falls with the ranks.

scale.py MPIEXEC PLMR
"""
import json
import math
import os
import subprocess
import sys
import tempfile

from cli import Checks, Plmr, show

KEYS = """kind workload ranks wall_s speedup efficiency compute_s exchange_s wait_s_min wait_s_max wait_rank_max bytes messages
rss_bytes hidden_share source""".split()
GEMM = "gemm --alg meshgemm --m 96 --k 96 --n 96 --cores 12x12"


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def points(plmr, args):
    code, out, err = plmr.run(["scale"] + args + ["--json", "-"])
    if code != 0:
        raise AssertionError(f"plmr scale {' '.join(args)} ends with {code}: {err}")
    return lines(out), err


def runs(plmr, check, folder):
    """Strong: the figures are those of the median run, and --from gives the same again."""
    raw, ranks = os.path.join(folder, "raw.jsonl"), [1, 2, 3]
    args = ["strong", "--ranks", "1,2,3", "--repeat", "3", "--records", raw, "--"] + GEMM.split()
    code, out, err = plmr.run(["scale"] + args[:5] + ["--records", raw, "--json", "-", "--"] + GEMM.split())
    check(code == 0, f"{code} {err}")
    got = lines(out)
    with open(raw, encoding="utf-8") as file:
        records = lines(file.read())
    check(len(records) == 9 and [p["ranks"] for p in got] == ranks, f"{len(records)} records, {got}")
    for p in got:
        check(list(p)[:len(KEYS)] == KEYS, f"keys are {list(p)}")
        walls = sorted(r["wall_s"] for r in records if r["ranks"] == p["ranks"])
        check(math.isclose(p["wall_s"], walls[1], rel_tol=1e-6) and p["runs"] == 3, f"{p['wall_s']} of {walls}")
        check(math.isclose(p["speedup"], got[0]["wall_s"] / p["wall_s"], rel_tol=1e-6), f"speed-up {p}")
        check(math.isclose(p["efficiency"], p["speedup"] / p["ranks"], rel_tol=1e-6), f"efficiency {p}")
        check(p["kind"] == "strong" and p["workload"] == "gemm" and p["source"] == "measured", str(p))
        check((p["messages"] > 0) == (p["ranks"] > 1) and p["rss_bytes"] > 1 << 20, str(p))
        check(0 <= p["wait_s_min"] <= p["wait_s_max"] and 0 <= p["wait_rank_max"] < p["ranks"], str(p))
    check(any(line.startswith("strong scaling of gemm: meshgemm, 96 x 96 x 96") for line in err), f"no table: {err}")
    again, _ = points(plmr, ["strong", "--from", raw])
    check([{**p, "date": 0} for p in again] == [{**p, "date": 0} for p in got], "--from tells another story")
    return records


def grows(plmr, check):
    """Weak: the problem grows with the ranks, and so does the work; a rank's rate is what is compared."""
    args = ["weak", "--ranks", "1,2", "--repeat", "1", "--json", "-", "--"] + GEMM.replace("--m 96", "--m {96}").split()
    code, out, err = plmr.run(["scale"] + args)
    check(code == 0, f"{code} {err}")
    one, two = lines(out)
    check("96 x 96 x 96" in one["problem"] and "192 x 96 x 96" in two["problem"], f"{one} {two}")
    check(math.isclose(two["efficiency"], one["wall_s"] / two["wall_s"], rel_tol=1e-6), f"{one} {two}")
    word = "llm -m demo --phase decode --mode compute --context 8 --decode 2 --layers 0..{1+1}"
    code, out, err = plmr.run(["scale", "weak", "--ranks", "2,1", "--repeat", "1", "--json", "-", "--"] + word.split())
    check(code == 0, f"{code} {err}")
    one, two = lines(out)
    check(one["ranks"] == 1 and "layers 0..2" in one["problem"] and "layers 0..3" in two["problem"], f"{one} {two}")
    check(one["workload"] == "decode" and one["step"] == "token" and one["steps"] == 2, str(one))


def collects(plmr, check, folder, records):
    """Files of several problems; what differs where it must not."""
    path = os.path.join(folder, "more.jsonl")
    other = [{**r, "m": 95} for r in records]
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(r) + "\n" for r in [{"command": "topo"}] + records + other)
    got, _ = points(plmr, ["strong", "--from", path, path])
    check([p["ranks"] for p in got] == [1, 2, 3] * 2 and all(p["runs"] == 6 for p in got), str(got))
    got, _ = points(plmr, ["weak", "--from", path])
    check([p["ranks"] for p in got] == [1, 2, 3], str(got))
    gone = ("wall_wait_rank_max", "wall_exchange_rank_max", "bytes_sent", "messages", "rss_peak_bytes")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({key: value for key, value in records[0].items() if key not in gone}, file)
    (point,), text = points(plmr, ["strong", "--from", path])
    check(all(point[key] is None for key in ("wait_rank_max", "exchange_rank_max", "bytes", "messages", "rss_bytes")), str(point))
    check(text[-1].split()[1:] == ["-"] * 4, f"what is not known: {text[-1]}")
    for wrong in {"checksum": "0" * 16}, {"cycles": 1}:
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(r) + "\n" for r in records[:-1] + [{**records[-1], **wrong}])
        code, _, err = plmr.run(["scale", "strong", "--from", path])
        check(code == 1 and len(err) == 1 and "differ" in err[0], f"{wrong}: {code} {err}")


def refuses(plmr, check, folder):
    empty, bad, nothing = (os.path.join(folder, name) for name in ("empty", "bad", "nothing"))
    for path, text in ((empty, ""), (bad, "{\n"), (nothing, '{"command": "topo"}\n')):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    odd = os.path.join(folder, "odd")
    with open(odd, "w", encoding="utf-8") as file:
        file.write('{"command": "gemm", "ranks": -3}\n')
    for args, code, words in (
            ([], 2, "strong or weak"), (["strogn"], 2, "did you mean 'strong'"), (["strong", "weak"], 2, "unexpected 'weak'"),
            (["strong", "--ranks", "1,0"], 2, "--ranks: '0'"), (["strong", "--ranks", "1,,2"], 2, "--ranks: ''"),
            (["strong", "--workload", "gem"], 2, "--workload"), (["strong", "--"], 2, "a command of plmr is missing"),
            (["strong", "--from", empty], 2, "is empty"), (["strong", "--from", nothing], 2, "no records of runs"),
            (["strong", "--from", bad], 2, "bad: line 1: not a record"), (["strong", "--from", odd], 2, "odd: line 1: \"ranks\""),
            (["strong", "--from", folder + "/gone"], 2, "cannot open"), (["strong", "--from", folder], 2, "cannot read"),
            (["strong", "--from", bad, "--ranks", "1"], 2, "leave out"),
            (["strong", "--repeat", "1", "--ranks", "1", "--", "gemm", "--m", "0"], 2, "on 1 rank: plmr gemm: --m: '0'"),
            (["strong", "--repeat", "1", "--ranks", "1", "--", "device", "list"], 2, "plmr device: unknown option '--json'"),
            (["strong", "--repeat", "1", "--ranks", "1", "--", "model"], 2, "does no work that scales")):
        got, out, err = plmr.run(["scale"] + args)
        check(got == code and len(err) == 1 and words in err[0] and not out, f"plmr scale {args}: {got} {err}")
    code, _, err = plmr.run(["scale", "strong"], 1)
    check(code == 2 and "start it without" in err[0], f"under mpirun: {code} {err}")
    with open(os.path.join(folder, "tell me"), "w", encoding="utf-8") as file:
        file.write("import sys\nsys.exit('-----\\nCannot open the\\nfile:\\n   gone\\n\\nMore.\\n-----')\n")
    for launcher, words in (("nosuchlauncher -n {n}", "cannot start nosuchlauncher"), (" ", "lacks {n}"),
                            ("false {n}", "without saying why"), (plmr.mpiexec, "lacks {n}"),
                            (f"'{folder}/my own' -n {{n}}", f"cannot start {folder}/my own:"), ("'mpirun -n {n}", "its quotes"),
                            (f"{sys.executable} '{folder}/tell me' {{n}}", "on 2 ranks: Cannot open the file: gone\n"),
                            ("env N={n}", "was to run on 2 ranks, and says that it had 1")):
        gemm = "--ranks 2 --repeat 1 -- gemm --alg cannon --m 64 --k 64 --n 64 --cores 8x8".split()
        done = subprocess.run([plmr.binary, "scale", "strong"] + gemm, capture_output=True, text=True, check=False,
                              env=dict(os.environ, PLMR_LAUNCHER=launcher))
        check(done.returncode in (1, 2) and done.stderr.count("\n") == 1 and words in done.stderr, f"{launcher}: {done}")
    sees = os.path.join(folder, "sees")
    with open(sees, "w", encoding="utf-8") as file:
        file.write("import os, sys\nsys.exit('plmr sees ' + os.environ.get('FIRST', 'nothing'))\n")
    done = subprocess.run([plmr.binary, "scale", "strong", "--ranks", "1"], capture_output=True, text=True, check=False,
                          env={"FIRST": "it", **os.environ, "ODD": "\udcff", "PLMR_LAUNCHER": f"{sys.executable} {sees} {{n}}"})
    check("plmr sees it" in done.stderr, f"a variable that is no text: {done}")
    check(not [name for name in os.listdir(folder) if name.endswith(".part")], f"left behind: {os.listdir(folder)}")


def memory(plmr, check):
    """A rank's memory is its share of operands and weights, and what a process needs in any case; of a GEMM on a grid of
    ranks also what is in flight along both axes, and a second A while it is aligned. Resident is what is touched, so nothing
    may fill memory that the program does not."""
    os.environ["MALLOC_PERTURB_"] = "0"
    for most, big, small in ((1.4, "gemv --alg meshgemv --k 8192 --n 4096 --dtype f32 --cores 64x64 --allow M",
                              "gemv --alg meshgemv --k 64 --n 64 --dtype f32 --cores 64x64"),
                             (2.7, "gemm --alg meshgemm --m 2048 --k 2048 --n 2048 --dtype f32 --cores 64x64 --allow M",
                              "gemm --alg meshgemm --m 64 --k 64 --n 64 --dtype f32 --cores 64x64"),
                             (1.4, "llm --layers 0..1 --mode compute --phase decode --context 8 --decode 1 --decode-cores 64x64 "
                                   "--allow M",
                              "llm -m demo --mode compute --phase decode --context 8 --decode 1 --decode-cores 64x64")):
        held = {}
        for ranks in 1, 4:
            at_most, fixed = (plmr.records(args.split(), ranks)[0]["rss_peak_bytes"] for args in (big, small))
            held[ranks] = at_most - fixed
        check(held[4] * 4 < most * held[1], f"{show(big.split(), 4)}: {held[4]:,} B, alone {held[1]:,} B")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    with tempfile.TemporaryDirectory() as folder:
        refuses(plmr, check, folder)
        collects(plmr, check, folder, runs(plmr, check, folder))
    grows(plmr, check)
    memory(plmr, check)
    check.done()


main()
