#!/usr/bin/env python3
"""Trains the demo models on stories of stories.py and writes them as GGUF files with their reference values.

train.py [--out DIR] [--steps N] [...]: writes into DIR
  demo.gguf        the model: llama architecture, matrices in F16, norms in F32, vocabulary included
  demo.tokens      ids of the prompt
  demo.logits.f32  logits after each id of the prompt, raw float32 rows
  demo.greedy      greedy continuation of the prompt

With --experts the model is a mixture, named demo-moe, that goes on from the dense one (--start): embeddings, attention
and norms are its, and its feed-forward neurons are dealt to experts, each neuron to half of them.

The reference values are PyTorch's, in float32 on the CPU, with the weights as the file holds them. --tiny trains for a
few seconds, to see that everything works.
"""
import argparse
import datetime
import math
import multiprocessing
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import bpe
import check
import gguf
import stories

PROMPT = "Once upon a time"
DENSE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../share/models/demo.gguf")
N_GREEDY = 100
EXPERT_FFN = 160        # with 4 experts and a token's 2 of them a file stays below 3 MB
FIRST_HELD_OUT = 10**9  # stories from this number on are for validation
CHUNK = 2000            # stories that a process writes at a time


class Shape:
    """Sizes of the model."""
    dim, layers, heads, kv_heads, ffn = 120, 5, 6, 2, 328
    vocab, context = 1021, 384
    eps, rope_base = 1e-5, 10000.0
    experts, used = 0, 2  # 0: there is one FFN

    @property
    def head_dim(self):
        return self.dim // self.heads

    @property
    def name(self):
        return "demo-moe" if self.experts else "demo"


