"""Models as Hugging Face has them say the same as the GGUF files that they are made of; what is wrong is one line.

hf.py MPIEXEC MANY DATA_FOLDER      Exits with 77 (skipped) without NumPy.
"""
import json
import os
import re
import struct
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("NumPy is not installed")
    sys.exit(77)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from cli import Checks, Started  # noqa: E402
from gguf_reader import load  # noqa: E402

CORES = "--prefill-cores 13x13 --decode-cores 9x20".split()
TYPES = {"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "phi3": "phi3", "granite": "granite", "olmo2": "olmo2",
         "smollm3": "smollm3", "qwen2moe": "qwen2_moe", "qwen3moe": "qwen3_moe"}
PERMUTED = ("llama", "granite", "smollm3")
NUMBERS = {"block_count": "num_hidden_layers", "embedding_length": "hidden_size", "feed_forward_length": "intermediate_size",
           "attention.head_count": "num_attention_heads", "attention.head_count_kv": "num_key_value_heads",
           "attention.key_length": "head_dim", "context_length": "max_position_embeddings", "expert_used_count": "num_experts_per_tok",
           "expert_feed_forward_length": "moe_intermediate_size", "expert_shared_feed_forward_length": "shared_expert_intermediate_size",
           "attention.layer_norm_rms_epsilon": "rms_norm_eps", "rope.freq_base": "rope_theta", "embedding_scale": "embedding_multiplier",
           "residual_scale": "residual_multiplier", "attention.scale": "attention_multiplier", "logit_scale": "logits_scaling"}
LAYER = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
         "attn_qkv": "self_attn.qkv_proj", "attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm",
         "attn_k_norm": "self_attn.k_norm", "ffn_norm": "post_attention_layernorm", "post_attention_norm": "post_attention_layernorm",
         "post_ffw_norm": "post_feedforward_layernorm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
         "ffn_down": "mlp.down_proj", "ffn_gate_inp": "mlp.gate", "ffn_gate_inp_shexp": "mlp.shared_expert_gate",
         "ffn_gate_shexp": "mlp.shared_expert.gate_proj", "ffn_up_shexp": "mlp.shared_expert.up_proj",
         "ffn_down_shexp": "mlp.shared_expert.down_proj"}
MODEL = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight", "output.weight": "lm_head.weight"}


def config_of(keys):
    arch = keys["general.architecture"]
    key = {name[len(arch) + 1:]: value for name, value in keys.items() if name.startswith(arch + ".")}
    mixtral = arch == "llama" and "expert_count" in key
    kind = "mixtral" if mixtral else "olmo3" if arch == "olmo2" and "attention.sliding_window" in key else TYPES[arch]
    config = {"model_type": kind, "hidden_act": "silu", "norm_topk_prob": arch == "qwen3moe",
              "sliding_window": key.get("attention.sliding_window"), "torch_dtype": "float32", "num_key_value_heads": key.get("attention.head_count", 0)}
    config.update({NUMBERS[name]: value for name, value in key.items() if name in NUMBERS})
    if "expert_count" in key:
        config["num_local_experts" if mixtral else "num_experts"] = key["expert_count"]
    if "rope.scaling.type" in key:
        config["rope_scaling"] = {"rope_type": key["rope.scaling.type"], "factor": key.get("rope.scaling.factor", 1),
                                  "original_max_position_embeddings": key.get("rope.scaling.original_context_length")}
    if "attention.sliding_window_pattern" in key:
        config["layer_types"] = [("full_attention", "sliding_attention")[w] for w in key["attention.sliding_window_pattern"]]
    if "rope.dimension_count" in key and "attention.key_length" in key:
        config["partial_rotary_factor"] = key["rope.dimension_count"] / key["attention.key_length"]
    return config


def unpermuted(x, n_heads):
    return x.reshape(n_heads, -1, 2, x.shape[-1]).swapaxes(1, 2).reshape(x.shape) if x.shape[0] > 1 else \
        x.reshape(n_heads, -1, 2).swapaxes(1, 2).reshape(x.shape)


