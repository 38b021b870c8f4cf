"""Placements of experts, and weights and caches in fewer bits than the file's: what is computed is what NumPy's own rounding says, the same on any
ranks; what a device does not know is refused.

mixed.py MPIEXEC MANY DATA_FOLDER. Exits with 77 (skipped) without NumPy.
"""
import json
import os
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("NumPy is not installed")
    sys.exit(77)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "model"))
from cli import Checks, Started, show  # noqa: E402
from forward import Forward  # noqa: E402
from gguf_reader import load  # noqa: E402

MODELS = {"llama_gqa_f32": ["f16", "bf16", "f8", "i8", "i4"], "mixtral_f32": ["i4"]}
TOKENS = "1,17,40,9,3,77,30,12,60,5,88,21"
GRIDS = [("1x1", 1), ("2x2", 4), ("1x3", 3)]
# All numbers of e4m3 that are not negative: 4 bits of exponent, 3 of significand, the last one a NaN.
E4M3 = np.array([(m / 8 * 2.0**-6 if e == 0 else (1 + m / 8) * 2.0**(e - 7)) for e in range(16) for m in range(8)][:-1], np.float32)


def to_e4m3(x):
    """The nearest; of two as near, the one whose last bit is 0."""
    x, sign = np.minimum(np.abs(x), E4M3[-1]), np.sign(x)
    above = np.clip(np.searchsorted(E4M3, x), 1, len(E4M3) - 1)
    low, high = x - E4M3[above - 1], E4M3[above] - x
    return sign * np.where((low < high) | ((low == high) & (above % 2 == 1)), E4M3[above - 1], E4M3[above])


def of_group(kind, x, scaled=True):
    """x: float32, groups along the last axis."""
    most = {"f8": 448, "i8": 127, "i4": 7}[kind]
    scale = (np.abs(x).max(axis=-1, keepdims=True) / np.float32(most)).astype(np.float16).astype(np.float32)
    scale = scale if scaled else np.ones_like(scale)
    number = x / np.where(scale == 0, np.float32(1), scale)
    number = to_e4m3(number) if kind == "f8" else np.clip(np.rint(number), -most, most)
    return (number * scale).astype(np.float16).astype(np.float32)


