"""plmr llm: the record's keys, cycles and values that no number of ranks changes, parts of a model, and what is refused.

llm.py MPIEXEC PLMR DATA
"""
import json
import math
import os
import sys
import tempfile

from cli import Checks, Plmr, of_the_wafer, show

KEYS = """command model device ranks mode prompt_tokens output_tokens prefill_rows prefill_cols decode_rows decode_cols kv
prefill_cycles decode_cycles_first decode_cycles_last ttft_s tpot_s tpr_prefill tpr_decode tpr_e2e sram_peak_bytes sram_limit_bytes
routes_max kv_capacity_tokens stages wall_s wall_prefill_tok_s wall_decode_tok_s energy_j version host date""".split()
REGIONS = "--prefill-cores 16x16 --decode-cores 12x15"
OUTSIDE = " --stream-weights --device wse2:rows=16,cols=16,sram=3400,host_rate=5e9"


def virtual(record):
    return of_the_wafer(record, "mode", "checksum")


def one(plmr, args, ranks=None):
    record, = plmr.records(["llm"] + args.split(), ranks)
    return record


def keys(plmr, check):
    record = one(plmr, "--model demo --prompt 20 --decode 4", 2)
    check(list(record)[:len(KEYS)] == KEYS, f"keys are {list(record)}")
    check(math.isclose(record["tpr_decode"] * record["tpot_s"], 1), "tpr_decode is not 1 / tpot_s")
    check(math.isclose(record["tpr_e2e"] * (record["ttft_s"] + 4 * record["tpot_s"]), 4), "tpr_e2e")
    check(math.isclose(record["tpr_prefill"] * record["prefill_cycles"], 20 * 1.1e9), "tpr_prefill")
    parts = sum(value or 0 for key, value in record.items() if key.startswith("cycles_"))
    check(math.isclose(parts, (record["ttft_s"] + 4 * record["tpot_s"]) * 1.1e9), "kinds of work do not add up to the time")
    check(record["wall_decode_tok_s"] is None and record["checksum"] is None, "values without --mode compute")


def borders(plmr, check):
    """Words over borders cost their energy, twice as much at twice of it."""
    fabric = [one(plmr, f"--model demo --prompt 20 --decode 4 {REGIONS} --device wse2:border_cols=5,border_energy={each}")
              ["energy_fabric_j"] for each in (0, 100, 200)]
    check(fabric[1] > fabric[0] and math.isclose(fabric[2] - fabric[1], fabric[1] - fabric[0]), f"borders: {fabric} J")


def ranks_agree(plmr, check, small):
    """Cycles on any ranks, with exact shortcuts and without, with values and without; and the values."""
    for more in "", " --kv concat", " --batch 3", " --tree-k 3 --prefill-tree-k 1", " --groups 4 --fuse no", " --as-published", OUTSIDE:
        args = f"--model {small} --prompt 21 --decode 20 {REGIONS}{more}"
        want = virtual(one(plmr, args))
        check((more == OUTSIDE) == (want["outside"] == "weights" and want["bound"] == "outside"), f"{args}: {want}")
        for ranks in 2, 4:
            check(virtual(one(plmr, args, ranks)) == want, f"{show(['llm', args], ranks)} differs from one process")
        check(virtual(one(plmr, args + " --every-step", 2)) == want, f"{args} --every-step on 2 ranks differs")
        if "published" in more:
            continue
        values = [one(plmr, args + " --mode compute", ranks) for ranks in (None, 3)]
        check(all(virtual(v) == want for v in values), f"{args}: --mode compute has other cycles")
        check(len({v["checksum"] for v in values}) == 1 and values[0]["checksum"], f"{args}: checksums differ")