class RMSNorm(nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rope(x, cos, sin):
    """Turns the pairs (2i, 2i + 1) of each head: x is [batch, position, head, head_dim]."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)


class Stack(nn.Module):
    """A matrix of each expert."""

    def __init__(self, *sizes):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(*sizes))


class Layer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        kv = shape.kv_heads * shape.head_dim
        self.attn_norm = RMSNorm(shape.dim, shape.eps)
        self.attn_q = nn.Linear(shape.dim, shape.dim, bias=False)
        self.attn_k = nn.Linear(shape.dim, kv, bias=False)
        self.attn_v = nn.Linear(shape.dim, kv, bias=False)
        self.attn_output = nn.Linear(shape.dim, shape.dim, bias=False)
        self.ffn_norm = RMSNorm(shape.dim, shape.eps)
        if shape.experts:
            self.ffn_gate_inp = nn.Linear(shape.dim, shape.experts, bias=False)
            self.ffn_gate_exps = Stack(shape.experts, shape.ffn, shape.dim)
            self.ffn_up_exps = Stack(shape.experts, shape.ffn, shape.dim)
            self.ffn_down_exps = Stack(shape.experts, shape.dim, shape.ffn)
            return
        self.ffn_gate = nn.Linear(shape.dim, shape.ffn, bias=False)
        self.ffn_up = nn.Linear(shape.dim, shape.ffn, bias=False)
        self.ffn_down = nn.Linear(shape.ffn, shape.dim, bias=False)

    def attention(self, x, cos, sin):
        shape, (batch, length, _) = self.shape, x.shape
        q = rope(self.attn_q(x).view(batch, length, shape.heads, -1), cos, sin).transpose(1, 2)
        k = rope(self.attn_k(x).view(batch, length, shape.kv_heads, -1), cos, sin).transpose(1, 2)
        v = self.attn_v(x).view(batch, length, shape.kv_heads, -1).transpose(1, 2)
        group = shape.heads // shape.kv_heads
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        if hasattr(F, "scaled_dot_product_attention") and x.is_cuda:
            y = F.scaled_dot_product_attention(q.type_as(v), k.type_as(v), v, is_causal=True)
        else:
            scores = q @ k.transpose(2, 3) / math.sqrt(shape.head_dim)
            mask = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
            y = scores.masked_fill(mask, float("-inf")).softmax(-1) @ v
        return self.attn_output(y.transpose(1, 2).reshape(batch, length, -1))

    def mixture(self, h):
        """Each token's experts, weighed by the softmax of their logits. Leaves in `imbalance` what training keeps at 1:
        above it where tokens crowd at some experts."""
        tokens, shape = h.flatten(0, -2), self.shape
        logits = self.ffn_gate_inp(tokens)
        best, chosen = logits.topk(shape.used)
        weights, y = best.softmax(-1), torch.zeros_like(tokens)
        share = F.one_hot(chosen, shape.experts).float().mean((0, 1))
        self.imbalance = shape.experts * (share * logits.softmax(-1).mean(0)).sum()
        for e in range(shape.experts):
            token, place = (chosen == e).nonzero(as_tuple=True)
            x = tokens[token]
            out = F.silu(x @ self.ffn_gate_exps.weight[e].t()) * (x @ self.ffn_up_exps.weight[e].t())
            y = y.index_add(0, token, out @ self.ffn_down_exps.weight[e].t() * weights[token, place, None])
        return y.view_as(h)

    def forward(self, x, cos, sin):
        x = x + self.attention(self.attn_norm(x), cos, sin)
        h = self.ffn_norm(x)
        if self.shape.experts:
            return x + self.mixture(h)
        return x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))


class Model(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocab, shape.dim)
        self.blk = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.output_norm = RMSNorm(shape.dim, shape.eps)
        for name, weight in self.named_parameters():
            if weight.ndim >= 2:
                deep = name.endswith(("attn_output.weight", "ffn_down.weight", "ffn_down_exps.weight"))
                nn.init.normal_(weight, std=0.05 / (math.sqrt(2 * shape.layers) if deep else 1))
        rate = shape.rope_base ** (-torch.arange(0, shape.head_dim, 2).double() / shape.head_dim)
        angle = torch.arange(shape.context).double()[:, None] * rate
        self.register_buffer("cos", angle.cos().float()[:, None, :])
        self.register_buffer("sin", angle.sin().float()[:, None, :])

    def forward(self, ids):
        """Logits after each of the ids, which are [batch, position]."""
        x = self.token_embd(ids)
        cos, sin = self.cos[:ids.shape[1]], self.sin[:ids.shape[1]]
        for layer in self.blk:
            x = layer(x, cos, sin)
        return F.linear(self.output_norm(x), self.token_embd.weight)

    def imbalance(self):
        return sum(layer.imbalance for layer in self.blk) / len(self.blk) if self.shape.experts else 0

    def loss(self, ids):
        """Mean loss per token, of all but the first of each row."""
        return F.cross_entropy(self(ids[:, :-1]).flatten(0, 1).float(), ids[:, 1:].flatten())


@torch.no_grad()
def upcycle(model, tensors, generator):
    """Makes a mixture of a dense model's tensors. Experts 2i and 2i + 1 halve its neurons, in an order of their own; their
    rows of the router are alike, so that a token has either both or none and they make what the dense FFN makes, but for
    the few neurons that there is no room for, the ones with the least weights. Training tells them apart."""
    for name, weight in model.named_parameters():
        if name in tensors:
            weight.copy_(torch.from_numpy(tensors[name].copy()))
    for i, layer in enumerate(model.blk):
        gate, up, down = (torch.from_numpy(tensors[f"blk.{i}.ffn_{n}.weight"].copy()) for n in ("gate", "up", "down"))
        kept = (gate.norm(dim=1) * up.norm(dim=1) * down.norm(dim=0)).topk(2 * model.shape.ffn).indices
        layer.ffn_gate_inp.weight[1::2] = layer.ffn_gate_inp.weight[::2]
        for first in range(0, model.shape.experts, 2):
            order = kept[torch.randperm(len(kept), generator=generator)]
            for e, neurons in enumerate(order.chunk(2), first):
                layer.ffn_gate_exps.weight[e] = gate[neurons]
                layer.ffn_up_exps.weight[e] = up[neurons]
                layer.ffn_down_exps.weight[e] = down[:, neurons] * model.shape.used


VOCABULARY = None  # what the processes that encode stories use


def encode_chunk(job):
    seed, first, count = job
    ids = []
    for i in range(first, first + count):
        ids += [bpe.BEGIN] + VOCABULARY.encode(stories.story(seed, i)) + [bpe.END]
    return np.array(ids, dtype=np.uint16)


def encode_stories(seed, first, count):
    """Stories as one long row of ids, each between <s> and </s>."""
    jobs = [(seed, first + i, min(CHUNK, count - i)) for i in range(0, count, CHUNK)]
    with multiprocessing.get_context("fork").Pool() as pool:
        return np.concatenate(pool.map(encode_chunk, jobs))


class Rows:
    """Rows of context + 1 ids that begin with a story; the stories after it fill the row."""

    def __init__(self, ids, length, device):
        self.ids = torch.from_numpy(ids.astype(np.int32)).to(device)
        starts = np.flatnonzero(ids == bpe.BEGIN)
        self.starts = torch.from_numpy(starts[starts + length <= len(ids)]).to(device)
        self.reach = torch.arange(length, device=device)

    def at(self, which):
        return self.ids[self.starts[which][:, None] + self.reach].long()

    def random(self, count):
        return self.at(torch.randint(len(self.starts), (count,), device=self.starts.device))


@torch.no_grad()
def validation_loss(model, rows, batch=16):
    losses = [model.loss(rows.at(torch.arange(i, min(i + batch, len(rows.starts)), device=rows.starts.device)))
              for i in range(0, len(rows.starts), batch)]
    return torch.stack(losses).mean().item()


def learning_rate(step, args):
    if step < args.warmup:
        return args.rate * (step + 1) / args.warmup
    done = (step - args.warmup) / max(1, args.steps - args.warmup)
    return args.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


def train(model, rows, args, device):
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": args.decay},
                                   {"params": vectors, "weight_decay": 0.0}],
                                  lr=args.rate, betas=(0.9, 0.98), **({"fused": True} if device == "cuda" else {}))
    loss_of = model.loss
    if device == "cuda" and hasattr(torch, "compile"):
        loss_of = torch.compile(loss_of, mode="reduce-overhead")
    started, recent = time.time(), []
    for step in range(args.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args)
        with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
            loss = loss_of(rows.random(args.batch))
        optimizer.zero_grad(set_to_none=True)
        (loss + args.balance * model.imbalance()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        recent.append(loss.detach().clone())
        if (step + 1) % args.report == 0 or step + 1 == args.steps:
            mean = torch.stack(recent).mean().item()
            recent = []
            print(f"step {step + 1}: training loss {mean:.4f}, {time.time() - started:.0f} s", flush=True)
            if not math.isfinite(mean):
                raise SystemExit("the loss is not finite")
    return mean


def stored_tensors(model):
    """Names and arrays of the file: matrices in F16, vectors and routers in F32."""
    tensors = []
    for name, weight in model.named_parameters():
        array = weight.detach().cpu().float().numpy()
        halved = array.ndim >= 2 and "gate_inp" not in name
        tensors.append((name, array.astype(np.float16) if halved else array))
    return tensors


def metadata(shape, vocabulary, facts):
    n_llama = [("context_length", shape.context), ("embedding_length", shape.dim), ("block_count", shape.layers),
               ("feed_forward_length", shape.ffn), ("attention.head_count", shape.heads),
               ("attention.head_count_kv", shape.kv_heads), ("rope.dimension_count", shape.head_dim),
               ("vocab_size", shape.vocab)]
    if shape.experts:
        n_llama += [("expert_count", shape.experts), ("expert_used_count", shape.used)]
    tokenizer = [("model", "str", "llama"), ("pre", "str", "default"), ("tokens", "list:str", vocabulary.tokens),
                 ("scores", "list:f32", vocabulary.scores), ("token_type", "list:i32", vocabulary.kinds),
                 ("bos_token_id", "u32", bpe.BEGIN), ("eos_token_id", "u32", bpe.END),
                 ("unknown_token_id", "u32", bpe.UNKNOWN), ("add_bos_token", "bool", True),
                 ("add_eos_token", "bool", False), ("add_space_prefix", "bool", True)]
    name = "plmr demo mixture" if shape.experts else "plmr demo"
    return ([("general.architecture", "str", "llama"), ("general.name", "str", name),
             ("general.description", "str", "A small model that tells short stories. It was trained by the plmr "
              "project on stories made by a grammar; both lie in scripts/demo_model."),
             ("general.license", "str", "Apache-2.0"), ("general.file_type", "u32", 1)]
            + [("llama." + key, "u32", n) for key, n in n_llama]
            + [("llama.attention.layer_norm_rms_epsilon", "f32", shape.eps),
               ("llama.rope.freq_base", "f32", shape.rope_base)]
            + [("plmr.training." + key, kind, value) for key, kind, value in facts]
            + [("tokenizer.ggml." + key, kind, value) for key, kind, value in tokenizer])


@torch.no_grad()
def continue_greedily(model, ids, count):
    ids = list(ids)
    for _ in range(count):
        ids.append(int(model(torch.tensor([ids[-model.shape.context:]]))[0, -1].argmax()))
    return ids[-count:]


@torch.no_grad()
def tell(model, ids, temperature, generator):
    """A story that begins with these ids, up to </s> or as long as the context."""
    ids = list(ids)
    while len(ids) < model.shape.context and ids[-1] != bpe.END:
        logits = model(torch.tensor([ids]))[0, -1]
        ids.append(int(torch.multinomial((logits / temperature).softmax(0), 1, generator=generator)))
    return ids


def write_reference(folder, model, vocabulary):
    prompt = [bpe.BEGIN] + vocabulary.encode(PROMPT)
    with torch.no_grad():
        logits = model(torch.tensor([prompt]))[0].numpy().astype("<f4")
    greedy = continue_greedily(model, prompt, N_GREEDY)
    path = os.path.join(folder, model.shape.name)
    logits.tofile(path + ".logits.f32")
    with open(path + ".tokens", "w") as file:
        file.write(",".join(map(str, prompt)) + "\n")
    with open(path + ".greedy", "w") as file:
        file.write(f"n_vocab {model.shape.vocab} n_prompt {len(prompt)}\n")
        file.write("prompt " + " ".join(map(str, prompt)) + "\n")
        file.write("greedy " + " ".join(map(str, greedy)) + "\n")
        file.write("text " + vocabulary.decode(greedy) + "\n")
    return prompt


def arguments():
    parser = argparse.ArgumentParser(description="Trains the demo model.")
    parser.add_argument("--out", default="build/demo_model", help="folder for the files")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--stories", type=int, default=400000)
    parser.add_argument("--steps", type=int, default=10000)
    parser.add_argument("--batch", type=int, default=128, help="rows of a step")
    parser.add_argument("--rate", type=float, default=4e-3, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=0.05, help="weight decay")
    parser.add_argument("--warmup", type=int, default=500, help="steps until the highest learning rate")
    parser.add_argument("--report", type=int, default=500, help="steps between two lines of progress")
    parser.add_argument("--experts", type=int, default=0, help="an even number: experts of a mixture, 2 to a token")
    parser.add_argument("--start", default=DENSE, help="the dense model that a mixture is made of")
    parser.add_argument("--balance", type=float, default=0.01, help="of the loss: tokens' imbalance among experts")
    parser.add_argument("--hardware", default="", help="for the record; found out if not given")
    parser.add_argument("--tiny", action="store_true", help="a few steps on a few stories")
    args = parser.parse_args()
    if args.tiny:
        args.stories, args.steps, args.batch, args.warmup, args.report = 2000, 20, 16, 5, 5
    return args


def main():
    global VOCABULARY
    args = arguments()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    hardware = args.hardware or ("one " + torch.cuda.get_device_name() if device == "cuda" else "CPU")
    shape = Shape()
    if args.experts:
        shape.experts, shape.ffn = args.experts, EXPERT_FFN
    torch.manual_seed(args.seed)
    torch.backends.cuda.matmul.allow_tf32 = False

    started = time.time()
    sample = [stories.story(args.seed, i) for i in range(min(args.stories, 10000))]
    VOCABULARY = bpe.Vocabulary.learn(sample, shape.vocab)
    shape.vocab = len(VOCABULARY.tokens)
    ids = encode_stories(args.seed, 0, args.stories)
    held_out = encode_stories(args.seed, FIRST_HELD_OUT, min(args.stories, 2000))
    print(f"{args.stories} stories, {len(ids)} tokens, vocabulary {shape.vocab}, {time.time() - started:.0f} s")
    lengths = np.diff(np.flatnonzero(held_out == bpe.BEGIN))
    print(f"tokens of a story: mean {lengths.mean():.1f}, at most {lengths.max()}")

    model = Model(shape)
    if args.experts:
        start = check.Reader(args.start)
        if start.keys["tokenizer.ggml.tokens"] != VOCABULARY.tokens:
            raise SystemExit(f"{args.start} has another vocabulary; give --stories 10000 or more")
        upcycle(model, start.tensors, torch.Generator().manual_seed(args.seed))
    model = model.to(device)
    n_weights = sum(p.numel() for p in model.parameters())
    print(f"{n_weights} weights, on {hardware}", flush=True)
    rows = Rows(ids, shape.context + 1, device)
    held_out = Rows(held_out, shape.context + 1, device)
    train_loss = train(model, rows, args, device)

    tensors = stored_tensors(model)
    with torch.no_grad():
        for (_, stored), weight in zip(tensors, model.parameters()):
            weight.copy_(torch.from_numpy(stored.astype(np.float32)))
    loss = validation_loss(model, held_out)
    print(f"training loss {train_loss:.4f}, validation loss as stored {loss:.4f}, {time.time() - started:.0f} s")
    model = model.cpu().eval()

    os.makedirs(args.out, exist_ok=True)
    facts = [("seed", "u32", args.seed), ("stories", "u32", args.stories), ("tokens", "u64", len(ids)),
             ("steps", "u32", args.steps), ("batch", "u32", args.batch), ("loss", "f32", train_loss),
             ("validation_loss", "f32", loss), ("date", "str", datetime.date.today().isoformat()),
             ("hardware", "str", hardware)]
    path = os.path.join(args.out, shape.name + ".gguf")
    gguf.write(path, metadata(shape, VOCABULARY, facts), tensors)
    prompt = write_reference(args.out, model, VOCABULARY)
    print(f"{path}: {os.path.getsize(path)} bytes")

    generator = torch.Generator().manual_seed(args.seed)
    for temperature in (0.3, 0.8, 1.0):
        print(f"\n--- temperature {temperature} ---\n" +
              VOCABULARY.decode(tell(model, prompt, temperature, generator)).strip())


if __name__ == "__main__":
    main()
