"""Matrices of quantised types that kernels read as they are give, bit for bit, what the same model gives with these matrices
widened to f16: logits of both phases and checksums of batches, on several grids of ranks. And they stay as they are: memory grows
with the file, as it does where all are of 16 bits.

quantised.py MPIEXEC MANY [PLMR]. Exits with 77 (skipped) without NumPy.
"""
import os
import struct
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("NumPy is not installed")
    sys.exit(77)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "model"))
from cli import Checks, Plmr, Started, of_the_wafer, show  # noqa: E402
from gguf_reader import TYPES  # noqa: E402

DIM, FFN, HEADS, KV, HEAD, VOCAB = 512, 768, 8, 2, 64, 300
F32, F16, Q8_0, Q4_K, Q6_K = 0, 1, 8, 12, 14
# By layer: each type where elements are dealt in their order, where heads deal them, and beside others in one sum.
SHAPES = {"attn_q": (DIM, DIM), "attn_k": (KV * HEAD, DIM), "attn_v": (KV * HEAD, DIM), "attn_output": (DIM, DIM),
          "ffn_gate": (FFN, DIM), "ffn_up": (FFN, DIM), "ffn_down": (DIM, FFN)}
KINDS = [dict(zip(SHAPES, kinds)) for kinds in ((Q4_K, Q8_0, Q6_K, Q4_K, Q4_K, Q8_0, Q6_K), (Q6_K, Q6_K, F16, Q8_0, Q8_0, Q6_K, Q4_K),
                                                (Q8_0, Q4_K, Q4_K, Q6_K, Q6_K, Q4_K, Q8_0))]
GRIDS = [("1x1", 1), ("1x3", 3), ("2x2", 4), ("4x1", 4)]


def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def keys(n_layers):
    numbers = {"block_count": n_layers, "context_length": 512, "embedding_length": DIM, "feed_forward_length": FFN, "vocab_size": VOCAB,
               "attention.head_count": HEADS, "attention.head_count_kv": KV, "rope.dimension_count": HEAD}
    yield text("general.architecture") + struct.pack("<I", 8) + text("llama")
    for name, value in numbers.items():
        yield text("llama." + name) + struct.pack("<II", 4, value)
    yield text("llama.attention.layer_norm_rms_epsilon") + struct.pack("<If", 6, 1e-5)


def blocks(random, shape, kind):
    """Random ones, whose values are as large as a model's."""
    _, n_elements, n_bytes, halves, _ = TYPES[kind]
    n = int(np.prod(shape)) // n_elements
    if kind == F16:
        return (random.standard_normal((n, 1)) * 0.05).astype("<f2").view(np.uint8)
    raw = random.integers(0, 256, (n, n_bytes), dtype=np.uint8)
    for at, scale in zip(halves, {Q8_0: [5e-4], Q4_K: [2e-4, 1.5e-3], Q6_K: [2e-5]}[kind]):
        raw[:, at:at + 2] = (scale * random.uniform(-1, 1, (n, 1))).astype("<f2").view(np.uint8)
    return raw


def tensors(random, n_layers):
    """Name, shape, type and blocks of each."""
    yield "token_embd.weight", (VOCAB, DIM), F32, random.standard_normal((VOCAB, DIM)).astype("<f4")
    for i in range(n_layers):
        kinds = KINDS[i % len(KINDS)]
        for name in ("attn_norm", "ffn_norm"):
            yield f"blk.{i}.{name}.weight", (DIM,), F32, np.ones(DIM, "<f4")
        for name, kind in kinds.items():
            yield f"blk.{i}.{name}.weight", SHAPES[name], kind, blocks(random, SHAPES[name], kind)
    yield "output_norm.weight", (DIM,), F32, np.ones(DIM, "<f4")
    yield "output.weight", (VOCAB, DIM), Q6_K, blocks(random, (VOCAB, DIM), Q6_K)


def widened(kind, raw):
    return F16, TYPES[kind][4](raw).astype("<f4").astype("<f2")


