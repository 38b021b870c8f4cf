"""Algorithms that are written with public headers alone cost what the built-in ones cost, to the last cycle, word, route and
byte. Usage: same.py MPIEXEC PLMR CANNON SUMMA GEMV"""
import json
import os
import subprocess
import sys

os.environ["ASAN_OPTIONS"] = "detect_leaks=0"  # programs link the library alone, without what keeps MPI's leaks out

mpiexec, plmr, cannon, summa, gemv = sys.argv[1:]
KEYS = ["cycles", "compute_cycles", "efficiency", "routes_max", "routes_program", "sram_peak_bytes", "wavelet_hops",
        "hops_critical", "stages_critical", "steps", "multiply_adds", "energy_j", "energy_estimate_j", "dtype", "m", "k", "n"]
GEMMS = [
    "--m 128 --k 128 --n 128 --cores 16x16 --dtype f16",
    "--m 100 --k 70 --n 130 --cores 9x9 --dtype f32",
    "--m 64 --k 200 --n 33 --cores 12x12 --dtype bf16 --device wse3",
    "--m 64 --k 64 --n 64 --cores 8x8 --dtype f32 --device wormhole --allow M,R",
    "--m 60 --k 90 --n 30 --cores 30x30 --dtype f16 --device wse2:hop=3,routes=16",
    "--m 50 --k 50 --n 50 --cores 7x7 --dtype f16 --device wse2:topology=torus,rows=7,cols=7",
]
GEMVS = [
    "--k 300 --n 200 --cores 16x16 --dtype f16",
    "--k 512 --n 64 --cores 20x5 --dtype f32",
    "--k 512 --n 640 --cores 12x30 --dtype bf16 --device wse3",
]


def record(*command):
    done = subprocess.run([*command, "--json", "-"], capture_output=True, text=True, check=False, timeout=60)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0 and len(lines) == 1, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return json.loads(lines[0])


def hold(own, ranks, built_in, options):
    mine = record(mpiexec, "-n", str(ranks), *own, *options.split(), "--verify")
    theirs = record(plmr, *built_in, *options.split())
    assert mine["verified"] == "yes", mine
    for key in KEYS:
        assert mine[key] == theirs[key], f"{own} {options}: {key} is {mine[key]}, of the built-in {theirs[key]}"


for i, options in enumerate(GEMMS):
    hold([cannon], 1 + i % 2, ["gemm", "--alg", "cannon"], options)
    hold([cannon, "--interleaved"], 2 - i % 2, ["gemm", "--alg", "meshgemm"], options)
    hold([summa], 1 + i % 2, ["gemm", "--alg", "summa"], options)
for i, options in enumerate(GEMVS):
    hold([gemv], 1 + i, ["gemv", "--alg", "meshgemv"], options)
    hold([gemv, "--alg", "chain"], 2, ["gemv", "--alg", "pipeline"], options)
print("own algorithms cost what the built-in ones cost")
