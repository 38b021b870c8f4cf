"""The forward pass of a model in float64, from a GGUF file's weights as they are stored; gemma's gelu is rounded to halves, as
plmr's and llama.cpp's is. Shares no code with plmr. Every step's tensor is kept, by the names that plmr's dumps have."""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "model"))
from gguf_reader import load  # noqa: E402

NEIGHBOURS = ("llama", "granite", "smollm3", "mistral3")  # turn elements 2 i and 2 i + 1 together; others halves
GEMMAS = ("gemma2", "gemma3")
PERIODS = {"gemma2": 2, "gemma3": 6, "gpt-oss": 2}  # each so-manieth layer has no window


def silu(x):
    return x / (1 + np.exp(-x))


def gelu(x):
    half = x.astype(np.float16).astype(np.float64)
    y = half / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (half + 0.044715 * half**3)))
    return np.where(x <= -10, 0, np.where(x >= 10, x, y.astype(np.float16).astype(np.float64)))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Forward:
    def __init__(self, path):
        keys, tensors = load(path)
        self.arch = keys["general.architecture"]
        self.w = {name: values.astype(np.float64) for name, (_, values) in tensors.items()}
        self.key = {name[len(self.arch) + 1:]: self.alike(value) for name, value in keys.items() if name.startswith(self.arch + ".")}
        key = self.key
        self.layers, self.heads, self.dim = key["block_count"], key["attention.head_count"], key["embedding_length"]
        self.kv_heads = key.get("attention.head_count_kv", self.heads)
        self.head_dim = key.get("attention.key_length", self.dim // self.heads)
        self.rope_dim = key.get("rope.dimension_count", self.head_dim)
        self.eps = key["attention.layer_norm_rms_epsilon"]
        self.window = key.get("attention.sliding_window", 0)
        self.scale = key.get("attention.scale", 0) or 1 / np.sqrt(self.head_dim)
        self.split_fused()
        self.steps = {}  # (layer, name): tokens x elements

    @staticmethod
    def alike(value):
        """A number that is given for each layer."""
        return value[0] if isinstance(value, list) and all(v == value[0] for v in value) else value

    def split_fused(self):
        """Phi's tensors of several matrices."""
        q, k = self.heads * self.head_dim, self.kv_heads * self.head_dim
        for name in [name for name in self.w if name.endswith("attn_qkv.weight")]:
            block = name[: -len("attn_qkv.weight")]
            for part, rows in zip("qkv", np.split(self.w[name], [q, q + k])):
                self.w[f"{block}attn_{part}.weight"] = rows
            self.w[block + "ffn_gate.weight"], self.w[block + "ffn_up.weight"] = np.split(self.w[block + "ffn_up.weight"], 2)

    def norm(self, x, name):
        return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + self.eps) * self.w[name + ".weight"].ravel()

    def project(self, x, name):
        bias = self.w.get(name + ".bias")
        return x @ self.w[name + ".weight"].T + (0 if bias is None else bias.ravel())

    def has_window(self, i):
        listed = self.key.get("attention.sliding_window_pattern")
        if listed:
            return self.window and listed[i]
        period = PERIODS.get(self.arch, 0)
        return self.window and (period == 0 or (i + 1) % period != 0)

    def speeds(self, n, i):
        """Radians from one position to the next, and what turned elements are multiplied by."""
        key, pairs = self.key, np.arange(self.rope_dim // 2)
        if self.arch == "gemma3" and self.has_window(i):
            return 10000.0 ** (-2 * pairs / self.rope_dim), 1
        base, factor, kind = key.get("rope.freq_base", 10000.0), key.get("rope.scaling.factor", 1), key.get("rope.scaling.type")
        context = key.get("rope.scaling.original_context_length", key["context_length"])
        speed = base ** (-2 * pairs / self.rope_dim)
        if "rope_freqs.weight" in self.w:
            speed = speed / self.w["rope_freqs.weight"].ravel()
        if "rope_factors_long.weight" in self.w:
            speed = speed / self.w["rope_factors_long.weight" if n > context else "rope_factors_short.weight"].ravel()
        if kind != "yarn":
            return speed / factor, key.get("rope.scaling.attn_factor", 1)
        low, high = (self.rope_dim * np.log(context / turns / 2 / np.pi) / 2 / np.log(base) for turns in (32, 1))
        low, high = max(0, np.floor(low)), min(self.rope_dim - 1, np.ceil(high))
        share = np.clip((pairs - low) / max(0.001, high - low), 0, 1)
        grown = 0.1 * np.log(factor)
        return speed * (share / factor + 1 - share), (1 + grown) / (1 + key.get("rope.scaling.yarn_log_multiplier", 0) * grown)

    def rope(self, x, i):
        """x: tokens x heads x head_dim, token i at position i."""
        if self.arch == "smollm3" and (i + 1) % 4 == 0:
            return x
        _, magnitude = self.speeds(len(x), i)
        speed = np.array([self.speeds(max(n + 1, self.n_prompt), i)[0] for n in range(len(x))])
        angle = np.arange(len(x))[:, None, None] * speed[:, None, :]
        pairs = [slice(0, self.rope_dim, 2), slice(1, self.rope_dim, 2)]
        if self.arch not in NEIGHBOURS:
            pairs = [slice(0, self.rope_dim // 2), slice(self.rope_dim // 2, self.rope_dim)]
        a, b = x[..., pairs[0]], x[..., pairs[1]]
        turned = x.copy()
        turned[..., pairs[0]] = (a * np.cos(angle) - b * np.sin(angle)) * magnitude
        turned[..., pairs[1]] = (a * np.sin(angle) + b * np.cos(angle)) * magnitude
        return turned

    def heads_of(self, x, n_heads, norm, i):
        """Heads, each normed where the model does so, and turned."""
        x = x.reshape(len(x), n_heads, -1)
        of_heads = self.w.get(norm + ".weight", np.zeros(0)).size == self.head_dim
        return self.rope(self.norm(x, norm) if of_heads and self.arch != "olmo2" else x, i)

    def attention(self, q, k, v, name, i):
        n = len(q)
        q = self.heads_of(q, self.heads, name + "attn_q_norm", i)
        k = self.heads_of(k, self.kv_heads, name + "attn_k_norm", i).repeat(self.heads // self.kv_heads, axis=1)
        v = v.reshape(n, self.kv_heads, -1).repeat(self.heads // self.kv_heads, axis=1)
        scores = np.einsum("ihd,jhd->hij", q, k) * self.scale
        if self.key.get("attention.temperature_scale"):
            grown = np.log(1 + np.arange(n) // self.key["rope.scaling.original_context_length"])
            scores *= (1 + self.key["attention.temperature_scale"] * grown)[:, None]
        if self.arch == "gemma2":
            cap = self.key["attn_logit_softcapping"]
            scores = cap * np.tanh(scores / cap)
        scores[:, np.triu(np.ones((n, n), bool), 1)] = -np.inf
        if self.has_window(i):
            scores[:, np.tril(np.ones((n, n), bool), -self.window)] = -np.inf
        if name + "attn_sinks.weight" in self.w:
            sinks = np.broadcast_to(self.w[name + "attn_sinks.weight"].reshape(-1, 1, 1), (self.heads, n, 1))
            weights = softmax(np.concatenate([scores, sinks], axis=-1))[:, :, :-1]
        else:
            weights = softmax(scores)
        return np.einsum("hij,jhd->ihd", weights, v).reshape(n, -1)

    def dense(self, x, name, step):
        for part in ("ffn_gate", "ffn_up"):
            step[part] = self.project(x, name + part)
        step["ffn_hidden"] = (gelu if self.arch in GEMMAS else silu)(step["ffn_gate"]) * step["ffn_up"]
        step["ffn_out"] = self.project(step["ffn_hidden"], name + "ffn_down")
        return step["ffn_out"]

    def expert(self, x, name, e):
        """What expert e makes of tokens."""
        def part(which, x):
            bias = self.w.get(f"{name}ffn_{which}_exps.bias")
            weight = self.w[f"{name}ffn_{which}_exps.weight"]
            return x @ weight.reshape(self.key["expert_count"], -1, weight.shape[-1])[e].T + (0 if bias is None else bias[e])
        gate, up = part("gate", x), part("up", x)
        if self.arch != "gpt-oss":
            return part("down", silu(gate) * up)
        gate, up = np.minimum(gate, 7), np.clip(up, -7, 7)
        return part("down", gate / (1 + np.exp(-1.702 * gate)) * (1 + up))

    def experts(self, x, name, step):
        """The experts that each token is routed to, weighted."""
        step["router"] = self.project(x, name + "ffn_gate_inp")
        used = np.argsort(-step["router"], axis=-1, kind="stable")[:, :self.key["expert_used_count"]]
        weights = np.take_along_axis(step["router"], used, -1)
        weights = np.take_along_axis(softmax(step["router"]), used, -1) if self.arch == "qwen2moe" else softmax(weights)
        step["routed"] = np.full_like(step["router"], -1)
        np.put_along_axis(step["routed"], used, weights, -1)
        out = np.zeros_like(x)
        for e in range(self.key["expert_count"]):
            rows = step["routed"][:, e] >= 0
            out[rows] += step["routed"][rows, e][:, None] * self.expert(x[rows], name, e)
        step["ffn_out"] = out

    def shared(self, x, name, step):
        """The share of the expert that all tokens have."""
        step["share"] = self.project(x, name + "ffn_gate_inp_shexp").reshape(-1, 1)
        step["shared_gate"], step["shared_up"] = self.project(x, name + "ffn_gate_shexp"), self.project(x, name + "ffn_up_shexp")
        step["shared_hidden"] = silu(step["shared_gate"]) * step["shared_up"]
        step["shared_out"] = self.project(step["shared_hidden"], name + "ffn_down_shexp")
        return step["shared_out"] / (1 + np.exp(-step["share"]))

    def add(self, x, step, part, name, post):
        """Onto the stream: normed first, or scaled, where the model does so."""
        added = step[part]
        if name + post + ".weight" in self.w and self.arch != "gpt-oss":
            added = self.norm(added, name + post)
            step[part.replace("_out", "_post_norm")] = added
        return x + added * self.key.get("residual_scale", 1)

    def layer(self, x, i):
        name, step, first = f"blk.{i}.", {}, self.arch != "olmo2"
        if first:
            step["attn_norm"] = self.norm(x, name + "attn_norm")
        for part in "qkv":
            step[part] = self.project(step["attn_norm"] if first else x, name + "attn_" + part)
        q, k = step["q"], step["k"]
        if not first:
            q = step["q_norm"] = self.norm(q, name + "attn_q_norm")
            k = step["k_norm"] = self.norm(k, name + "attn_k_norm")
        step["attn"] = self.attention(q, k, step["v"], name, i)
        step["attn_out"] = self.project(step["attn"], name + "attn_output")
        x = self.add(x, step, "attn_out", name, "post_attention_norm")
        if first:
            step["ffn_norm"] = self.norm(x, name + ("post_attention_norm" if self.arch == "gpt-oss" else "ffn_norm"))
        if self.arch == "qwen2moe":
            x = x + self.shared(step["ffn_norm"], name, step)
        ffn = self.experts if name + "ffn_gate_inp.weight" in self.w else self.dense
        ffn(step["ffn_norm"] if first else x, name, step)
        x = self.add(x, step, "ffn_out", name, "post_ffw_norm")
        self.steps.update({(i, part): values for part, values in step.items()})
        return x

    def logits(self, tokens, n_prompt=None):
        """One row for each token; those behind a prompt (all: it is the prompt) have come one after the other."""
        self.n_prompt = n_prompt or len(tokens)
        x = self.w["token_embd.weight"][tokens]
        x = x * (np.sqrt(self.dim) if self.arch in GEMMAS else self.key.get("embedding_scale", 1))
        for i in range(self.layers):
            x = self.layer(x, i)
        y = self.norm(x, "output_norm") @ self.w.get("output.weight", self.w["token_embd.weight"]).T
        y = y / self.key.get("logit_scale", 1)
        cap = self.key.get("final_logit_softcapping")
        return cap * np.tanh(y / cap) if cap else y
