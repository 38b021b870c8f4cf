"""The tensors that plmr logits --dump writes, against a forward in float64; the same on any number of ranks.

dump.py MPIEXEC PLMR DATA_FOLDER. Exits with 77 (skipped) without NumPy.
"""
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
from cli import Checks, Plmr, show  # noqa: E402
from forward import Forward  # noqa: E402
from gguf_reader import load  # noqa: E402

NAMES = [  # of a llama
    "attn_norm", "q", "k", "v", "attn", "attn_out", "ffn_norm", "ffn_gate", "ffn_up", "ffn_hidden", "ffn_out"]
POST_NORMS = {"attn_post_norm", "ffn_post_norm"}
ROUTED = {"router", "routed"}
DENSE = {"ffn_gate", "ffn_up", "ffn_hidden"}
MORE = {"olmo2_f32": POST_NORMS | {"q_norm", "k_norm"}, "gemma2_f32": POST_NORMS, "gptoss_f32": ROUTED,
        "qwen2moe_f32": ROUTED | {"share", "shared_gate", "shared_up", "shared_hidden", "shared_out"}}
LESS = {"olmo2_f32": {"attn_norm", "ffn_norm"}, "gptoss_f32": DENSE, "qwen2moe_f32": DENSE}
TOKENS = [5, 89, 195, 33, 7, 7, 101, 2, 64, 250, 17]
CASES = [  # model, prefill's cores, decode's, numbers of ranks
    ("llama_gqa_f32", "8x8", "8x8", [None, 3]),
    ("qwen2_odd_f32", "13x13", "9x20", [None, 4]),
    ("qwen3_f32", "13x13", "9x20", [None, 2]),
    ("olmo2_f32", "13x13", "9x20", [None, 2]),
    ("gemma2_f32", "13x13", "9x20", [None, 2]),
    ("qwen2moe_f32", "13x13", "9x20", [None, 2]),
    ("gptoss_f32", "3x3", "4x3", [None, 2]),
]


def read_folder(folder):
    files = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            files[name] = file.read()
    return files


def check_tensors(check, what, folder, exact, phase):
    """Every tensor of every layer: in prefill of all tokens, in decode of one token in each file."""
    files = set(os.listdir(folder))
    for (layer, name), want in exact.steps.items():
        firsts = [0] if phase == "prefill" else range(len(TOKENS))
        paths = [f"{phase}-{first}-{layer}-{name}.npy" for first in firsts]
        if not check(files.issuperset(paths), f"{what}: not all of {paths[0]} ... {paths[-1]}"):
            continue
        files.difference_update(paths)
        got = np.concatenate([np.load(os.path.join(folder, path)) for path in paths])
        if check(got.dtype == np.float32 and got.shape == want.shape, f"{what}: {paths[0]} is {got.dtype} {got.shape}"):
            off = np.abs(got - want).max() / np.abs(want).max()
            check(off <= (1e-3 if "gemma" in what else 2e-5), f"{what}: {paths[0]}: off by {off:.3g} of the largest element")
    check(not files, f"{what}: {sorted(files)[:9]} were not expected")


def check_meshgemm(check, plmr, model, path, folder, cores):
    """A prefill's product has the bits of MeshGEMM on the same cores."""
    paths = {name: os.path.join(folder, f"prefill-0-0-{name}.npy") for name in ("ffn_norm", "ffn_gate")}
    with tempfile.TemporaryDirectory() as scratch:
        b, c = os.path.join(scratch, "b.npy"), os.path.join(scratch, "c.npy")
        np.save(b, np.ascontiguousarray(load(path)[1]["blk.0.ffn_gate.weight"][1].T.astype(np.float32)))
        args = ["gemm", "--alg", "meshgemm", "--cores", cores, "--dtype", "f32", "--a", paths["ffn_norm"], "--b", b, "--out", c]
        code, _, err = plmr.run(args, 1)
        check(code == 0, f"{show(args, 1)} ends with {code}: {err}")
        same = code == 0 and np.load(c).tobytes() == np.load(paths["ffn_gate"]).tobytes()
        check(same, f"{model}: the FFN's gate has not the bits of MeshGEMM on {cores}")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    for model, prefill, decode, all_ranks in CASES:
        path = os.path.join(sys.argv[3], model + ".gguf")
        exact = Forward(path)
        exact.logits(TOKENS)
        names = set(NAMES) - LESS.get(model, set()) | MORE.get(model, set())
        check({name for _, name in exact.steps} == names, f"the forward has every tensor of {model}")
        args = ["logits", "-m", path, "--tokens", ",".join(map(str, TOKENS)), "--prefill-cores", prefill, "--decode-cores",
                decode]
        for phase in ("prefill", "decode"):
            dumps = []
            with tempfile.TemporaryDirectory() as scratch:
                for ranks in all_ranks:
                    folder = os.path.join(scratch, str(ranks))
                    more = ["--phase", phase, "--dump", folder, "--out", os.path.join(scratch, "logits")]
                    code, out, err = plmr.run(args + more, ranks)
                    check(code == 0 and not out and not err, f"{show(args + more, ranks)} ends with {code}: {err}")
                    check_tensors(check, f"{model} on {ranks} ranks", folder, exact, phase)
                    dumps.append(read_folder(folder))
                if phase == "prefill" and model not in LESS:
                    check_meshgemm(check, plmr, model, path, folder, prefill)
            check(all(dump == dumps[0] for dump in dumps), f"{model}: dumps depend on the number of ranks")
    check.done()


main()