def tensors_of(keys, tensors):
    """By the names that Hugging Face has; float32 or as 16 bits."""
    arch, out = keys["general.architecture"], {}
    heads = {"attn_q": keys[arch + ".attention.head_count"]}
    heads["attn_k"] = keys.get(arch + ".attention.head_count_kv", heads["attn_q"])
    fused = arch == "phi3"
    for name, (kind, x) in tensors.items():
        match = re.fullmatch(r"blk\.(\d+)\.(\w+)\.(weight|bias)", name)
        x = x[0] if x.shape[0] == 1 and "inp_shexp" not in name else x
        if not match:
            if name in MODEL:
                out[MODEL[name]] = kind, x
            continue
        layer, part, end = match.groups()
        if arch in PERMUTED and part in heads:
            x = unpermuted(x.reshape(len(x), -1), heads[part]).reshape(x.shape)
        prefix = f"model.layers.{layer}."
        if part.endswith("_exps"):
            which = {"ffn_gate_exps": 0, "ffn_up_exps": 1, "ffn_down_exps": 2}[part]
            for e, matrix in enumerate(np.split(x, keys[arch + ".expert_count"])):
                mixtral = f"block_sparse_moe.experts.{e}.{('w1', 'w3', 'w2')[which]}"
                other = f"mlp.experts.{e}.{('gate', 'up', 'down')[which]}_proj"
                out[f"{prefix}{mixtral if arch == 'llama' else other}.{end}"] = kind, matrix
            continue
        hf = "mlp.gate_up_proj" if fused and part == "ffn_up" else LAYER[part]
        hf = "block_sparse_moe.gate" if arch == "llama" and part == "ffn_gate_inp" else hf
        out[f"{prefix}{hf}.{end}"] = kind, x
    return out