def write(path, widens, n_layers=len(KINDS)):
    info, data, n = b"", b"", 0
    for name, shape, kind, raw in tensors(np.random.default_rng(1), n_layers):
        if widens and kind not in (F32, F16):
            kind, raw = widened(kind, raw)
        info += text(name) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", d) for d in shape[::-1])
        info += struct.pack("<IQ", kind, len(data))
        data += raw.tobytes()
        data += b"\0" * (-len(data) % 32)
        n += 1
    head = b"GGUF" + struct.pack("<IQQ", 3, n, len(list(keys(n_layers)))) + b"".join(keys(n_layers)) + info
    with open(path, "wb") as file:
        file.write(head + b"\0" * (-len(head) % 32) + data)
    return path


def logits(plmr, check, model, phase, grid, folder, n=10):
    path = os.path.join(folder, "out")
    args = ["logits", "-m", model, "--tokens", ",".join(str(1 + 17 * i % 90) for i in range(n)), "--phase", phase, "--prefill-cores", "9x9", "--decode-cores", "7x11",
            "--allow", "M", "--ranks", grid[0], "--out", path]
    code, _, err = plmr.run(args, grid[1])
    if not check(code == 0, f"{show(args, grid[1])} ends with {code}: {err}"):
        return b""
    with open(path, "rb") as file:
        return file.read()


def batch(plmr, model, grid):
    args = ["llm", "-m", model, "--mode", "compute", "--prompt", "5", "--decode", "3", "--batch", "3", "--prefill-cores", "9x9",
            "--decode-cores", "7x11", "--allow", "M", "--ranks", grid[0]]
    return of_the_wafer(plmr.records(args, grid[1])[0])["checksum"]


def peak(plmr, model, args):
    """Bytes of memory of a run; started by mpirun, for what this process takes would count for its own."""
    cores = ["--prefill-cores", "9x9", "--decode-cores", "7x11", "--allow", "M"]
    return plmr.records([args[0], "-m", model, *args[1:], *cores], 1)[0]["rss_peak_bytes"]


def grows_with_file(plmr, check, folder, widens, *args):
    """What a larger file takes beyond a smaller one's."""
    small, large = (write(os.path.join(folder, f"{n}.gguf"), widens, n) for n in (len(KINDS), 24))
    n_bytes = os.path.getsize(large) - os.path.getsize(small)
    grown = peak(plmr, large, args) - peak(plmr, small, args)
    check(n_bytes / 2 < grown <= 1.2 * n_bytes, f"{show(args, 1)}: {n_bytes} bytes of file take {grown} bytes of memory")


def memory(plmr, check, folder):
    """Of a few rows, and of more than are few; and of 16-bit weights that are turned behind a short prompt, and behind a long one."""
    for n in 5, 30:
        grows_with_file(plmr, check, folder, False, "llm", "--mode", "compute", "--prompt", str(n), "--decode", "3")
    for n in 5, 70:
        grows_with_file(plmr, check, folder, True, "generate", "--tokens", ",".join(str(1 + i) for i in range(n)), "-n", "400")


def main():
    check = Checks()
    with tempfile.TemporaryDirectory() as folder, Started(*sys.argv[1:3]) as plmr:
        quantised, wide = write(os.path.join(folder, "q.gguf"), False), write(os.path.join(folder, "wide.gguf"), True)
        if len(sys.argv) > 3:
            memory(Plmr(sys.argv[1], sys.argv[3]), check, folder)
        for what, run in (("long prefill", lambda m, g: logits(plmr, check, m, "prefill", g, folder, 20)),
                          ("prefill", lambda m, g: logits(plmr, check, m, "prefill", g, folder)),
                          ("decode", lambda m, g: logits(plmr, check, m, "decode", g, folder)),
                          ("batch", lambda m, g: batch(plmr, m, g))):
            want = run(wide, GRIDS[0])
            for grid in GRIDS:
                check(run(quantised, grid) == want, f"{what}: with {grid[0]} ranks quantised matrices give other values than widened ones")
    check.done()


main()
