"""The forward pass of a llama, qwen2 or qwen3 model in float64, from a GGUF file's weights as they are stored. Shares no code with
plmr. Every step's tensor is kept, by the names that plmr's dumps have."""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "model"))
from gguf_reader import load  # noqa: E402


class Forward:
    def __init__(self, path):
        keys, tensors = load(path)
        self.arch = keys["general.architecture"]
        self.w = {name: values.astype(np.float64) for name, (_, values) in tensors.items()}
        key = {name[len(self.arch) + 1:]: value for name, value in keys.items() if name.startswith(self.arch + ".")}
        self.layers, self.heads = key["block_count"], key["attention.head_count"]
        self.kv_heads = key.get("attention.head_count_kv", self.heads)
        self.head_dim = key.get("attention.key_length", key["embedding_length"] // self.heads)
        self.eps = key["attention.layer_norm_rms_epsilon"]
        self.turn = key.get("rope.freq_base", 10000.0) ** (-np.arange(0, self.head_dim, 2) / self.head_dim)
        if "rope_freqs.weight" in self.w and self.arch == "llama":
            self.turn = self.turn / self.w["rope_freqs.weight"].ravel()
        self.steps = {}  # (layer, name): tokens x elements

    def norm(self, x, name):
        return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + self.eps) * self.w[name + ".weight"].ravel()

    def project(self, x, name):
        bias = self.w.get(name + ".bias")
        return x @ self.w[name + ".weight"].T + (0 if bias is None else bias.ravel())

    def rope(self, x):
        """x: tokens x heads x head_dim, token i at position i."""
        angle = np.arange(len(x))[:, None, None] * self.turn
        pairs = [slice(0, None, 2), slice(1, None, 2)]
        if self.arch in ("qwen2", "qwen3"):
            pairs = [slice(0, self.head_dim // 2), slice(self.head_dim // 2, None)]
        a, b = x[..., pairs[0]], x[..., pairs[1]]
        turned = np.empty_like(x)
        turned[..., pairs[0]] = a * np.cos(angle) - b * np.sin(angle)
        turned[..., pairs[1]] = a * np.sin(angle) + b * np.cos(angle)
        return turned

    def heads_of(self, x, n_heads, norm):
        """Heads, each normed where the model does so, and turned."""
        x = x.reshape(len(x), n_heads, -1)
        return self.rope(self.norm(x, norm) if norm + ".weight" in self.w else x)

    def attention(self, q, k, v, name):
        n = len(q)
        q = self.heads_of(q, self.heads, name + "attn_q_norm")
        k = self.heads_of(k, self.kv_heads, name + "attn_k_norm").repeat(self.heads // self.kv_heads, axis=1)
        v = v.reshape(n, self.kv_heads, -1).repeat(self.heads // self.kv_heads, axis=1)
        scores = np.einsum("ihd,jhd->hij", q, k) / np.sqrt(self.head_dim)
        scores[:, np.triu(np.ones((n, n), bool), 1)] = -np.inf
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        return np.einsum("hij,jhd->ihd", weights, v).reshape(n, -1)

    def layer(self, x, i):
        name = f"blk.{i}."
        step = {"attn_norm": self.norm(x, name + "attn_norm")}
        for part in "qkv":
            step[part] = self.project(step["attn_norm"], name + "attn_" + part)
        step["attn"] = self.attention(step["q"], step["k"], step["v"], name)
        step["attn_out"] = self.project(step["attn"], name + "attn_output")
        x = x + step["attn_out"]
        step["ffn_norm"] = self.norm(x, name + "ffn_norm")
        for part in ("ffn_gate", "ffn_up"):
            step[part] = self.project(step["ffn_norm"], name + part)
        step["ffn_hidden"] = step["ffn_gate"] / (1 + np.exp(-step["ffn_gate"])) * step["ffn_up"]
        step["ffn_out"] = self.project(step["ffn_hidden"], name + "ffn_down")
        self.steps.update({(i, part): values for part, values in step.items()})
        return x + step["ffn_out"]

    def logits(self, tokens):
        """One row for each token."""
        x = self.w["token_embd.weight"][tokens]
        for i in range(self.layers):
            x = self.layer(x, i)
        return self.norm(x, "output_norm") @ self.w.get("output.weight", self.w["token_embd.weight"]).T