def trees(plmr, check, small):
    """Levels, groups and fusing change cycles, and with them the order of sums, but not what is fused."""
    args = f"--model {small} --prompt 21 --decode 5 {REGIONS}"
    first = one(plmr, args + " --mode compute")
    check((first["tree_k"], first["prefill_tree_k"], first["fused"]) == (2, 2, "yes"), f"by default: {first}")
    same = one(plmr, f"{args} --mode compute --tree-k 2 --fuse yes")
    check(virtual(same) == virtual(first) and same["checksum"] == first["checksum"], f"the same asked for: {same}")
    split = one(plmr, args + " --mode compute --fuse no")
    check(split["checksum"] == first["checksum"] and split["fused"] == "no", f"--fuse no: {split}")
    check(split["cycles_allreduce"] > first["cycles_allreduce"] and split["prefill_cycles"] == first["prefill_cycles"], f"{split}")
    one_level = one(plmr, args + " --mode compute --tree-k 1")
    check(one_level["checksum"] != first["checksum"] and one_level["groups_y"] == "", f"--tree-k 1: {one_level}")
    grouped = one(plmr, args + " --tree-k 3 --groups 5,2 --allow R")
    check((grouped["tree_k"], grouped["groups_y"], grouped["groups_x"]) == (3, "5,2", "5,2"), f"--groups 5,2: {grouped}")
    chosen = one(plmr, args + " --groups " + first["groups_x"])
    check(first["groups_x"] == first["groups_y"] or chosen["cycles_allreduce"] >= first["cycles_allreduce"], f"{chosen}")
    mixed = one(plmr, args + " --prefill-tree-k 1")
    check(mixed["prefill_cycles"] == one_level["prefill_cycles"] and mixed["tpot_s"] == first["tpot_s"], f"{mixed}")
    deep = [one(plmr, args + " --mode compute --tree-k 8 --groups 8,7,6,5,4,3,2 --allow R", ranks)["checksum"] for ranks in (1, 3)]
    check(deep[0] == deep[1] != first["checksum"], f"--tree-k 8: {deep}")
    # Thirteen allreduces as published; ten where queries, keys and values are one product, and gate and up.
    rival, published = [one(plmr, f"--model llama3-8b --as-published --phase decode --decode 1 --decode-cores 360x360{fuse}")
                        for fuse in (" --fuse yes", "")]
    check(published["fused"] == "no" and 10 / 13 < rival["cycles_allreduce"] / published["cycles_allreduce"] < 12 / 13,
          f"--as-published --fuse yes: {rival['cycles_allreduce']} of {published['cycles_allreduce']}")


def parts(plmr, check, small):
    args = f"--model {small} --prompt 21 --decode 5 {REGIONS}"
    whole, prefill = one(plmr, args), one(plmr, args + " --phase prefill")
    decode, later = one(plmr, args + " --phase decode"), one(plmr, args + " --phase decode --context 80")
    check(prefill["prefill_cycles"] == whole["prefill_cycles"] and prefill["tpot_s"] is None, f"--phase prefill: {prefill}")
    check(decode["decode_cycles_first"] == whole["decode_cycles_first"] and decode["ttft_s"] is None, f"--phase decode: {decode}")
    check(later["decode_cycles_first"] > decode["decode_cycles_first"] and later["context_tokens"] == 80, f"--context: {later}")
    two = one(plmr, args + " --layers 1..2")
    check(two["layers"] == "1..2" and two["prefill_cycles"] == whole["prefill_cycles"], f"--layers: {two}")
    spread = one(plmr, args + " --decode-layers 1 --prefill-layers 2")
    check((spread["stages"], spread["layers_per_stage"], spread["prefill_stages"]) == (3, 1, 2), f"--decode-layers: {spread}")
    check(spread["decode_cycles_first"] > whole["decode_cycles_first"], "stages cost nothing")
    large = one(plmr, "--model qwen2-72b --phase decode --context 64 --decode 1 --decode-cores 420x420")
    check(large["stages"] > large["regions"] > 0 and large["wafers"] == math.ceil(large["stages"] / large["regions"]), f"{large}")
    check(large["link_bytes_s"] is None and large["link_bytes"] is None, f"no --link: {large}")
    for link, rate, latency in ("1e6", 1e6, 0), ("device", 150e9, 173e-6):
        far = one(plmr, f"--model qwen2-72b --phase decode --context 64 --decode 1 --decode-cores 420x420 --link {link}")
        more = (large["wafers"] - 1) * (8192 * 2 / rate + latency)
        check(math.isclose(far["tpot_s"] - large["tpot_s"], more, rel_tol=1e-3), f"--link {link}: {far['tpot_s']}, {large['tpot_s']}")
        check(far["link_bytes"] == (large["wafers"] - 1) * 8192 * 2 and far["energy_link_j"] is None, f"--link {link}: {far}")
        check(("wafer_rate" in far["rests_on"]) == (link == "device"), f"--link {link} rests on {far['rests_on']}")
    code, out, _ = plmr.run("llm --model qwen2-72b --phase decode --context 64 --decode 1 --decode-cores 420x420".split())
    check(code == 0 and f"that is {large['wafers']} such devices" in out.replace("\n            ", " "), f"too large: {out}")
    check(f"by the power of one of {large['wafers']} devices" in out, f"whose energy: {out}")
    check(math.isclose(large["tok_j"] * large["energy_j"] * large["wafers"], 1), f"{large['tok_j']} tokens/J, {large['energy_j']} J a device")