def raw(kind, x):
    if kind == "F16":
        return x.astype("<f2").tobytes()
    if kind == "BF16":
        return (x.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return x.astype("<f4").tobytes()


def write_safetensors(path, tensors, edit=lambda header: None):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (kind, x) in tensors.items():
        bits = raw(kind, x)
        header[name] = {"dtype": kind, "shape": list(x.shape), "data_offsets": [len(data), len(data) + len(bits)]}
        data += bits
    edit(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def write_json(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(value, file)


def write_sharded(folder, tensors):
    """The tensors in three files, and their index."""
    names, files = list(tensors), {}
    for i in range(3):
        part = {name: tensors[name] for name in names[i::3]}
        file = f"model-{i + 1:05d}-of-00003.safetensors"
        write_safetensors(os.path.join(folder, file), part)
        files.update({name: file for name in part})
    write_json(folder, "model.safetensors.index.json", {"metadata": {}, "weight_map": files})


def make(folder, keys, tensors, sharded=False):
    os.makedirs(folder)
    config = config_of(keys)
    config["vocab_size"] = tensors["token_embd.weight"][1].shape[0]
    config["tie_word_embeddings"] = "output.weight" not in tensors
    if "rope_factors_long.weight" in tensors:
        arch = keys["general.architecture"]
        original = keys[arch + ".rope.scaling.original_context_length"]
        config["rope_scaling"] = {"type": "longrope", "original_max_position_embeddings": original, "attention_factor": keys.get(arch + ".rope.scaling.attn_factor", 1.0),
                                  "short_factor": tensors["rope_factors_short.weight"][1].ravel().tolist(),
                                  "long_factor": tensors["rope_factors_long.weight"][1].ravel().tolist()}
    write_json(folder, "config.json", config)
    named = tensors_of(keys, tensors)
    if sharded:
        write_sharded(folder, named)
    else:
        write_safetensors(os.path.join(folder, "model.safetensors"), named)
    return config, named


def logits(plmr, folder, model, tokens, ranks=None):
    out = os.path.join(folder, "logits")
    if os.path.exists(out):
        os.remove(out)
    code, _, err = plmr.run(["logits", "-m", model, "--tokens", tokens, "--out", out] + CORES, ranks)
    if code:
        return f"{code}, {err}"
    return np.fromfile(out, "<f4")


def same(plmr, check, data, folder):
    """llama, qwen2, qwen3 and those that share their names; sharded, in 16 bits, and with scaled rotary angles."""
    names = ["llama_gqa_f32", "llama_mha_f16", "qwen2_odd_f32", "qwen2_gqa_bf16", "qwen3_f32", "phi3_f32", "granite_f32", "olmo2_f32",
             "smollm3_f32", "llama_yarn_f32", "mixtral_f32", "qwen3moe_f32", "qwen2moe_f32"]
    for i, name in enumerate(names):
        path = os.path.join(data, name + ".gguf")
        keys, tensors = load(path)
        hf = os.path.join(folder, name)
        make(hf, keys, tensors, sharded=i % 3 == 0)
        ids = "1,17,42,99,130,5,201,77,8,201,64,33,250,19,3,118,7,7"
        want, got = (logits(plmr, folder, model, ids, 3 if i == 0 else None) for model in (path, hf))
        bound = 1e-3 if name.endswith("16") else 2e-5  # rows that are not permuted are added up in another order
        ok = not isinstance(got, str) and not isinstance(want, str) and got.shape == want.shape and np.abs(got - want).max() <= bound
        check(ok, f"{name}: {got if isinstance(got, str) else np.abs(got - want).max()}, {want if isinstance(want, str) else ''}")


def kinds(plmr, check, data, folder):
    """Keys that a kind's class has not are none of the model's, and those that it has have its defaults."""
    def compare(name, same_as, others):
        keys, tensors = load(os.path.join(data, name + ".gguf"))
        hf = os.path.join(folder, "kind_" + name)
        config, _ = make(hf, keys, tensors)
        want = logits(plmr, folder, hf, "1,17,42,99,130,5,201,77,8")
        for is_same, changes in [(True, c) for c in same_as] + [(False, c) for c in others]:
            write_json(hf, "config.json", {k: v for k, v in {**config, **changes}.items() if v != "none"})
            got = logits(plmr, folder, hf, "1,17,42,99,130,5,201,77,8")
            check(not isinstance(got, str) and np.array_equal(got, want) == is_same, f"{name} with {changes}: {got}, not {want}")

    compare("smollm3_f32", [{"tie_word_embeddings": "none", "no_rope_layers": [1, 1, 1, 0, 1], "no_rope_layer_interval": 2}],
            [{"rope_theta": "none"}])
    scales = {"attention_multiplier": 0.5, "embedding_multiplier": 3.0, "logits_scaling": 3.0, "residual_multiplier": 0.5}
    compare("llama_gqa_f32", [{"sliding_window": 3, "num_local_experts": 8, **scales}, {"model_type": "mistral", "sliding_window": 9}],
            [{"model_type": "mistral", "sliding_window": 3}])
    compare("qwen2_odd_f32", [{"sliding_window": 3}, {"sliding_window": 9, "use_sliding_window": True}], [])
    ropes = {"full_attention": {"rope_type": "default", "rope_theta": 1e4}, "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}
    compare("olmo2_f32", [{"rope_theta": "none", "rope_parameters": ropes}],
            [{"layer_types": "none"}, {"layer_types": ["sliding_attention"] * 3}, {"model_type": "olmo2"}])


def ends(plmr, check, data, folder):
    """A text ends with each id of generation_config.json's, or of config.json's, with a tokenizer and without."""
    keys, tensors = load(os.path.join(data, "llama_gqa_f32.gguf"))
    hf = os.path.join(folder, "ends")
    config, _ = make(hf, keys, tensors)

    def generate(eos, generation=None):
        write_json(hf, "config.json", dict(config, eos_token_id=eos))
        if generation:
            write_json(hf, "generation_config.json", generation)
        code, out, err = plmr.run(["generate", "-m", hf, "--tokens", "1,17", "-n", "8", "--no-echo", "--quiet"] + CORES)
        return out.strip() if code == 0 else err[-1]

    made = generate(None)
    ids = [int(i) for i in made.split(",")]
    stop = ids.index(ids[4])
    want = ",".join(map(str, ids[:stop]))
    check(len(ids) == 8 and 0 < stop, f"made {made}")
    for eos, generation in ((ids[4], None), ([511, ids[4]], None), ([511, ids[4]], {"eos_token_id": None}), (511, {"eos_token_id": [510, ids[4]]})):
        got = generate(eos, generation)
        check(got == want, f"ends {eos}, {generation}: {got}, not {want}")
    check(generate(ids[4], {"eos_token_id": 511}) == made, "ends with an id that generation_config.json has not")
    for eos, words in ((512, "ends texts with token 512, which is none of its own, 0 to 511"), (-1, "with token -1, which"),
                       ([1, 2.5], "eos_token_id: is a number, expected the id"), ("a", "eos_token_id: is a string, expected the id"),
                       ([3] * 65, "eos_token_id: has 65 ids; plmr takes 64 at most"), ([[1]], "eos_token_id: is an array, expected")):
        got = generate(eos, {"eos_token_id": None})
        check(words in got, f"ends {eos}: {got}, not '{words}'")
    vocabulary(hf, 512)
    generate(None, {"eos_token_id": [510, ids[4]]})
    for more in ([], ["--ignore-eos"]):
        record, = plmr.records(["generate", "-m", hf, "--tokens", "1,17", "-n", "8"] + more + CORES)
        check(record["output_tokens"] == (8 if more else stop), f"with a tokenizer {more}: {record['output_tokens']}")


BYTES = [b if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174 else None for b in range(256)]
MOVED = [b for b in range(256) if BYTES[b] is None]
SPELT = "".join(chr(b if BYTES[b] is not None else 256 + MOVED.index(b)) for b in range(256))
QWEN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def vocabulary(folder, n_vocab, **changes):
    """A byte-level BPE of few merges, with control tokens and one of the user's, behind which words are cut; what two of them
    take along of white space is as added tokens say it."""
    merges = ["h e", "l l", "he ll", "hell o", "\u0120 w", "1 2", "i m"]
    texts = list(SPELT) + [m.replace(" ", "") for m in merges]
    assert len(texts) + 3 <= n_vocab
    added = [{"id": len(texts) + i, "content": text, "special": i != 1, "lstrip": i == 1, "rstrip": i == 2}
             for i, text in enumerate(("<|im_start|>", "<tool>", "<|im_end|>"))]
    added[0].update(changes)
    write_json(folder, "tokenizer.json", {
        "added_tokens": added, "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": QWEN}, "behavior": "Isolated"}, {"type": "ByteLevel", "use_regex": False}]},
        "model": {"type": "BPE", "vocab": {text: i for i, text in enumerate(texts)},
                  "merges": [m if i % 2 else m.split(" ") for i, m in enumerate(merges)]}})
    write_json(folder, "tokenizer_config.json", {"eos_token": {"content": "<|im_end|>"}, "bos_token": None,
                                                 "chat_template": "{{ '<|im_start|>' + role }}"})
    return {text: i for i, text in enumerate(texts)}, len(texts)


