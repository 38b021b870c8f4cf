"""Files of models that are odd, or damaged: what is computed with them is right, on any ranks, or they are told in one line.

odd_files.py MPIEXEC PLMR DATA_FOLDER DEMO. Exits with 77 (skipped) without NumPy.
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
from gguf_writer import read, write  # noqa: E402

F32, F16, BF16 = 0, 1, 30
IDS = "1,17,40,9,3,77,30,12,60,5,88,21"
CORES = ["--prefill-cores", "9x9", "--decode-cores", "7x11"]
NO_NUMBER = "is not a number: weights are damaged, or too large to compute with"


class Files:
    def __init__(self, plmr, check, folder):
        self.plmr, self.check, self.folder = plmr, check, folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def logits(self, model, *more, ranks=None):
        out = self.path("logits.f32")
        args = ["logits", "-m", model, "--tokens", IDS, "--out", out, *CORES, *more]
        code, _, err = self.plmr.run(args, ranks)
        if not self.check(code == 0, f"{show(args, ranks)} ends with {code}: {err}"):
            return b""
        with open(out, "rb") as file:
            return file.read()

    def refused(self, words, args, ranks=None):
        """And no file is left."""
        before = sorted(os.listdir(self.folder))
        code, out, err = self.plmr.run(args, ranks)
        one_line = len([line for line in err if line.startswith("plmr ")]) == 1
        self.check(code == 2 and one_line and words in err[-1], f"{show(args, ranks)} ends with {code}: {out} {err}")
        self.check(sorted(os.listdir(self.folder)) == before, f"{show(args, ranks)} leaves {os.listdir(self.folder)}")


def check_vocabularies(files, demo):
    """Ids need none; what is wrong with one is told to who gives text. One token more than embeddings; a kind that is none."""
    keys, n_keys, tensors = read(demo)
    fewer = files.path("fewer.gguf")
    n = next(sizes[1] for name, sizes, _, _ in tensors if name == "token_embd.weight")
    short = [[name, sizes[:1] + [n - 1], kind, raw[:len(raw) // n * (n - 1)]] if sizes[1:] == [n] else [name, sizes, kind, raw]
             for name, sizes, kind, raw in tensors]
    write(fewer, keys.replace(b"llama.vocab_size\4\0\0\0" + n.to_bytes(4, "little"),
                              b"llama.vocab_size\4\0\0\0" + (n - 1).to_bytes(4, "little")), n_keys, short)
    unknown, told = files.path("unknown.gguf"), b"tokenizer.ggml.model\x08\0\0\0\5\0\0\0\0\0\0\0"
    files.check(keys.count(told + b"llama") == 1, "the demo's kind of vocabulary")
    write(unknown, keys.replace(told + b"llama", told + b"lxama"), n_keys, tensors)
    files.check(files.logits(unknown) == files.logits(demo), "logits depend on the vocabulary")
    for model, words in (fewer, f"has a vocabulary of {n} tokens and embeddings of {n - 1}"), (unknown, "lxama"):
        for ranks in None, 2:
            code, out, err = files.plmr.run(["generate", "-m", model, "--tokens", "1,2,3", "-n", "3", *CORES], ranks)
            files.check(code == 0 and len(out.strip().split(",")) == 3, f"{model}, {ranks}: {code} {out} {err}")
        for args in (["generate", "-p", "a"], ["logits", "-p", "a", "--out", files.path("x")], ["perplexity", "-f", demo],
                     ["tokenize", "-p", "a"], ["serve", "--mode", "compute", "--prompts", demo, "--rate", "5", "--requests", "2"]):
            files.refused(words, [args[0], "-m", model, *args[1:]])


def check_routers(files, data):
    """A weight of one expert's that is no number: no token has an expert then, whichever it is; nor has one whose score is infinite."""
    for name in "mixtral_f32", "qwen3moe_f32", "gptoss_f32":
        keys, n_keys, tensors = read(os.path.join(data, name + ".gguf"))
        router = next(t for t in tensors if t[0] == "blk.0.ffn_gate_inp.weight")
        was, model = np.frombuffer(router[3], "<f4").reshape(router[1][1], -1), files.path(name + ".gguf")
        for expert, value in (len(was) - 1, np.inf), (0, np.nan), (2, np.nan):
            now = was.copy()
            now[expert, 1] = value
            router[3] = now.tobytes()
            write(model, keys, n_keys, tensors)
            for phase in "prefill", "decode":
                args = ["logits", "-m", model, "--tokens", IDS, "--phase", phase, "--out", files.path("x"), *CORES]
                for ranks in (None, 2) if expert == 2 else (None,):
                    files.refused(f"{model}: the logit of token 0 at position " + ("1 " + NO_NUMBER if np.isnan(value) else ""), args, ranks)
        files.refused(NO_NUMBER, ["generate", "-m", model, "--tokens", "1,2", "-n", "2", *CORES])
        files.refused(NO_NUMBER, ["llm", "-m", model, "--mode", "compute", "--prompt", "4", "--decode", "2", *CORES])