def batches(plmr, check, small):
    """Prompts of a batch follow each other, its tokens use free regions, and all of it is told."""
    args = f"--model {small} --prompt 21 --decode 5 {REGIONS}"
    alone, three = one(plmr, args), one(plmr, args + " --batch 3")
    check(three["prefill_cycles"] < 1.05 * alone["prefill_cycles"] and three["prefill_replicas"] == 3, f"three prompts at once: {three}")
    check(one(plmr, args + " --batch 3 --prefill-layers 3")["prefill_cycles"] == 3 * alone["prefill_cycles"], "three prompts on one region")
    alone, prompts = [one(plmr, f"{args} --prefill-layers 1{more}")["prefill_cycles"] for more in ("", " --batch 3")]
    check(alone < 1.5 * (prompts - alone) < 1.05 * alone, f"three prompts on three regions: {alone}, {prompts}")
    check(three["stages"] * three["replicas"] >= 3 and three["tpot_s"] < one(plmr, args + " --batch 3 --decode-layers 3")["tpot_s"], f"free regions: {three}")
    for phase, n, key in ("both", 5, "decode"), ("decode", 5, "decode"), ("prefill", 21, "prefill"):
        r = one(plmr, f"{args} --batch 3 --phase {phase}")
        check(math.isclose(r[f"{key}_tok_s"], 3 * r[f"tpr_{key}"]) and math.isclose(r["tok_j"] * r["energy_j"], 3 * n), f"{phase}: {r}")
        check(r["sram_left_bytes"] == r["sram_limit_bytes"] - r["sram_peak_bytes"], f"{phase}: SRAM left {r['sram_left_bytes']}")
    check(three["regions_unused"] == three["regions"] - three["stages"] * three["replicas"] and
          three["cores_unused"] == 750 * 994 - three["stages"] * three["replicas"] * 180, f"{three}")
    several = [one(plmr, f"--model {small} --decode-cores 4x4 --phase decode --decode 2 --batch 7 --device wormhole:sram={sram}")
               for sram in (60000, 90000, 120000, 240000, 480000)]
    check(all(r["wafers"] == 1 for r in several) and all(a["tpot_s"] >= b["tpot_s"] for a, b in zip(several, several[1:])),
          f"more SRAM is slower: {[r['tpot_s'] for r in several]}")


def aims(plmr, check, small):
    """Each aim is met best by its own choice, on any ranks, with what is told of it; more SRAM and wafers are never worse."""
    args = f"--model {small} --prompt 21 --decode 5 --batch 6 --device wormhole:sram=60000"
    got = {aim: one(plmr, f"{args} --for {aim}") for aim in ("latency", "throughput", "capacity", "energy")}
    one_alone = {aim: one(plmr, f"{args} --batch 1 --for {aim}") for aim in got}
    check(all(got[aim]["placed_for"] == aim for aim in got) and one(plmr, args)["placed_for"] == "", "placed_for")
    check(min(r["tpot_s"] for r in one_alone.values()) == one_alone["latency"]["tpot_s"], f"latency: {one_alone}")
    check(max(r["decode_tok_s"] for r in got.values()) == got["throughput"]["decode_tok_s"], f"throughput: {got}")
    check(max(r["prefill_tok_s"] for r in got.values()) == got["throughput"]["prefill_tok_s"], f"throughput: {got}")
    check(max(r["kv_capacity_tokens"] * math.ceil(6 / r["replicas"]) * r["replicas"] for r in got.values()) ==
          got["capacity"]["kv_capacity_tokens"] * math.ceil(6 / got["capacity"]["replicas"]) * got["capacity"]["replicas"], f"capacity: {got}")
    for ranks in 2, 3, 5:
        check(virtual(one(plmr, args + " --for throughput", ranks)) == virtual(got["throughput"]), f"--for throughput on {ranks} ranks")
    few = f"--model {small} --prompt 21 --decode 5 --prefill-cores 4x4 --decode-cores 3x6"
    check(virtual(one(plmr, few, 5)) == virtual(one(plmr, few)), "clocks of fewer rows and columns than ranks")
    with tempfile.TemporaryDirectory() as folder:
        events = []
        for ranks in 1, 6:
            path = os.path.join(folder, f"{ranks}.json")
            one(plmr, f"{few} --trace {path} --trace-cores 0,0;1,2;2,3", ranks)
            with open(path, encoding="utf-8") as file:
                events.append(sorted(json.dumps(event, sort_keys=True) for event in json.load(file)["traceEvents"]))
        check(events[0] == events[1], "a trace of fewer columns than ranks")
    more = [one(plmr, f"{args.replace('60000', sram)} --for throughput --wafers {n}")["decode_tok_s"]
            for n, sram in ((1, "60000"), (1, "90000"), (2, "90000"), (3, "180000"))]
    check(more == sorted(more) and more[0] == got["throughput"]["decode_tok_s"] < more[-1], f"more is worse: {more}")
    fixed = one(plmr, f"{args} --for throughput {REGIONS.replace('16', '8').replace('12x15', '4x5')}")
    check((fixed["prefill_rows"], fixed["decode_rows"], fixed["decode_cols"]) == (8, 4, 5) and fixed["placed_for"], f"given cores: {fixed}")