def rounded(kind, x):
    """What is left of a matrix (out, in)."""
    if kind == "f16":
        return x.astype(np.float16).astype(np.float32)
    if kind == "bf16":
        bits = x.view(np.uint32)
        return ((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000).astype(np.uint32).view(np.float32)
    groups = [of_group(kind, x[..., i:i + 32]) for i in range(0, x.shape[-1], 32)]
    return np.concatenate(groups, axis=-1)


def write_rounded(path, kind, to):
    """The file with its matrices replaced, but for the embedding; routers are not packed."""
    with open(path, "rb") as file:
        data = file.read()
    for name, (_, values) in load(path)[1].items():
        if values.ndim < 2 or values.shape[0] == 1 or "norm" in name or name == "token_embd.weight" or not name.endswith("weight"):
            continue
        was = np.ascontiguousarray(values, np.float32)
        assert data.count(was.tobytes()) == 1, name
        now = rounded("f16" if "gate_inp" in name and kind[0] not in "b" else kind, was)
        data = data.replace(was.tobytes(), np.ascontiguousarray(now).tobytes())
    with open(to, "wb") as file:
        file.write(data)


class PackedCache(Forward):
    """Keys and values rounded as the cache has them: i8 by head, f8 without a scale."""

    kind = "i8"

    def heads_of(self, x, n_heads, norm, i):
        heads = super().heads_of(x, n_heads, norm, i)
        return of_group(self.kind, heads.astype(np.float32), self.kind == "i8").astype(float) if "_k_" in norm else heads

    def project(self, x, name):
        y = super().project(x, name)
        if not name.endswith("attn_v"):
            return y
        heads = y.reshape(len(y), self.kv_heads, -1).astype(np.float32)
        return of_group(self.kind, heads, self.kind == "i8").astype(float).reshape(y.shape)


class Runs:
    def __init__(self, plmr, check, folder):
        self.plmr, self.check, self.folder = plmr, check, folder

    def logits(self, model, ranks, phase, *more):
        path = os.path.join(self.folder, "out")
        args = ["logits", "-m", model, "--tokens", TOKENS, "--phase", phase, "--prefill-cores", "9x9", "--decode-cores", "7x11",
                "--ranks", ranks[0], "--out", path, *more]
        code, _, err = self.plmr.run(args, ranks[1])
        if not self.check(code == 0, f"{show(args, ranks[1])} ends with {code}: {err}"):
            return b""
        with open(path, "rb") as file:
            return file.read()


def check_weights(check, runs, data):
    for ranks in GRIDS:
        for model, kinds in MODELS.items():
            path = os.path.join(data, model + ".gguf")
            for kind in kinds:
                reference = os.path.join(runs.folder, f"{model} {kind}.gguf")
                if not os.path.exists(reference):
                    write_rounded(path, kind, reference)
                for phase in ("prefill", "decode") if ranks == GRIDS[0] else ("decode",):
                    got = runs.logits(path, ranks, phase, "--weights", kind, "--kv-dtype", "f32")
                    want = runs.logits(reference, ranks, phase, "--kv-dtype", "f32")
                    plain = runs.logits(path, ranks, phase, "--kv-dtype", "f32") if kind == "f16" else b""
                    check(got == want, f"{model} {kind} {phase} {ranks}: not what rounding gives")
                    check(got != plain, f"{model} {kind} {phase}: as without rounding")


def check_cache(check, runs, data):
    path = os.path.join(data, "llama_gqa_f32.gguf")
    tokens = [int(i) for i in TOKENS.split(",")]
    plain = Forward(path).logits(tokens)
    for kind in ("f8", "i8"):
        PackedCache.kind = kind
        want = PackedCache(path).logits(tokens)
        for phase in ("prefill", "decode"):
            all_ranks = [runs.logits(path, ranks, phase, "--kv-dtype", kind) for ranks in GRIDS]
            got = np.frombuffer(all_ranks[0], "<f4").reshape(want.shape)
            off, effect = np.abs(got - want).max(), np.abs(plain - want).max()
            check(off < effect / 8, f"--kv-dtype {kind} {phase}: off by {off:.3g}, where rounding makes {effect:.3g}")
            check(len(set(all_ranks)) == 1, f"--kv-dtype {kind} {phase}: ranks differ")


def check_experts(check, runs, data):
    """Placements of experts differ in the order of sums alone; one part is sliced."""
    path = os.path.join(data, "mixtral_f32.gguf")
    def decode(ranks, *more):
        return runs.logits(path, ranks, "decode", "--kv-dtype", "f32", *more)
    def prefill(ranks, *more):
        return runs.logits(path, ranks, "prefill", "--kv-dtype", "f32", *more)
    sliced = decode(GRIDS[0])
    check(decode(GRIDS[0], "--experts", "regions", "--expert-parts", "1") == sliced, "one region is not sliced")
    one_block, blocks = ("--experts", "blocks", "--expert-parts", "1"), ("--experts", "blocks")
    check(prefill(GRIDS[0], *one_block) == prefill(GRIDS[0]) != prefill(GRIDS[0], *blocks), "in prefill one block is not the region")
    check(len({prefill(ranks, *blocks) for ranks in GRIDS}) == 1, "blocks in prefill: ranks differ")
    wafers = ("--experts", "wafers", "--expert-parts", "3")
    for ranks in GRIDS:
        check(decode(ranks, *wafers) == sliced, f"experts on wafers have other values on {ranks}")
    check(prefill(GRIDS[1], *wafers) == prefill(GRIDS[0]), "experts on wafers have other values in prefill")
    for name in ("regions", "replicated", "blocks"):
        placed = ("--experts", name, "--expert-parts", "3", "--hot-experts", "2")
        first = decode(GRIDS[0], *placed)
        off = np.abs(np.frombuffer(first, "<f4") - np.frombuffer(sliced, "<f4")).max()
        check(0 < off < 2e-4, f"{name}: off by {off:.3g}")
        for ranks in GRIDS[1:]:
            check(decode(ranks, *placed) == first, f"{name}: {ranks} ranks differ")


def check_placements(check, plmr):
    """Time and memory of placements, of a batch whose tokens all want the same experts most."""
    args = ["llm", "-m", "mixtral-8x7b", "--mode", "timing", "--phase", "decode", "--context", "64", "--decode", "1", "--allow", "M",
            "--decode-cores", "600x600", "--batch", "64", "--expert-load", "zipf:2"]
    got = {name: plmr.records(args + ["--experts", name, "--expert-parts", "2", "--hot-experts", "2"], 1)[0]
           for name in ("sliced", "blocks", "regions", "replicated")}
    cycles = {name: record["cycles_experts"] for name, record in got.items()}
    check(cycles["sliced"] == 0 and min(cycles["blocks"], cycles["regions"], cycles["replicated"]) > 0, f"{cycles}")
    check([record["experts"] for record in got.values()] == list(got), "records do not say where experts are")
    check(got["replicated"]["stages"] > got["regions"]["stages"] == got["sliced"]["stages"], "copies take no memory")


def check_shared_link(check, plmr):
    """A wafer's link is one, whatever region sends: 16 prompts and tokens that follow each other through 5 regions take as long as
    it carries all their bytes."""
    record, = plmr.records("llm --model demo-moe --mode timing --experts wafers --expert-parts 2 --wafers 2 --link 1e6 --batch 16 --prompt 8 "
                           "--decode 4 --prefill-cores 30x30 --decode-cores 30x30 --prefill-layers 1 --decode-layers 1 --quiet".split(), 1)
    took, carried = record["ttft_s"] + 4 * record["tpot_s"], record["link_bytes"] / 2 / 1e6
    check(record["stages"] == 5 and carried <= took <= 1.1 * carried, f"{took} s for {carried} s of a link: {record}")


def check_wafers(check, plmr):
    """Two wafers with a request each: in each of 32 layers one token goes to the other, 4,096 elements of f16, and one
    comes back. They have half of the experts, so layers take fewer regions, and all else twice."""
    args = ["llm", "-m", "mixtral-8x7b", "--mode", "timing", "--phase", "decode", "--context", "64", "--decode", "1", "--allow", "M",
            "--decode-cores", "600x600", "--batch", "2"]
    on_wafers = [*args, "--experts", "wafers"]
    sliced = plmr.records(args, 1)[0]
    near, far, device = (plmr.records([*on_wafers, "--link", link], 1)[0] for link in ("1e18", "1e9", "device"))
    layers = 32 * 2 * 4096 * 2
    check(near["experts"] == "wafers" and near["wafers"] == 2 * near["stages"] and near["stages"] < sliced["stages"], f"{near}")
    check(far["link_bytes"] == 2 * (layers + (near["stages"] - 1) * 4096 * 2), f"bytes: {far['link_bytes']}")
    ways = near["stages"] - 1
    for record, rate, latency in ((far, 1e9, 0), (device, 150e9, 173e-6)):
        more = (layers + ways * 4096 * 2) / rate + (64 + ways) * latency
        check(abs(record["tpot_s"] - near["tpot_s"] - more) < 1e-6, f"{rate}: {record['tpot_s'] - near['tpot_s']} for {more}")
    alone = plmr.records([*on_wafers[:-4], "--experts", "wafers", "--link", "1e9"], 1)[0]
    check(alone["link_bytes"] > 0 and alone["tpot_s"] < far["tpot_s"], f"alone: {alone}")


def check_both_phases(check, plmr):
    """Experts are on the same wafers in prefill and decode: on as many as is best for both, so a request is never done later for more."""
    args = "llm --model demo-moe --device wormhole --for latency --mode timing --prompt 60 --decode 4 --quiet".split()
    for link, least in (("1e9", 1), ("1e11", 2)):
        runs = [plmr.records([*args, "--link", link, "--wafers", str(wafers)], 1)[0] for wafers in (1, 2, 4)]
        took = [run["ttft_s"] + 4 * run["tpot_s"] for run in runs]
        check(took == sorted(took, reverse=True), f"--link {link}: {took} s with 1, 2, 4 wafers")
        check(runs[1]["wafers"] == least and runs[1]["experts"] == runs[1]["prefill_experts"], f"--link {link}: {runs[1]}")


def ring(n):
    """Cores of an interleaved ring, in its order."""
    return list(range(0, n, 2)) + list(range(n - 1 - n % 2, 0, -2))


def fullest_link(n, n_block, n_elements, tokens):
    """Of a column of n cores with blocks one under the other: each element of each token goes from the core that has it to
    the core of the block that has it, over all links between."""
    up, down = [0] * n, [0] * n
    for block, count in enumerate(tokens):
        for element in range(n_elements):
            here = ring(n)[element * n // n_elements]
            there = block * n_block + ring(n_block)[element * n_block // n_elements]
            for i in range(min(here, there), max(here, there)):
                (up if here < there else down)[i] += count
    return max(up + down)


def check_blocks(check, plmr, data):
    """36 elements, 6 experts, 2 of them a token's; on 12x12 cores there are 2x3 blocks of 6x4."""
    args = ["llm", "-m", os.path.join(data, "mixtral_f32.gguf"), "--phase", "decode", "--context", "8", "--decode", "1",
            "--decode-cores", "12x12", "--decode-layers", "2", "--allow", "R", "--batch", "6"]
    def record(*more, ranks=1):
        return plmr.records(args + list(more), ranks)[0]
    blocks, sliced = record("--experts", "blocks"), record()
    check(blocks["expert_link_words"] == fullest_link(12, 6, 36, [2, 2]), f"the fullest link has {blocks['expert_link_words']}")
    check(blocks["expert_core_share"] == sliced["expert_core_share"] == 1, "6 tokens are 2 for each of 6 experts")
    check(sliced["expert_link_words"] == 0, "sliced experts' tokens stay where they are")
    skewed = record("--experts", "blocks", "--expert-load", "zipf:9")
    check(skewed["expert_core_share"] == 3, f"one expert of 6 has half of 12: {skewed['expert_core_share']}")
    check(skewed["expert_link_words"] == fullest_link(12, 6, 36, [6, 0]), f"the fullest link has {skewed['expert_link_words']}")
    one = record("--experts", "blocks", "--expert-parts", "1")
    check(one["expert_link_words"] == 0 and one["energy_compute_j"] == sliced["energy_compute_j"], "one block is the region")
    # 6x4 cores have tiles of 6x5 where 12x12 have 3x2: of an expert less padding, and one expert instead of 6
    check(blocks["energy_compute_j"] < sliced["energy_compute_j"], "padding is computed with, too")
    check(record("--experts", "blocks", "--every-step")["tpot_s"] == blocks["tpot_s"], "without shortcuts other cycles")
    other = record("--experts", "blocks", ranks=3)
    check(all(other[key] == blocks[key] for key in blocks if key.startswith(("cycles", "expert", "energy"))), "3 ranks differ")


def device_file(folder, **keys):
    path = os.path.join(folder, "device.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"title": "a test's", "like": "wse2", **keys}, out)
    return path


def check_slow(check, plmr, folder):
    """One core that takes F times as long, of the first of 2x2 blocks or of the last: nothing takes more than F times."""
    def record(phase, **keys):
        cores = f"--{phase}-cores=12x12"
        got = plmr.records(["llm", "-m", "demo-moe", "--phase", phase, *(["--prompt=24"] if phase == "prefill" else ["--context=24", "--decode=1"]), cores,
                            "--experts=blocks", "--allow=M,R", "--device", device_file(folder, **keys)], 1)[0]
        return got["prefill_cycles" if phase == "prefill" else "decode_cycles_first"], sum(got[key] or 0 for key in got if key.startswith("cycles_"))
    for phase in "prefill", "decode":
        even, _ = record(phase)
        for core in (0, 0), (11, 11):
            total, works = record(phase, slow=[[*core, 10]])
            check(even < total <= 10 * even and works == total, f"{phase}, core {core}: {total}, {works} for {even}")


def check_dead(check, plmr, folder):
    """Regions are counted in what works: of 12x12 cores half of each row."""
    half = [[row, col] for row in range(12) for col in range(6)]
    device = device_file(folder, dead=half, rows={"value": 12, "unit": "cores", "tag": "guess", "source": "x"},
                         cols={"value": 12, "unit": "cores", "tag": "guess", "source": "x"})
    args = ["llm", "-m", "demo-moe", "--prompt=4", "--decode=2", "--allow=M,R", "--device", device]
    got, = plmr.records(args + ["--prefill-cores=6x6", "--decode-cores=6x6", "--batch=4"], 1)
    check(got["regions"] == 2 and got["cores_unused"] == 72 * got["wafers"] - 36 * (2 * got["wafers"] - got["regions_unused"]), f"{got}")
    code, _, err = plmr.run(args + ["--phase=decode", "--decode-cores=7x7"], 1)
    check(code != 0 and err[0].endswith("choose fewer rows or columns of cores"), f"{err}")
    code, _, err = plmr.run(["llm", "-m", "demo-moe", "--device", "wse2:yield=0.5", "--decode-cores=700x700", "--phase=decode"], 1)
    check(code != 0 and err[0].endswith("choose fewer rows or columns of cores, or another seed"), f"{err}")
    got, = plmr.records(["llm", "-m", "llama3-70b", "--device", "wse2:yield=0.98", "--phase=decode", "--decode=1", "--allow=M,R"], 1)
    check(375 <= got["decode_rows"] < 750 and got["regions"] >= 1, f"{got}")


def check_borders(check, plmr):
    """What goes from region to region, or to blocks and back, pays for the borders on its way."""
    def record(device, *args):
        return plmr.records(["llm", "-m", "demo-moe", "--allow=M,R", *args, "--device", device], 1)[0]
    stages = ["--phase=decode", "--context=24", "--decode=1", "--decode-cores=8x8", "--decode-layers=1"]
    def dies(hop, cols=16):
        return f"wse2:rows=16,cols=24,border_cols={cols},border_rows=16,border_link=1,border_hop={hop}"
    # 3 regions across, 2 down: of the ways between 5, or 6 with the output's, in the order 0 1 2, 5 4 3, those from 1 to 2 and back are over a border
    near, far = (record(dies(hop), *stages) for hop in (1, 101))
    check(near["stages"] in (5, 6) and far["cycles_stages"] - near["cycles_stages"] == 200, f"{near} {far}")
    within = record(dies(101, 24), *stages)
    check(within["cycles_stages"] == near["cycles_stages"], f"no border lies between regions: {within['cycles_stages']}")
    blocks = ["--phase=prefill", "--prompt=24", "--prefill-cores=12x12", "--experts=blocks"]
    for args in blocks, ["--phase=decode", "--context=24", "--decode=1", "--decode-cores=12x12", "--experts=blocks"]:
        got = [record(f"wse2:border_rows=5,border_cols=5,border_hop={hop},border_link=40", *args) for hop in (1, 501)]
        ways = 5 * 2 * (2 if args is blocks else 1)  # of 5 layers there and back, in prefill along both axes
        check(got[1]["cycles_experts"] - got[0]["cycles_experts"] == ways * 2 * 500, f"{got}")
        check(got[0]["cycles_experts"] > record("wse2", *args)["cycles_experts"], "words go no slower over borders")


def check_shared(check, plmr):
    """Regions that share experts have layers, and are counted; so are those of all wafers that do. What --wafers says holds."""
    args = ["llm", "-m", "demo-moe", "--phase=decode", "--context=24", "--decode=2"]
    for device, wafers, unused in ("wse2:rows=120,cols=120", 5, 0), ("wse2", 1, 43):
        got = plmr.records([*args, "--decode-cores=120x120", "--experts=regions", "--device", device], 1)[0]
        check((got["stages"], got["wafers"], got["regions_unused"]) == (5, wafers, unused), f"{got}")
    streamed = [plmr.records([*args, "--decode-cores=12x12", "--stream-weights", "--device=wse2:rows=12,cols=12,host_rate=1e9", *more], 1)[0]
                for more in ([], ["--experts=regions"])]
    check(streamed[0]["tpot_s"] == streamed[1]["tpot_s"] and streamed[1]["expert_link_words"] == 0, f"all goes through one region: {streamed}")
    code, out, _ = plmr.run(["llm", "-m", "demo-moe", "--prompt=24", "--decode=2", "--experts=wafers", "--batch=3"], 1)
    check(code == 0 and "unused    90 of 96 regions" in out, out)
    code, _, err = plmr.run(["generate", "-m", "demo-moe", "-p", "Once", "-n", "2", "--experts", "wafers", "--wafers", "1"], 1)
    check(code != 0 and len(err) == 1 and "takes 2 wafers" in err[0], f"{code} {err}")


def check_loads(check, plmr, folder):
    """Tokens come as near to shares as can be: of 43 at 38 of 40, 12, 30 and none 40.85 are 41, 12.9 are 13 and 32.25 32."""
    path = os.path.join(folder, "trace.csv")
    with open(path, "w", encoding="utf-8") as out:
        print("layer,token,expert", file=out)
        for layer in range(5):
            for expert, n in ((3, 38), (2, 12), (1, 30)):
                print("".join(f"{layer},{token},{expert}\n" for token in range(n)), end="", file=out)
    got, = plmr.records(["llm", "-m", "demo-moe", "--phase=prefill", "--prompt=43", "--prefill-cores=12x12", "--allow=M,R", "--expert-load", path], 1)
    check(got["expert_tokens_max"] == 41, f"the busiest gets {got['expert_tokens_max']} of 40.85")


def check_prefill(check, plmr):
    args = ["llm", "-m", "mixtral-8x7b", "--phase", "prefill", "--prompt", "256", "--prefill-cores", "240x240", "--allow", "M,R"]
    def record(*more):
        return plmr.records(args + list(more), 1)[0]
    got = {name: record("--experts", name) for name in ("sliced", "blocks", "regions")}
    check(got["regions"]["ttft_s"] < got["sliced"]["ttft_s"], "four regions at once are not faster than one")
    check(got["blocks"]["ttft_s"] != got["sliced"]["ttft_s"], "blocks are as sliced")
    check([r["prefill_experts"] for r in got.values()] == list(got), "records do not say where prefill has experts")
    apart = record("--experts", "blocks", "--prefill-experts", "sliced")
    check(apart["ttft_s"] == got["sliced"]["ttft_s"], "--prefill-experts does not count")
    whole = record("--experts", "regions", "--prefill-cores", "700x700")
    check(whole["ttft_s"] == record("--prefill-cores", "700x700")["ttft_s"], "a wafer has room for one such region")
    hot = ("--experts", "blocks", "--expert-load", "zipf:2")
    all_of_it, capped = record(*hot), record(*hot, "--expert-capacity", "1")
    check(capped["expert_tokens_dropped"] > 0 and capped["expert_core_share"] < all_of_it["expert_core_share"] and
          capped["ttft_s"] < all_of_it["ttft_s"], f"a capacity leaves the busiest core {capped['expert_core_share']}")


def check_batch(check, plmr):
    """Layers of a batch are shared out to regions while these share experts."""
    got = plmr.records(["llm", "-m", "mixtral-8x7b", "--phase", "decode", "--context", "64", "--decode", "1", "--decode-cores", "375x375",
                        "--allow", "M,R", "--batch", "64", "--experts", "regions"], 1)[0]
    check(got["batch"] == 64 and got["decode_tok_s"] > 0 and got["expert_link_words"] > 0, f"{got}")


def check_tune(check, plmr):
    """Of a mixture tune says where experts are best, and llm has its times."""
    task = ["-m", "demo-moe", "--device", "wormhole", "--prompt", "40", "--decode", "8"]
    found = plmr.records(["tune", *task, "--cache", "none", "--best", "1"], 1)[0]
    prefill, decode = (found[phase]["best"][0] for phase in ("prefill", "decode"))
    cores = [f"--prefill-cores={prefill['rows']}x{prefill['cols']}", f"--prefill-tree-k={prefill['tree_k']}",
             f"--decode-cores={decode['rows']}x{decode['cols']}", f"--tree-k={decode['tree_k']}", f"--prefill-experts={prefill['experts']}"]
    if decode["groups_given"]:
        cores.append(f"--groups={decode['groups_y']}")
    if not decode["fused"]:
        cores.append("--fuse=no")
    for phase, row in (("prefill", prefill), ("decode", decode)):
        if row["layers_given"]:
            cores.append(f"--{phase}-layers={row['layers_given']}")
    times = {name: plmr.records(["llm", *task, "--allow", "M,R", *cores, "--experts", name], 1)[0]["tpot_s"]
             for name in ("sliced", "blocks", "regions", "replicated")}
    check(times[decode["experts"]] == found["tpot_s"], f"{decode['experts']}: {times} for {found['tpot_s']}")


def check_model(check, plmr):
    place = plmr.records(["model", "mixtral-8x7b"], 1)[0]["placement"]["experts"]
    check(list(place) == ["sliced", "blocks", "regions", "replicated", "wafers"], f"{place}")
    check(place["sliced"]["stages"] > place["blocks"]["stages"] and place["replicated"]["stages"] > place["regions"]["stages"],
          f"{place}")
    check("experts" not in plmr.records(["model", "demo"], 1)[0]["placement"], "the demo model has no experts")


def check_device(check, plmr):
    place = ["llm", "-m", "demo", "--mode", "timing", "--prompt", "8", "--decode", "2", "--prefill-cores", "40x40", "--decode-cores", "40x40"]
    def record(*more):
        return plmr.records(place + list(more), 1)[0]
    plain, packed = record(), record("--weights", "i4", "--kv-dtype", "i8")
    check(packed["weights"] == "i4" and packed["kv_dtype"] == "i8" and packed["dtype"] == "f16", f"{packed}")
    check(packed["sram_peak_bytes"] < plain["sram_peak_bytes"] and packed["decode_cycles_first"] > plain["decode_cycles_first"],
          f"{packed} for {plain}")
    dear = record("--weights", "i4", "--device", "wse2:widen_i4=50")
    check(dear["decode_cycles_first"] > packed["decode_cycles_first"], f"{dear} for {packed}")
    for option in (["--weights", "f8"], ["--kv-dtype", "f8"]):
        code, _, err = plmr.run(place + option + ["--device", "wse2:widen_f8=0"], 1)
        check(code != 0 and len(err) == 1 and "does not say what it costs to widen f8" in err[0], f"{option}: {code} {err}")


def main():
    check = Checks()
    with Started(*sys.argv[1:3]) as plmr, tempfile.TemporaryDirectory() as folder:
        check_device(check, plmr)
        check_placements(check, plmr)
        check_wafers(check, plmr)
        check_both_phases(check, plmr)
        check_shared_link(check, plmr)
        check_blocks(check, plmr, sys.argv[3])
        check_slow(check, plmr, folder)
        check_dead(check, plmr, folder)
        check_borders(check, plmr)
        check_shared(check, plmr)
        check_loads(check, plmr, folder)
        check_prefill(check, plmr)
        check_model(check, plmr)
        check_batch(check, plmr)
        check_tune(check, plmr)
        runs = Runs(plmr, check, folder)
        check_cache(check, runs, sys.argv[3])
        check_experts(check, runs, sys.argv[3])
        check_weights(check, runs, sys.argv[3])
    check.done()


main()
