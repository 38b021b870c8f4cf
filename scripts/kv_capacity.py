#!/usr/bin/env python3
"""scripts/kv_capacity.py: which placements give the published capacities of the key-value cache (WaferLLM, table 5)?

Tries all of a kind: whole layers to a region of decode, 1 to all of the model; in a core their matrices and the cache, cut
into tiles by dimension or packed evenly; heads dealt element by element, or each on whole columns of cores; beside these
nothing, or activations, scores and norms too. One rule for both models. Prints what meets all four figures within 15 %."""
import argparse
import itertools
import json
import os
from math import ceil, floor

SRAM, LIMIT = 49152, 0.15
SHARE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "share")
MODELS = {"llama3-8b": 360, "llama2-13b": 375}  # side of a region (table 2)


def core(model, side, packed, whole_heads, rest):
    """Bytes of a layer's matrices, of a token's keys and values in a layer, of a token's scores, of the rest."""
    m = json.load(open(os.path.join(SHARE, "models", model + ".json")))
    part = (lambda n: n / side) if packed else (lambda n: ceil(n / side))
    head = m["dim"] // m["heads"]
    if whole_heads:
        columns = side // m["kv_heads"]
        of_head = head / columns if packed else ceil(head / columns)
        keys, queries = of_head, of_head * (m["heads"] // m["kv_heads"])
    else:
        keys, queries = part(head * m["kv_heads"]), part(m["dim"])
    dim, ffn = part(m["dim"]), part(m["ffn"])
    layer = 2 * dim * (2 * queries + 2 * keys + 3 * ffn) + (2 * 2 * dim if rest else 0)
    scores = 2 * (m["heads"] // m["kv_heads"]) if rest else 0
    return layer, 2 * 2 * keys, scores, 2 * (4 * dim + queries + 2 * keys + 2 * ffn) if rest else 0


def capacities(model, n_layers, rule):
    layer, token, scores, beside = core(model, MODELS[model], *rule)
    row = (SRAM - beside - n_layers * layer) / (n_layers * token + scores)
    return (floor(row), floor(row * MODELS[model])) if row >= 1 else (0, 0)


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    published = json.load(open(os.path.join(SHARE, "paper", "waferllm.json")))["table5_kv_capacity_tokens"]
    tried = met = 0
    print("| tiles | heads | beside them | layers | concat | | shift | | layers | concat | | shift | | all within 15 % |")
    print("|---|---|---|" + "---:|" * 10 + "---|")
    for rule in itertools.product((False, True), repeat=3):
        best = []
        for model, n_layers in zip(MODELS, (32, 40)):
            wanted = published[model]["concat"], published[model]["shift"]
            options = []
            for layers in range(1, n_layers + 1):
                got = capacities(model, layers, rule)
                tried += 1
                options.append((max(abs(g / w - 1) for g, w in zip(got, wanted)), layers, got, wanted))
            best.append(min(options))
        fits = all(error <= LIMIT for error, *_ in best)
        met += fits
        cells = [f"{layers} | {got[0]} | {100 * (got[0] / want[0] - 1):+.1f} % | {got[1]:,} | {100 * (got[1] / want[1] - 1):+.1f} %"
                 for _, layers, got, want in best]
        print(f"| {'packed' if rule[0] else 'by dimension'} | {'whole columns' if rule[1] else 'element by element'} | "
              f"{'activations, scores, norms' if rule[2] else 'nothing'} | {' | '.join(cells)} | {'yes' if fits else 'no'} |")
    print(f"\n{tried} placements, {met} of 8 rules meet all four figures. Left: LLaMA3-8B (published 382 and 137,548), right: "
          "LLaMA2-13B (16 and 6,168), each with the number of layers that meets them best.")


main()