def refused(plmr, check, small):
    cases = [
        ("--as-published --mode compute", "--as-published leaves out"), ("--prefill-cores 30x40", "is not square"),
        ("--model qwen2-72", "did you mean 'qwen2-72b'"), ("--model /nonexistent.gguf", "cannot open"),
        ("--model llama3-8b --decode-cores 60x60 --phase decode", "about 100x100 would do"),
        ("--for speed", "--for: unknown"), ("--for latency --as-published", "leave out --as-published"), ("--wafers 0", "--wafers: '0'"),
        ("--for latency --plan t10", "leave out --as-published and --plan"), ("--wafers 1025", "at most 1,024"),
        ("--model llama3-8b --device wormhole --for capacity --wafers 1", "does not fit wormhole in any region"),
        ("--layers 5", "is not A..B"), ("--layers 4294967296..4294967297", "is not A..B"), (f"--model {small} --layers 1..3", "small.json has layers 0..2"),
        (f"--model {small.replace('small', 'long_head')} --mode compute --prompt 3 --decode 2 {REGIONS}", "heads of 2050 elements are too"),
        ("--phase neither", "--phase: unknown"), ("--prompt 0", "--prompt: '0'"), ("--batch 5000", "at most 4,096"),
        ("--context 9 --mode compute", "--phase decode"), ("--context 9 --phase prefill", "--context is for decode"),
        ("-x 3", "unknown option '-x'"), ("--json /nonexistent/x --model demo", "cannot write"),
        ("--tree-k 9", "--tree-k: 9 is too large"), ("--prefill-tree-k 0", "--prefill-tree-k: '0'"), ("--fuse maybe", "--fuse: unknown"),
        ("--layers +0..1", "is not A..B"), ("--layers 1..0", "is not A..B"),
        ("--groups 4,2 --model demo", "a tree of 2 levels takes 1 group count, not 2"), ("--groups 4 --phase prefill", "--groups is for decode"),
        (f"--model {small} {REGIONS} --groups 13", "13 groups cannot be made of 12 cores"),
        ("--model llama3-8b --phase decode --decode 1 --decode-cores 360x360 --tree-k 3", "a router of wse2 holds 24"),
        ("--model demo --as-published --phase decode --kv concat --decode-cores 20x20 --decode 999 --context 10",
         "row 19 of cores has no SRAM left for token 364"),
    ]
    for i, (args, words) in enumerate(cases):
        for ranks in (None, 2) if i % 5 == 0 else (None,):
            code, out, err = plmr.run(["llm"] + args.split(), ranks)
            check(code == 2 and not out and len(err) == 1 and words in err[0], f"llm {args}: {code}, {out!r}, {err}")


def logits(plmr, check, folder):
    """The record of plmr logits, and that its file appears when it is complete."""
    out = os.path.join(folder, "l.f32")
    args = ["logits", "--tokens", "1,5,7", "--out", out] + REGIONS.split()
    for ranks in None, 3:
        record, = plmr.records(args, ranks)
        check(list(record)[:len(KEYS)] == KEYS and record["command"] == "logits" and record["prompt_tokens"] == 3, f"{record}")
    with open(out, "rb") as file:
        before = file.read()
    check(len(before) == 3 * 1021 * 4, f"{len(before)} bytes of logits")
    code, _, err = plmr.run(args + ["--json", "/nonexistent/x"])
    with open(out, "rb") as file:
        check(code == 2 and len(err) == 1 and file.read() == before, f"a run that fails leaves an older file alone: {err}")
    code, _, err = plmr.run(args[:3] + ["--out", "/nonexistent/x"])
    check(code == 2 and "--out: cannot write" in err[0] and os.listdir(folder) == ["l.f32"], f"{code}, {err}")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    small = os.path.join(sys.argv[3], "shapes", "small.json")
    keys(plmr, check)
    borders(plmr, check)
    ranks_agree(plmr, check, small)
    trees(plmr, check, small)
    parts(plmr, check, small)
    batches(plmr, check, small)
    aims(plmr, check, small)
    refused(plmr, check, small)
    with tempfile.TemporaryDirectory() as folder:
        logits(plmr, check, folder)
    check.done()


main()