def tokenizers(plmr, check, data, folder):
    keys, tensors = load(os.path.join(data, "llama_gqa_f32.gguf"))
    hf = os.path.join(folder, "vocabulary")
    make(hf, keys, tensors)
    ids, n = vocabulary(hf, tensors["token_embd.weight"][1].shape[0])
    want = [n, ids["hello"], ids["\u0120w"], ids["1"], ids["2"], n + 1, ids["l"], n + 2]
    code, out, err = plmr.run(["tokenize", "-m", hf, "-p", "<|im_start|>hello w12<tool>l<|im_end|>"])
    check(code == 0 and out == ",".join(map(str, want)) + "\n", f"ids are {out}, {err}, not {want}")
    for text, more in (("hello \u3000 <tool>", [ids["hello"], n + 1]), ("<tool> 1", [n + 1, SPELT.index("\u0120"), ids["1"]]),
                       ("<|im_end|>\u2028 hello ", [n + 2, ids["hello"], SPELT.index("\u0120")]),
                       ("<|im_end|>  <tool> ", [n + 2, n + 1, SPELT.index("\u0120")]),
                       ("<|im_start|> <|im_start|>", [n, SPELT.index("\u0120"), n])):
        code, out, err = plmr.run(["tokenize", "-m", hf, "-p", text])
        check(code == 0 and out == ",".join(map(str, more)) + "\n", f"{text!r}: ids are {out}, {err}, not {more}")
    code, out, err = plmr.run(["generate", "-m", hf, "--chat", "-p", "hello", "-n", "3"] + CORES)
    check(code == 0, f"with --chat: {code}, {err}")
    code, out, err = plmr.run(["model", os.path.join(hf, "config.json")])
    check(code == 0 and "a shape without weights" in out, f"a shape: {code}, {out}, {err}")
    code, out, err = plmr.run(["model", hf])
    check(code == 0 and "with weights" in out, f"a folder: {code}, {out}, {err}")
    vocabulary(hf, tensors["token_embd.weight"][1].shape[0], single_word=True)
    code, out, err = plmr.run(["tokenize", "-m", hf, "-p", "hello"])
    check(code == 2 and "'<|im_start|>' is to be a single word" in err[0], f"a single word: {code}, {out}, {err}")


def edit_tensor(name, **changes):
    return lambda header: header[name].update(changes)


