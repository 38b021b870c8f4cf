"""The same answer on any number of ranks and any grid of them, with values and without, for every algorithm there is.

ranks.py MPIEXEC PLMR PART
"""
import sys

from cli import Checks, Plmr, show

# The sizes divide nothing.
PARTS = {
    "gemm": "gemm --m 67 --k 101 --n 59 --cores 13x13 --dtype f32",
    "gemm-oblong": "gemm --m 40 --k 41 --n 38 --cores 6x9 --dtype bf16",
    "gemm-yield": "gemm --m 40 --k 41 --n 38 --cores 9x7 --dtype f32 --device wse2:yield=0.95,slow_share=0.1,slow_factor=2,seed=5",
    "gemm-transposed": "gemm --m 30 --k 41 --n 50 --cores 9x12 --dtype f16 --transpose-b",
    "gemv": "gemv --k 331 --n 277 --cores 21x19 --dtype f16 --tree-k 3",
    "allreduce": "allreduce --length 37 --cores 9x13",
}
GRIDS = ["1x4", "2x2", "2x3", "6x1", "3x3"]
VALUES = ["checksum"]
COSTS = ["algorithm", "cycles", "compute_cycles", "hops_critical", "stages_critical", "routes_max", "routes_program",
         "sram_peak_bytes", "wavelet_hops", "border_hops", "energy_j", "energy_estimate_j", "multiply_adds", "padded_m", "padded_k", "padded_n", "violates", "groups", "steps"]


def pick(records, keys):
    return [{key: record[key] for key in keys} for record in records]


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    args = PARTS[sys.argv[3]].split()
    reference = plmr.records(args + ["--verify"])
    check(all(record["checksum"] for record in reference), "values are computed")
    for grid in GRIDS:
        rows, cols = map(int, grid.split("x"))
        records = plmr.records(args + ["--ranks", grid], rows * cols)
        check(pick(records, COSTS + VALUES) == pick(reference, COSTS + VALUES), f"{show(args)} differs on {grid} ranks")
    for ranks in (None, 4):
        for more in (["--mode", "timing"], ["--mode", "timing", "--every-step"]):
            records = plmr.records(args + more, ranks)
            check(pick(records, COSTS) == pick(reference, COSTS), f"{show(args + more, ranks)} differs from compute mode")
    check.done()


main()
