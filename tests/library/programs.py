"""Random programs cost the same, and each core is done at the same time, on any grid of ranks, with values and without, step by
step and by shortcuts. Usage: programs.py PROGRAM MPIEXEC"""
import os
import subprocess
import sys

os.environ["ASAN_OPTIONS"] = "detect_leaks=0"  # programs link the library alone, without what keeps MPI's leaks out
program, mpiexec = sys.argv[1:]
GRIDS = ["1x1", "1x2", "2x1", "1x4", "4x1", "2x2", "6x1", "3x1"]
DEVICES = ["wse2:routes=1000", "wormhole:rows=8,cols=8,ring_rows=0,ring_cols=0", "wse2:routes=1000,border_rows=3,border_cols=4,border_hop=9"]


def run(grid, *more):
    ranks = eval(grid.replace("x", "*"))
    launcher = [] if ranks == 1 else [mpiexec, "-n", str(ranks)]
    done = subprocess.run([*launcher, program, "--ranks", grid, "--allow", "M,R", *more], env={**os.environ, "PROGRAMS": "60"},
                          capture_output=True, text=True, timeout=300, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("program ")]
    assert done.returncode == 0 and len(lines) == 60, f"{grid} {more}: {done.returncode}\n{done.stdout}{done.stderr}"
    return lines


for device in DEVICES:
    right = run("1x1", "--device", device)
    assert len(set(line.split(": ")[1] for line in right)) > 50, "the programs are too much alike"
    for grid in GRIDS[1:] if device == DEVICES[0] else GRIDS[2::3]:
        assert run(grid, "--device", device) == right, f"{device} on {grid}"
    for more in ["--every-step"], ["--timing"]:
        assert run("2x1", "--device", device, *more) == right, f"{device} with {more}"
