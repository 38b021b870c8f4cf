"""plmr topo: every core of the region has one rank, which runs somewhere; and what is warned of at the start of a run.

topo.py MPIEXEC PLMR
"""
import json
import os
import socket
import subprocess
import sys

from cli import Checks, Plmr, show

os.environ.pop("HWLOC_XMLFILE", None)  # what is tested is a look at the machine


def owners(check, records, rows, cols, what):
    """Every core's rank."""
    owner = {}
    for r in records:
        for row in range(r["first_row"], r["last_row"] + 1):
            for col in range(r["first_col"], r["last_col"] + 1):
                check((row, col) not in owner, f"{what}: core {row},{col} has two ranks")
                owner[row, col] = r["rank"]
    check(len(owner) == rows * cols, f"{what}: {len(owner)} cores have a rank")


def covers(plmr, check):
    for ranks, more in ((None, []), (2, []), (4, []), (6, []), (4, ["--ranks", "1x4"]), (3, ["--ranks", "3x1"])):
        args = ["topo", "--cores", "13x17"] + more
        records = plmr.records(args, ranks)
        what = show(args, ranks)
        check(sorted(r["rank"] for r in records) == list(range(ranks or 1)), f"{what}: {records}")
        check(records[0]["rank"] == records[0]["row"] == records[0]["col"] == 0, f"{what}: {records[0]}")
        check(all(r["host"] == socket.gethostname() and r["host_cores"] >= 1 for r in records), f"{what}: {records}")
        owners(check, records, 13, 17, what)
        if more:
            rows, cols = map(int, more[1].split("x"))
            check(max(r["row"] for r in records) == rows - 1 and max(r["col"] for r in records) == cols - 1, what)


def pictures(plmr, check):
    code, out, err = plmr.run(["topo"], 2)
    check(code == 0 and not err and "rank" in out and "   0a\n" in out and "   1a\n" in out, f"{code} {out} {err}")


def reports(plmr, check):
    """The report of a run and its record say where the ranks are."""
    args = "gemm --m 40 --k 40 --n 40 --cores 10x10 --alg meshgemm".split()
    code, out, _ = plmr.run(args, 2)
    check(code == 0 and "rank 0" in out and "rows 5..9, columns 0..9 on " + socket.gethostname() in out, out)
    record, = plmr.records(args, 2)
    first, second = record["placement"].split("; ")
    check(first.startswith("0 rows 0..4 cols 0..9 on ") and second.startswith("1 rows 5..9 cols 0..9 on "), record["placement"])
    check(record["hosts"] == 1, str(record))
    record, = plmr.records("llm -m demo --mode compute --prompt 8 --decode 2 --decode-cores 9x12".split(), 3)
    check(record["placement"].count("; ") == 2 and "2 rows 0..8 cols 8..11 on " in record["placement"], record["placement"])


def binds(plmr, check):
    """PLMR_BIND=core gives each rank a core, where there are as many; values do not depend on it."""
    args = "gemm --m 40 --k 41 --n 38 --cores 10x10 --alg meshgemm".split()
    free = plmr.records(args, 2)[0]["checksum"]
    os.environ["PLMR_BIND"] = "core"
    first, second = plmr.records(["topo"], 2)
    if first["host_cores"] >= 2:
        check(first["bound"] and second["bound"] and first["core"] != second["core"], f"{first} {second}")
    else:
        check(not first["bound"], f"{first}")
    check(plmr.records(args, 2)[0]["checksum"] == free, "bound ranks compute something else")
    many = plmr.records(["topo", "--cores", "40x40", "--ranks", f"1x{first['host_cores'] + 1}"], first["host_cores"] + 1)
    check(not any(r["bound"] for r in many), f"{many}")
    del os.environ["PLMR_BIND"]


def kernels(plmr, check):
    """Ranks of a machine with other instructions than another's: the same bits."""
    with open("/proc/cpuinfo", encoding="ascii") as file:
        flags = set(file.read().split())
    have = ["portable"] + [name for name, flag in (("avx2", "avx2"), ("avx512", "avx512bw")) if flag in flags]
    for args, key in (("gemm --m 40 --k 41 --n 38 --cores 10x10 --alg meshgemm --dtype f16", "checksum"),
                      ("llm -m demo --mode compute --prompt 6 --decode 3 --prefill-cores 8x8 --decode-cores 8x8", "checksum")):
        alone, = plmr.records(args.split())
        words = [word for i, name in enumerate((have * 3)[:3])
                 for word in ([":"] if i else []) + ["-n", "1", "env", f"PLMR_KERNEL={name}", plmr.binary, *args.split(), "--json", "-"]]
        mixed = subprocess.run([plmr.mpiexec, *words], capture_output=True, text=True, timeout=120, check=False)
        check(mixed.returncode == 0 and json.loads(mixed.stdout)[key] == alone[key], f"{args} on ranks with {have}: {mixed.stderr}")


def warnings(plmr, check):
    """More ranks than cores are warned of once, and PLMR_QUIET leaves it out."""
    ranks = (os.cpu_count() or 1) + 1
    args = "gemm --m 40 --k 40 --n 40 --cores 16x40 --alg meshgemm --ranks".split() + [f"1x{ranks}"]
    if ranks > 40:
        return
    os.environ["PLMR_QUIET"] = ""
    code, _, err = plmr.run(args, ranks)
    check(code == 0 and len(err) == 1 and err[0].startswith(f"plmr: warning: {ranks} ranks share the "), f"{code} {err}")
    code, _, err = plmr.run("llm -m demo --prompt 8 --decode 2".split(), ranks)
    check(code == 0 and len(err) == 1 and "warning" in err[0], f"{code} {err}")
    os.environ["PLMR_QUIET"] = "1"
    code, _, err = plmr.run(args, ranks)
    check(code == 0 and not err, f"{code} {err}")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    covers(plmr, check)
    pictures(plmr, check)
    reports(plmr, check)
    binds(plmr, check)
    kernels(plmr, check)
    warnings(plmr, check)
    check.done()


main()
