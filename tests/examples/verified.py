"""An example's result is what its reference says, and its record the same on 1, 2 and 4 ranks. Usage: verified.py MPIEXEC PROGRAM"""
import json
import os
import subprocess
import sys

os.environ["ASAN_OPTIONS"] = "detect_leaks=0"  # programs link the library alone, without what keeps MPI's leaks out

mpiexec, program = sys.argv[1:]
records = []
for ranks in (1, 2, 4):
    done = subprocess.run([mpiexec, "-n", str(ranks), program, "--verify", "--json", "-"], capture_output=True, text=True,
                          check=False, timeout=60)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0 and len(lines) == 1, f"{ranks} ranks: {done.returncode}\n{done.stdout}{done.stderr}"
    record = json.loads(lines[0])
    assert record["verified"] == "yes" and record["cycles"] > 0, record
    records.append({key: record[key] for key in ("cycles", "routes_max", "sram_peak_bytes", "wavelet_hops", "steps")})
assert records[0] == records[1] == records[2], records
print(f"verified: {records[0]}")
