#!/usr/bin/env python3
"""property.py MPIEXEC MANY [SEED [CASES]]: random shapes, grids, ranks, devices, types, algorithms and models. Of every case: with
values and without them the same cycles, routes, bytes and energy; the result agrees with double precision; on other ranks
the same to the last bit. A case that does not fit is refused in one line, on any ranks and in both modes alike. The seed is printed; a
failing case is its command."""
import json
import os
import random
import sys
import tempfile
import time

from cli import Checks, Started, of_the_wafer, show

OFF_GRID = "wse2:hop=0.3,ramp=0.7,stage=0.1" # clocks hold multiples of 1/64 cycle all the same
DEVICES = ["wse2", "wse3", "wse3-sim", "wormhole", "dojo-tile", "wormhole-galaxy", "ideal", "wse2:topology=torus", "wse2:routes=7",
           "wse2:hop=3,ramp=5,link=1.5", OFF_GRID, "wse2:yield=0.97,seed=5", "wse2:border_cols=3,border_hop=9,border_link=2"]
RANKS = [1, 2, 3, 4]
MODES = {"mode", "seed", "verified", "verify_max_abs_err", "verify_max_rel_err", "verify_bound", "verify_elements", "checksum"}


def random_args(draw):
    """Small, but seldom round; one in five is larger than a core or a router has room for."""
    command = draw.choices(["gemm", "gemv", "allreduce"], (5, 3, 2))[0]
    rows = draw.randint(3, 9)
    cols = rows if command == "gemm" and draw.random() < 0.6 else draw.randint(3, 9)
    transposed = command == "gemm" and draw.random() < 0.1
    size = lambda: str(draw.randint(1, 40))
    sizes = {"gemm": ["--m", size(), "--k", size(), "--n", size()], "gemv": ["--k", size(), "--n", size()],
             "allreduce": ["--length", size()]}[command]
    args = [command, "--alg", "meshgemm" if transposed else "all", *sizes, "--cores", f"{rows}x{cols}", "--device", draw.choice(DEVICES),
            "--dtype", draw.choice(["f32", "f16"]), "--seed", str(draw.randint(0, 999))]
    if transposed:
        args.append("--transpose-b")
    if draw.random() < 0.8:
        args += ["--allow", "M,R"]
    return args


def random_model(draw, folder):
    """A llama of any shape, in a file of its own."""
    heads = draw.choice([1, 2, 3, 4, 6])
    kv = draw.choice([n for n in range(1, heads + 1) if heads % n == 0])
    size = draw.choice([2, 4, 6, 8])
    shape = {"name": "any", "title": "any", "source": "drawn", "architecture": draw.choice(["llama", "qwen2", "qwen3"]), "layers": draw.randint(1, 3),
             "dim": heads * size, "heads": heads, "kv_heads": kv, "ffn": draw.randint(4, 40), "vocab": draw.randint(10, 60), "context": 64,
             "rms_eps": 1e-5, "rope_base": 10000, "tied": False}
    path = os.path.join(folder, "any.json")
    with open(path, "w") as file:
        json.dump(shape, file)
    side = draw.randint(2, 6)
    return ["llm", "-m", path, "--prefill-cores", f"{side}x{side}", "--decode-cores", f"{draw.randint(2, 6)}x{draw.randint(2, 6)}", "--prompt",
            str(draw.randint(1, 20)), "--decode", str(draw.randint(1, 4)), "--device", draw.choice(DEVICES), "--allow", "M,R"]


def outcome(plmr, args, ranks):
    """Its records, one for each algorithm, or the line that refuses it."""
    code, out, err = plmr.run(args + ["--json", "-"], ranks)
    if code == 0:
        return [json.loads(line) for line in out.splitlines()]
    if code != 2 or len(err) != 1:
        raise AssertionError(f"{show(args, ranks)} ends with {code}: {err}")
    return err[0]


def differences(a, b, but=()):
    if isinstance(a, str) or isinstance(b, str):
        return [] if a == b else [a, b]
    pairs = [(of_the_wafer(x, *but), of_the_wafer(y, *but)) for x, y in zip(a, b, strict=True)]
    return [(x.get("algorithm"), key, x.get(key), y.get(key)) for x, y in pairs for key in x | y if x.get(key) != y.get(key)]


def check_case(check, plmr, args, ranks, first):
    """On one number of ranks; `first` is what came out on the first."""
    values = outcome(plmr, args + ["--mode", "compute"] + (["--verify"] if args[0] != "llm" else []), ranks)
    timing = outcome(plmr, args + ["--mode", "timing"], ranks)
    if not isinstance(values, str):
        wrong = differences(values, timing, MODES)
        check(not wrong, f"{show(args, ranks)}: with values and without {wrong}")
        for record in values:
            check(record.get("verified") in ("yes", None), f"{show(args, ranks)}: {record.get('algorithm')} is off")
    if OFF_GRID in args:
        wrong = differences(timing, outcome(plmr, args + ["--mode", "timing", "--every-step"], ranks))
        check(not wrong, f"{show(args, ranks)}: every step and by shortcuts {wrong}")
    wrong = first is not None and differences(values, first)
    check(not wrong, f"{show(args, ranks)}: on so many ranks and on one {wrong}")
    return values


def main():
    """So many commands, of five cases in the mean."""
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else time.time_ns() % 1000000
    n_commands = int(sys.argv[4]) if len(sys.argv) > 4 else 480
    draw, check, start_s = random.Random(seed), Checks(), time.time()
    with tempfile.TemporaryDirectory() as folder, Started(sys.argv[1], sys.argv[2]) as plmr:
        cases = [random_args(draw) for _ in range(n_commands)]
        first = [check_case(check, plmr, args, 1, None) for args in cases]
        for ranks in RANKS[1:]:
            fit = [i for i, args in enumerate(cases) if all(int(n) >= 4 for n in args[args.index("--cores") + 1].split("x"))]
            for i in draw.sample(fit, n_commands // 20):
                check_case(check, plmr, cases[i], ranks, first[i])
        for _ in range(n_commands // 20):
            check_case(check, plmr, random_model(draw, folder), 1, None)
    refused, cases = [case for case in first if isinstance(case, str)], sum(len(case) for case in first if not isinstance(case, str))
    print(f"seed {seed}: {cases} cases in {time.time() - start_s:.1f} s; {len(refused)} of {n_commands} commands are refused")
    check(cases >= 4 * n_commands, "too many are refused to say much")
    check.done()


main()