def refused(plmr, check, data, folder):
    """One line each."""
    keys, tensors = load(os.path.join(data, "qwen3_f32.gguf"))
    hf = os.path.join(folder, "refused")
    config, named = make(hf, keys, tensors)
    path, norm, down = os.path.join(hf, "model.safetensors"), "model.norm.weight", "model.layers.0.mlp.down_proj.weight"

    def expect(words, what):
        code, out, err = plmr.run(["logits", "-m", hf, "--tokens", "1,2", "--out", os.path.join(folder, "never")] + CORES)
        check(code == 2 and len(err) == 1 and words in err[0], f"{what}: {code}, {err}, not '{words}'")

    size, end = named[norm][1].size * 4, os.path.getsize(path)
    for words, edit in (
            ("'model.norm.weight' overlaps another", edit_tensor(norm, data_offsets=[8, 8 + size])),
            ("'model.norm.weight' reaches beyond the end of the file", edit_tensor(norm, data_offsets=[end, end + size])),
            ("'model.norm.weight' reaches beyond the end of the file", edit_tensor(norm, data_offsets=[-4, size - 4])),
            ("'model.norm.weight' has not as many bytes", edit_tensor(norm, shape=[35])),
            ("'model.norm.weight' has a dimension of 0, or more elements", edit_tensor(norm, shape=[1 << 62, 8])),
            ("'model.norm.weight' has no place", edit_tensor(norm, data_offsets=[0])),
            ("'model.norm.weight' is of type F8_E4M3, plmr reads F32, F16 and BF16", edit_tensor(norm, dtype="F8_E4M3")),
            ("'blk.0.ffn_down.weight' is 50 x 36, its keys call for 36 x 50", edit_tensor(down, shape=[50, 36])),
            ("lacks the tensor 'blk.0.attn_norm.weight'", lambda header: header.pop("model.layers.0.input_layernorm.weight")),
            ("has a tensor 'model.extra.weight' that plmr's qwen3 does not use", None)):
        if not edit:
            write_safetensors(path, dict(named, **{"model.extra.weight": ("F32", np.zeros(1))}))
        else:
            write_safetensors(path, named, edit)
        expect(words, words)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", 1 << 40) + b"{}")
    expect("is not a safetensors file, or cut short", "a long header")
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", 4) + b"[1] ")
    expect("has a header that is no JSON object", "a header of another kind")
    os.remove(path)
    expect("model.safetensors: cannot open", "no tensors")
    write_sharded(hf, named)
    os.remove(os.path.join(hf, "model-00002-of-00003.safetensors"))
    expect("model-00002-of-00003.safetensors: cannot open: No such file", "a missing part")
    write_json(hf, "model.safetensors.index.json", {"weight_map": {norm: "../model.safetensors"}})
    expect("names a file '../model.safetensors', expected one of this folder", "a part elsewhere")
    for key, value, words in (("model_type", "gemma2", "'gemma2'; plmr reads"), ("hidden_size", "a", "expected a whole number"),
                              ("hidden_act", "gelu", "plmr computes silu"), ("num_hidden_layers", None, "is missing"),
                              ("quantization_config", {"bits": 4}, "convert the model to GGUF"),
                              ("rope_scaling", {"type": "dynamic", "factor": 2}, "'dynamic'; plmr computes"),
                              ("rope_scaling", "yarn", "is a string, expected an object"), ("rope_scaling", [1], "is an array, expected an object"),
                              ("rope_parameters", {"full_attention": {"rope_theta": 5e5}}, "has a rope for each kind of layers; plmr computes qwen3 with one")):
        write_json(hf, "config.json", dict(config, **{key: value}))
        expect(words, f"{key} {value}")
    for changes, words in (({"model_type": "smollm3", "num_hidden_layers": 4, "no_rope_layers": [1] * 4}, "no_rope_layers: is not 0 for every fourth layer"),
                           ({"model_type": "smollm3", "no_rope_layers": []}, "no_rope_layers: is not 0 for every fourth layer"),
                           ({"model_type": "smollm3", "no_rope_layer_interval": 2}, "no_rope_layer_interval: is 2; plmr computes 4"),
                           ({"model_type": "olmo3", "rope_parameters": {"full_attention": {}, "sliding_attention": {"rope_theta": 5}}},
                            "a base of their own; plmr computes olmo3 with one base")):
        write_json(hf, "config.json", dict(config, **changes))
        expect(words, f"{changes}")
    write_json(hf, "config.json", config)
    for name in ("generation_config.json", "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json", "config.json"):
        for wrong, words in (([[1], 2], "is an array, expected an object"), (7, "not valid JSON")):
            write_json(hf, name, wrong)
            expect(f"{name}:1: {words}", f"{name} is {wrong}")
        write_json(hf, name, {})  # with which the next one is read


def main():
    check, data = Checks(), sys.argv[3]
    with tempfile.TemporaryDirectory() as folder, Started(sys.argv[1], sys.argv[2]) as plmr:
        same(plmr, check, data, folder)
        kinds(plmr, check, data, folder)
        ends(plmr, check, data, folder)
        tokenizers(plmr, check, data, folder)
        refused(plmr, check, data, folder)
    check.done()


if __name__ == "__main__":
    main()