def check_values(files, demo):
    """One element of the output's matrix."""
    keys, n_keys, tensors = read(demo)
    output = next(t for t in tensors if t[0] in ("output.weight", "token_embd.weight"))
    model, text = files.path("values.gguf"), files.path("text.txt")
    with open(text, "w", encoding="utf-8") as file:
        file.write("Once upon a time there was a little girl.")
    for token, value, words in (7, np.nan, NO_NUMBER), (7, np.inf, "is "), (7, -np.inf, "is "):
        values = np.frombuffer(output[3], {F32: "<f4", F16: "<f2"}[output[2]]).copy()
        values[token * output[1][0] + 3] = value
        write(model, keys, n_keys, [[*t[:3], values.tobytes()] if t is output else t for t in tensors])
        words = f"{model}: the logit of token {token} at position "
        for ranks in None, 2:
            files.refused(words, ["perplexity", "-m", model, "-f", text, "--json", files.path("x.json")], ranks)
            files.refused(words, ["logits", "-m", model, "--tokens", IDS, "--out", files.path("x.f32")], ranks)
    files.refused(words, ["logits", "-m", model, "--tokens", IDS, "--phase", "decode", "--out", files.path("x.f32")], 2)


def check_contexts(files, demo):
    """A model that was made for so few tokens that no window has one to score."""
    keys, n_keys, tensors = read(demo)
    context, model, text = b"llama.context_length\4\0\0\0", files.path("context.gguf"), files.path("text.txt")
    was = keys.index(context) + len(context)
    with open(text, "w", encoding="utf-8") as file:
        file.write("Once upon a time there was a little girl.")
    for n in 1, 2, 3:
        write(model, keys[:was] + n.to_bytes(4, "little") + keys[was + 4:], n_keys, tensors)
        args = ["perplexity", "-m", model, "-f", text]
        if n < 3:
            files.refused(f"{model} was made for a context of {n}, and windows of 3 tokens", args, 2)
            continue
        code, out, err = files.plmr.run(args)
        files.check(code == 0 and "nan" not in out, f"{show(args)} ends with {code}: {out} {err}")


def apart(tensors, kind, cast, changed, last):
    """Each expert in a tensor of its own; of those that are changed, values as `kind` has them, in it if they are to be cast."""
    first, behind = [], []
    for name, sizes, of, raw in tensors:
        if "_exps.weight" not in name:
            first.append([name, sizes, of, raw])
            continue
        for e in range(sizes[2]):
            n, one = len(raw) // sizes[2], [name.replace("_exps", f".{e}"), sizes[:2], of]
            part = raw[n * e:n * (e + 1)]
            is_changed = one[0] in changed
            if is_changed:
                x = np.frombuffer(part, "<f4")
                x = x.astype("<f2") if kind == F16 else (x.view("<u4") >> 16).astype("<u2")
                wide = x.astype("<f4") if kind == F16 else (x.astype("<u4") << 16).view("<f4")
                one[2], part = (kind, x.tobytes()) if cast else (F32, wide.tobytes())
            (behind if is_changed and last else first).append([*one, part])
    return first + behind


def check_types_of_experts(files, data):
    """Experts of a layer in several types have the values that the file says, wherever their tensors lie in it."""
    for name, kind, changed in [("mixtral_f32", F16, ["blk.1.ffn_up.3.weight"]), ("qwen3moe_f32", BF16, ["blk.0.ffn_down.0.weight"]),
                                ("qwen3moe_f32", F16, ["blk.1.ffn_gate.0.weight", "blk.0.ffn_down.2.weight"])]:
        keys, n_keys, tensors = read(os.path.join(data, name + ".gguf"))
        plain, model = files.path("plain.gguf"), files.path("mixed.gguf")
        write(plain, keys, n_keys, apart(tensors, kind, False, changed, False))
        for phase in "prefill", "decode":
            want = files.logits(plain, "--phase", phase)
            for last in False, True:
                write(model, keys, n_keys, apart(tensors, kind, True, changed, last))
                for ranks, grid in (None, "1x1"), (2, "2x1"), (3, "1x3"):
                    got = files.logits(model, "--phase", phase, "--ranks", grid, ranks=ranks)
                    files.check(got == want, f"{name} {changed} {phase} {grid}, last {last}: other logits")
            files.check(files.logits(model, "--phase", phase, "--weights", "f16") == files.logits(plain, "--phase", phase, "--weights", "f16"),
                        f"{name} {changed} {phase}: --weights f16 differs")


def main():
    check = Checks()
    with tempfile.TemporaryDirectory() as folder:
        files = Files(Plmr(sys.argv[1], sys.argv[2]), check, folder)
        check_vocabularies(files, sys.argv[4])
        check_routers(files, sys.argv[3])
        check_values(files, sys.argv[4])
        check_contexts(files, sys.argv[4])
        check_types_of_experts(files, sys.argv[3])
    check.done()


main()
