#!/usr/bin/env python3
"""Checks a GGUF file of a llama model against reference values, and lets it tell stories. Uses NumPy only, and nothing
of what trained and wrote the file.

check.py [MODEL] [--reference PREFIX] [--prompt TEXT] [--temperature T ...] [--seed N] [--tokens N] [--stories N]

PREFIX.tokens holds ids, PREFIX.logits.f32 the logits after each of them (and after each greedy one, as far as it goes),
PREFIX.greedy the prompt and its greedy continuation; each is checked if it is there.
"""
import argparse
import os
import struct
import sys

import numpy as np

MARK = "\u2581"
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


class Reader:
    """A GGUF file: .keys and .tensors, all in float32."""

    FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.at = 0
        if self.data[:4] != b"GGUF":
            raise SystemExit(f"{path}: not a GGUF file")
        self.at = 4
        version, n_tensors, n_keys = self.plain("I"), self.plain("Q"), self.plain("Q")
        if version not in (2, 3):
            raise SystemExit(f"{path}: GGUF version {version}")
        self.keys = {}
        for _ in range(n_keys):
            key = self.string()
            self.keys[key] = self.value(self.plain("I"))
        infos = []
        for _ in range(n_tensors):
            name = self.string()
            shape = [self.plain("Q") for _ in range(self.plain("I"))]
            infos.append((name, shape[::-1], self.plain("I"), self.plain("Q")))
        alignment = self.keys.get("general.alignment", 32)
        start = -(-self.at // alignment) * alignment
        self.types = {name: kind for name, _, kind, _ in infos}
        self.tensors = {name: self.tensor(shape, kind, start + offset) for name, shape, kind, offset in infos}

    def plain(self, code):
        value, = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize(code)
        return value

    def string(self):
        length = self.plain("Q")
        self.at += length
        return self.data[self.at - length:self.at].decode("utf-8")

    def value(self, kind):
        if kind == 8:
            return self.string()
        if kind == 9:
            item, count = self.plain("I"), self.plain("Q")
            return [self.value(item) for _ in range(count)]
        return self.plain(self.FORMATS[kind])

    def tensor(self, shape, kind, offset):
        if kind not in (0, 1):
            raise SystemExit(f"tensor type {kind} is neither F32 nor F16")
        stored = np.frombuffer(self.data, "<f4" if kind == 0 else "<f2", int(np.prod(shape)), offset)
        return stored.reshape(shape).astype(np.float32)


class Tokenizer:
    """SentencePiece-like BPE: joins, again and again, the two neighbours that make the piece with the highest score."""

    def __init__(self, keys):
        self.tokens = keys["tokenizer.ggml.tokens"]
        self.scores = keys["tokenizer.ggml.scores"]
        self.kinds = keys["tokenizer.ggml.token_type"]
        self.ids = {}
        for i, token in enumerate(self.tokens):
            if self.kinds[i] in (NORMAL, USER):
                self.ids.setdefault(token, i)
        self.byte_ids = {int(t[3:5], 16): i for i, t in enumerate(self.tokens) if self.kinds[i] == BYTE}
        self.begin, self.end = keys["tokenizer.ggml.bos_token_id"], keys["tokenizer.ggml.eos_token_id"]

    def encode(self, text):
        symbols = list(MARK + text.replace(" ", MARK))
        while True:
            best, where = None, None
            for i in range(len(symbols) - 1):
                token = self.ids.get(symbols[i] + symbols[i + 1])
                if token is not None and (best is None or self.scores[token] > best):
                    best, where = self.scores[token], i
            if where is None:
                break
            symbols[where:where + 2] = [symbols[where] + symbols[where + 1]]
        ids = [self.begin]
        for symbol in symbols:
            ids += [self.ids[symbol]] if symbol in self.ids else [self.byte_ids[b] for b in symbol.encode("utf-8")]
        return ids

    def decode(self, ids):
        data = b""
        for i in ids:
            if self.kinds[i] == BYTE:
                data += bytes([int(self.tokens[i][3:5], 16)])
            elif self.kinds[i] in (NORMAL, USER):
                data += self.tokens[i].replace(MARK, " ").encode("utf-8")
        return data.decode("utf-8", errors="replace")


class Llama:
    """The forward pass, one token at a time, in float32."""

    def __init__(self, reader):
        key = {k[len("llama."):]: v for k, v in reader.keys.items() if k.startswith("llama.")}
        self.w = reader.tensors
        self.layers, self.heads = key["block_count"], key["attention.head_count"]
        self.kv_heads = key.get("attention.head_count_kv", self.heads)
        self.head_dim = key["embedding_length"] // self.heads
        self.context = key["context_length"]
        self.experts_used = key.get("expert_used_count", 0)
        self.eps = np.float32(key["attention.layer_norm_rms_epsilon"])
        half = np.arange(0, self.head_dim, 2) / self.head_dim
        self.turn = key.get("rope.freq_base", 10000.0) ** -half
        if "rope_freqs.weight" in self.w:
            self.turn = self.turn / self.w["rope_freqs.weight"]
        self.output = self.w.get("output.weight", self.w["token_embd.weight"])
        self.restart()

    def restart(self):
        self.cache = [([], []) for _ in range(self.layers)]

    def norm(self, x, name):
        return x / np.sqrt(np.mean(x * x) + self.eps) * self.w[name]

    def rope(self, x, position):
        cos, sin = np.cos(position * self.turn).astype(np.float32), np.sin(position * self.turn).astype(np.float32)
        y = np.empty_like(x)
        y[:, 0::2] = x[:, 0::2] * cos - x[:, 1::2] * sin
        y[:, 1::2] = x[:, 0::2] * sin + x[:, 1::2] * cos
        return y

    def attention(self, x, layer):
        name = f"blk.{layer}.attn_"
        keys, values = self.cache[layer]
        position = len(keys)
        q = self.rope((self.w[name + "q.weight"] @ x).reshape(self.heads, -1), position)
        keys.append(self.rope((self.w[name + "k.weight"] @ x).reshape(self.kv_heads, -1), position))
        values.append((self.w[name + "v.weight"] @ x).reshape(self.kv_heads, -1))
        k, v = np.stack(keys), np.stack(values)
        heads = []
        for h in range(self.heads):
            kv = h // (self.heads // self.kv_heads)
            scores = k[:, kv] @ q[h] / np.float32(np.sqrt(self.head_dim))
            weights = np.exp(scores - scores.max())
            heads.append(weights / weights.sum() @ v[:, kv])
        return self.w[name + "output.weight"] @ np.concatenate(heads)

    def ffn(self, x, layer):
        name = f"blk.{layer}.ffn_"
        gate = self.w[name + "gate.weight"] @ x
        return self.w[name + "down.weight"] @ (gate / (1 + np.exp(-gate)) * (self.w[name + "up.weight"] @ x))

    def mixture(self, x, layer):
        """The likeliest experts' FFNs, weighed by the softmax of their logits alone."""
        name = f"blk.{layer}.ffn_"
        logits = self.w[name + "gate_inp.weight"] @ x
        chosen = np.argsort(-logits, kind="stable")[:self.experts_used]
        weights = np.exp(logits[chosen] - logits.max())
        y = np.zeros_like(x)
        for e, weight in zip(chosen, weights / weights.sum()):
            gate = self.w[name + "gate_exps.weight"][e] @ x
            hidden = gate / (1 + np.exp(-gate)) * (self.w[name + "up_exps.weight"][e] @ x)
            y += weight * (self.w[name + "down_exps.weight"][e] @ hidden)
        return y

    def step(self, token):
        """The logits after one more token."""
        x = self.w["token_embd.weight"][token]
        for layer in range(self.layers):
            x = x + self.attention(self.norm(x, f"blk.{layer}.attn_norm.weight"), layer)
            ffn = self.mixture if self.experts_used else self.ffn
            x = x + ffn(self.norm(x, f"blk.{layer}.ffn_norm.weight"), layer)
        return self.output @ self.norm(x, "output_norm.weight")

    def rows(self, ids):
        self.restart()
        return np.stack([self.step(i) for i in ids])


def choose(logits, temperature, rng):
    if temperature == 0:
        return int(np.argmax(logits))
    chances = np.exp((logits.astype(np.float64) - logits.max()) / temperature)
    return int(rng.choice(len(chances), p=chances / chances.sum()))


def generate(model, prompt, count, temperature=0.0, end=None, rng=None):
    """Up to count tokens after the prompt, and the smallest lead of the likeliest token over the second."""
    logits, ids, lead = model.rows(prompt)[-1], [], np.inf
    while len(ids) < count and len(prompt) + len(ids) < model.context:
        second, first = np.partition(logits, -2)[-2:]
        lead = min(lead, first - second)
        ids.append(choose(logits, temperature, rng))
        if ids[-1] == end:
            break
        logits = model.step(ids[-1])
    return ids, lead


def read_greedy(path):
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    prompt, greedy = ([int(i) for i in line.split()[1:]] for line in lines[1:3])
    return prompt, greedy, "\n".join(lines[3:]).removesuffix("\n").removeprefix("text ")


def compare(model, tokenizer, prefix, tolerance):
    """Compares with the reference files; true if all agree."""
    good, greedy = True, []
    if os.path.exists(prefix + ".greedy"):
        prompt, greedy, text = read_greedy(prefix + ".greedy")
        ids, lead = generate(model, prompt, len(greedy))
        same = ids == greedy and (not tokenizer or not text or tokenizer.decode(ids).strip() == text.strip())
        good &= same
        print(f"greedy: {len(greedy)} tokens {'agree' if same else 'DIFFER'}, smallest lead {lead:.4f}")
    if os.path.exists(prefix + ".logits.f32"):
        with open(prefix + ".tokens", encoding="utf-8") as file:
            ids = [int(i) for i in file.read().replace(",", " ").split()] + greedy
        logits = np.fromfile(prefix + ".logits.f32", "<f4").reshape(-1, len(model.output))
        apart = np.abs(model.rows(ids[:len(logits)]) - logits).max()
        good &= bool(apart < tolerance)
        print(f"logits: {len(logits)} rows differ by at most {apart:.2e} of {np.abs(logits).max():.1f}")
    return good


def main():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    parser = argparse.ArgumentParser(description="Checks a model and lets it tell stories.")
    parser.add_argument("model", nargs="?", default=os.path.join(root, "share/models/demo.gguf"))
    parser.add_argument("--reference", default=os.path.join(root, "tests/data/llm/demo"))
    parser.add_argument("--tolerance", type=float, default=1e-3, help="of the logits")
    parser.add_argument("--prompt", default="Once upon a time")
    parser.add_argument("--temperature", type=float, nargs="*", default=[0.0, 0.8])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=1000, help="at most; stories end by themselves")
    parser.add_argument("--stories", type=int, default=1, help="for each temperature above 0")
    args = parser.parse_args()

    reader = Reader(args.model)
    for key, value in reader.keys.items():
        if not isinstance(value, list):
            print(f"{key}: {value}")
    n_weights = sum(tensor.size for tensor in reader.tensors.values())
    print(f"{len(reader.tensors)} tensors, {n_weights} weights, {len(reader.data)} bytes")
    model = Llama(reader)
    tokenizer = Tokenizer(reader.keys) if reader.keys["tokenizer.ggml.model"] == "llama" else None
    good = compare(model, tokenizer, args.reference, args.tolerance)
    if tokenizer:
        prompt, rng = tokenizer.encode(args.prompt), np.random.default_rng(args.seed)
        print("prompt:", " ".join(map(str, prompt)))
        for temperature in args.temperature:
            for _ in range(args.stories if temperature else 1):
                ids, _ = generate(model, prompt, args.tokens, temperature, tokenizer.end, rng)
                state = "ended" if ids and ids[-1] == tokenizer.end else "cut off"
                print(f"\n--- temperature {temperature}, {len(ids)} tokens, {state} ---")
                print(tokenizer.decode(prompt + ids).strip())
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
