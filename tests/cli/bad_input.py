"""Wrong input: exit code 2, one line on standard error that says what is wrong, nothing else, and no file left behind.

bad_input.py MPIEXEC PLMR
"""
import json
import os
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from cli import ALONE, MPIRUN_NOISE, Checks, Plmr, outcome, show

NO_VOCABULARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "llm", "llama_mha_f16.gguf")
L = f"logits -m {NO_VOCABULARY} "
G = "gemm --m 8 --k 8 --n 8 --cores 4x4 "
# (arguments, what the line must contain); {} is a folder with the files made below.
CASES = [
    ("", "a command is missing"),
    ("nosuchcommand", "unknown command 'nosuchcommand'"),
    ("gem", "did you mean 'gem"),
    ("--bogus", "unknown command '--bogus'"),
    ("gemm --bogus", "unknown option '--bogus'"),
    ("gemm --core 4x4", "did you mean '--cores'?"),
    ("gemm --acc f16", "unknown option '--acc'"),  # abbreviations are not options
    ("gemm --m", "--m needs a value"),
    ("gemm --verify=yes", "--verify takes no value"),
    ("gemm --json=", "--json needs a value: --json FILE|-"),
    ("gemm --m 0 --bogus", "unknown option '--bogus'"),  # before any value is looked at
    ("gemm --m 8 --m 0", "--m: '0'"),
    ("gemm --m 6\x0164", "--m: '6?64'"),
    ("gemm --alg x" + 40 * "\u00e9", "\u00e9?' (available"),  # cut within a character: what is left of it is none
    ("gemm -- 8", "unknown option '--'"),
    ("gemm -m 8", "two dashes"),
    ("gemm 8", "unexpected '8'"),
    ("list x", "unexpected 'x'"),
    ("serve", "which requests?"),
    ("serve --rate 1 --trace x.csv", "--rate means nothing beside --trace"),
    ("serve --trace x.csv --burst 4", "--burst means nothing beside --trace"),
    ("serve --trace x.csv --lengths=1/1", "--lengths means nothing beside --trace"),
    ("serve --find-rate --slo ttft=1 --rate 7", "--rate means nothing beside --find-rate"),
    ("serve --rate 1 --ahead 3", "--ahead means nothing without --draft"),
    ("serve --rate 1 --allow-remote", "--allow-remote means nothing without --http"),
    ("serve --http 127.0.0.1:0 --requests 3", "--requests means nothing beside --http"),
    ("serve --http 127.0.0.1:0 --json x", "--json means nothing beside --http"),
    ("serve --rate 1 --report x --checkpoint y", "--checkpoint means nothing beside --report"),
    ("serve --model demo --device wormhole --rate 1e-9 --lengths 20/10 --requests 100", "let requests come at a higher rate"),
    ("serve --trace nosuch.csv", "nosuch.csv: cannot open"),
    ("serve --rate 1 --lengths 5", "--lengths: '5'"),
    ("serve --rate 1 --lengths 9000/1", "made for 8192 at most"),
    ("serve --rate 1 --slo ttft", "--slo: 'ttft'"),
    ("serve --rate 1 --policy slo-aware", "give both"),
    ("serve --rate 1 --policy fcf", "did you mean 'fcfs'?"),
    ("serve --rate 1 --cores 20x30", "not square"),
    ("serve --rate 1 --device wormhole --cores 20x20", "serve: --cores: 20x20 cores do not fit"),
    ("serve --rate 1 --model qwen2-72b", "does not fit 1 wse2"),
    ("serve --rate 1 --kv concat", "--kv shift"),
    ("serve --rate 1 --prompt-wafers 1 --link 1e9", "leave none"),
    ("serve --rate 1 --prompt-wafers 1 --wafers 2 --device dojo-tile", "give --link B"),
    ("serve --rate 1 --prompt-replicas 1 --prompt-wafers 1 --wafers 2 --link 1e9", "say the same"),
    ("serve --rate 1 --prompt-replicas 9000", "in more than so many --prompt-replicas"),
    ("serve --rate 1 --prompt-replicas 1 --wafers 2 --device dojo-tile", "give --link B"),
    ("serve --rate 1 --wafers 2 --link fast", "neither bytes a second"),
    ("serve --find-rate", "--find-rate looks for"),
    ("serve --rate 1 --draft demo", "--draft means nothing without --accept"),
    ("serve --rate 1 --accept 0", "--accept means nothing without --draft"),
    ("serve --rate 1 --slo ttft=1,ttft=2", "says ttft more than once"),
    ("serve --rate 1 --draft demo --accept 0.5", "the same vocabulary"),
    ("serve --rate 1 --prefix 3/40", "--prefix: '3/40'"),
    ("serve --trace x.csv --urgent 0.1", "with columns for"),
    ("serve --model demo --find-rate --slo ttft=1e-9 --requests 10 --lengths 10/10", "cannot be met"),
    # algorithms, devices, types
    ("gemm --m 8 --k 8 --n 8 --cores 4x4 --alg meshgem", "did you mean 'meshgemm'?"),
    (G + "--alg meshgemv", "available: meshgemm, "),
    (G + "--alg meshgem", ", fox, all)"),
    (G + "--alg meshgemm,", "a name is missing"),
    (G + "--alg cannon,cannon", "cannon is named twice"),
    (G + "--device nosuch", "unknown device 'nosuch'"),
    (G + "--device wse", "did you mean 'wse"),
    (G + "--device wse2:hopp=4", "'hopp' is no number of a device: did you mean 'hop'?"),
    (G + "--device wse2:hop", "'hop' is not KEY=VALUE"),
    (G + "--device wse2:routes=0", "routes: 0 is out of range, expected routes (1 to 1e+09)"),
    (G + "--device {}/nothere.json", "nothere.json: cannot open"),
    (G + "--device {}/rows.json", "rows.json:"),
    (G + "--device {}/open.json", "open.json:"),
    (G + "--dtype f13", "did you mean 'f16'?"),
    (G + "--mode tming", "did you mean 'timing'?"),
    (G + "--accumulate bf16", "--accumulate: unknown 'bf16'"),
    # sizes
    ("gemm --m 0 --k 8 --n 8 --cores 4x4", "--m: '0' is not a positive whole number"),
    ("gemm --k -8", "--k: '-8' is not a positive whole number"),
    ("gemm --n 8.5", "--n: '8.5' is not a positive whole number"),
    ("gemm --n=", "--n: '' is not a positive whole number"),
    ("gemm --m 99999999999999999999", "--m: 99999999999999999999 is too large"),
    ("gemm --m 2147483648", "at most 2,147,483,647"),
    ("gemm --cores 4xfour", "--cores: '4xfour' is not HxW, e.g. 360x360"),
    ("gemm --cores 4", "is not HxW"),
    ("gemm --cores 0x4", "is not HxW"),
    ("gemm --cores 2x2", "too few"),
    ("gemm --cores 4000x4000", "do not fit on wse2, which has 994x750"),
    ("gemm --cores 99999999999x4", "too large"),
    ("gemm --cores 64x97", "use 64x64"),
    ("gemm --device wormhole --cores 64x64", "do not fit on wormhole"),
    ("gemm --m 2147483647 --k 2147483647 --n 2147483647 --cores 3x3 --mode timing --allow M --dtype f32", "too large"),
    ("gemm --m 100000000 --k 100000000 --n 100000000 --cores 720x720 --mode timing --allow M,R", "choose smaller sizes"),
    ("gemm --m 100000 --k 100000 --n 100000 --cores 4x4", "algorithms fits"),
    ("gemm --alg cannon --m 100000 --k 100000 --n 100000 --cores 4x4 --json {}/out", "bytes of SRAM"),
    # running
    (G + "--ranks 3x5", "a 3x5 grid of ranks needs 15"),
    (G + "--ranks 3by5", "--ranks: '3by5' is not RxC"),
    (G + "--allow X", "--allow: unknown 'X'"),
    (G + "--pace -1", "--pace: '-1' is not a positive number"),
    (G + "--pace 1s", "--pace: '1s'"),
    (G + "--pace 0x10", "--pace: '0x10' is not a positive number"),
    ("llm --model demo-moe --prompt 4 --link 0x10", "--link: '0x10' is neither bytes a second"),
    ("llm --model demo-moe --prompt 4 --expert-load zipf:0x1", "--expert-load: 'zipf:0x1' is no skew"),
    (G + "--seed -1", "--seed: '-1'"),
    # files
    (G + "--json /nonexistent/x", "--json: cannot write /nonexistent/x"),
    (G + "--json {}", "Is a directory"),
    (G + "--a /nonexistent.npy", "/nonexistent.npy: cannot open"),
    (G + "--alg meshgemm --out /nonexistent/x.npy", "/nonexistent/x.npy"),
    (G + "--alg meshgemm --out {}", "Is a directory"),
    (G + "--out {}/out", "one algorithm, not of 6"),
    ("gemm --cores 4x4 --a {}/a.npy --b {}/b.npy", "k is 15 by"),
    ("gemm --cores 4x4 --a {}/a.npy --m 20", "m is 20 by --m, but 21 by"),
    ("gemm --cores 4x4 --a {}/f64.npy", "numpy.save"),
    ("gemv --cores 4x4 --x {}/b.npy", "x is a vector"),
    ("gemv --cores 4x4 --x {}/x.npy --b {}/b.npy", "k is 15 by"),
    # contradictions
    (G + "--verify --mode timing", "--verify needs values"),
    (G + "--a {}/a.npy --mode timing", "--a needs values"),
    (G + "--a {}/a.npy --json {}/a.npy", "a.npy is read by this run, too (--a): name another file"),
    (G + "--device {}/rows.json:hop=2 --json {}/rows.json", "rows.json is read by this run, too (--device)"),
    ("tokenize -m {}/cut.gguf -p a --json {}/cut.gguf", "cut.gguf is read by this run, too (--model)"),
    ("validate tt-one --out {}/rows.json", "Not a directory"),
    ("paper --table 3 --json {}/nodir/x", "cannot write {}/nodir/x"),
    ("report {}/rows.json --out {}/./rows.json", "rows.json is read by this run, too"),
    (G + "--plan --json -", "nothing for --json"),
    (G + "--plan --alg meshgemm --out {}/out", "nothing for --out"),
    (G + "--plan --quiet", "--plan does nothing but print"),
    (G + "--transpose-b --alg cannon", "cannon has no form"),
    # gemv, allreduce, device
    ("gemv --m 8", "unknown option '--m'"),
    ("gemv --tree-k 9", "--tree-k: 9 is too large"),
    ("gemv --tree-k 3 --groups 5", "--groups auto"),
    ("gemv --cores 21x21 --groups 100", "100 groups"),
    ("gemv --groups 5,", "--groups: ''"),
    ("allreduce --cores 5y", "P or HxW"),
    ("allreduce --cores 1", "one core"),
    ("allreduce --cores 4x4 --root 1", "--root is a core of a row"),
    ("allreduce --cores 8 --root 8 --alg chain", "core 8 is not among the 8 of a line"),
    ("allreduce --cores 8 --root 0 --alg ring", "has no root"),
    ("allreduce --dtype bf16", "--dtype: unknown 'bf16': did you mean 'f16'? (available: f32, f16)"),
    ("allreduce --length 0", "--length: '0'"),
    ("device", "list, show NAME, check FILE or compare A B"),
    ("device compare wse2", "compare needs two devices"),
    ("device shw", "did you mean 'show'?"),
    ("device show", "needs a device's name"),
    ("device show wse9", "did you mean 'wse"),
    ("device list x", "unexpected 'x'"),
    ("device check {}/rows.json", "rows.json:"),
    # model, tokenize
    ("model nosuch", "unknown model 'nosuch'"),
    ("model demo llama3-8b", "unexpected 'llama3-8b'"),
    ("model {}/nothere.json", "nothere.json: cannot open"),
    ("model {}/rows.json", "rows.json:1: rows: is an unknown key"),
    ("model {}/a.npy", "a.npy: is not a GGUF file"),
    ("model demo --json /nonexistent/x", "--json: cannot write /nonexistent/x"),
    ("tokenize", "a text with -p, or token ids with --ids"),
    ("tokenize -p a --ids 1", "not both"),
    ("tokenize --prompt=", "--prompt needs a value: --prompt TEXT"),
    ("tokenize -p", "-p needs a value: -p TEXT"),
    ("tokenize -hp a", "-h takes no value"),
    ("tokenize -q", "unknown option '-q'"),
    ("tokenize --ids 99999", "token id 99999 is out of range: 0 to 1020"),
    ("tokenize --ids 1,2x,3", "--ids: '2x' is no token id"),
    ("tokenize --ids -1", "--ids: '-1' is no token id"),
    ("tokenize --ids 99999999999999999999", "is no token id"),
    ("tokenize --ids ,", "a token id is missing beside a comma"),
    ("tokenize --ids 1 --no-bos", "--no-bos is for texts"),
    ("tokenize -m {}/nothere.gguf -p a", "nothere.gguf: cannot open"),
    ("tokenize -m {}/a.npy -p a", "a.npy: is not a GGUF file"),
    ("tokenize -m dmo -p a", "did you mean 'demo'?"),
    ("tokenize -m llama3-8b -p a", "llama3-8b: is a shape without weights"),
    ("tokenize -p a --json {}", "Is a directory"),
    # logits
    (L + "--tokens 1 --out", "--out needs a value"),
    (L + "--out {}/out", "a prompt is missing: give a text with -p or ids with --tokens"),
    (L + "--out {}/out -p a --tokens 1", "with -p or as ids with --tokens, not both"),
    (L + "--out {}/out --tokens 1,99999", "token id 99999 is not one of the model's, which are 0 to 319"),
    (L + "--out {}/out --tokens 1,-2", "--tokens: '-2' is no token id"),
    (L + "--out {}/out --tokens ,", "a token id is missing beside a comma"),
    (L + "--out {}/out --tokens=", "--tokens needs a value: --tokens I,J,..."),
    (L + "--tokens 1", "say where the logits go, with --out FILE"),
    (L + "--tokens 1 --out {}", "--out: cannot write {}"),
    (L + "--tokens 1 --out /nonexistent/x", "--out: cannot write /nonexistent/x"),
    (L + "--out {}/out -p a", "llama_mha_f16.gguf: "),
    ("logits -m dmo --tokens 1 --out {}/out", "did you mean 'demo'?"),
    ("logits -m llama3-8b -p a --out {}/out", "llama3-8b: is a shape without weights"),
    ("logits -m {}/nothere.gguf --tokens 1 --out {}/out", "nothere.gguf: cannot open"),
    ("logits -m {}/cut.gguf --tokens 1 --out {}/out", "cut.gguf: "),
    ("logits -m {}/a.npy --tokens 1 --out {}/out", "a.npy: is not a GGUF file"),
    (f"logits --tokens {'1,' * 384}1 --out {{}}/out", "the prompt has 385 tokens, but demo was made for 384 at most"),
    (L + "--tokens 1 --out {}/out --phase encode", "--phase: unknown 'encode'"),
    (L + "--tokens 1 --out {}/out --prefill-cores 2x2", "--prefill-cores: 2x2 cores are too few"),
    (L + "--tokens 1 --out {}/out --decode-cores 2x8", "--decode-cores: 2x8 cores are too few"),
    (L + "--tokens 1 --out {}/out --decode-cores 8x2", "too few"),
    (L + "--tokens 1 --out {}/out --prefill-cores 1200x1200", "do not fit on wse2, which has 994x750"),
    (L + "--tokens 1 --out {}/out --decode-cores 1200x8", "do not fit on wse2, which has 994x750"),
    (L + "--tokens 1 --out {}/out --prefill-cores 8x9", "--prefill-cores: 8x9 is not square"),
    (L + "--tokens 1 --out {}/out --prefill-cores 9x8", "try 8x8"),
    (L + "--tokens 1 --out {}/out --prefill-cores 8", "--prefill-cores: '8' is not HxW"),
    (L + "--tokens 1 --out {}/out --kv rotate", "--kv: unknown 'rotate'"),
    (L + "--tokens 1 --out {}/out --kv-dtype f13", "did you mean 'f16'?"),
    (L + "--tokens 1 --out {}/out --dump {}", "the folder {} is not empty: name a new one"),
    (L + "--tokens 1 --out {}/out --dump {}/a.npy", "--dump: cannot use {}/a.npy: Not a directory"),
    (L + "--tokens 1 --out {}/out --dump /nonexistent/x", "--dump: cannot make the folder /nonexistent/x"),
    (L + "--tokens 1 --out {}/out --dump {}/dump --decode-cores 1200x8", "do not fit on wse2"),
    # perplexity
    ("perplexity", "a text is missing: give a file with -f"),
    ("perplexity -f", "-f needs a value: -f FILE"),
    ("perplexity -f {}/nothere.txt", "nothere.txt: cannot open: No such file"),
    ("perplexity -f {}", "{}: cannot read: Is a directory"),
    ("perplexity -f {}/empty.txt", "empty.txt: is empty"),
    ("perplexity -f {}/zero.txt", "zero.txt: byte 5 is 0"),
    ("perplexity -f {}/latin1.txt", "latin1.txt: byte 3 is not UTF-8"),
    ("perplexity -f {}/cut.txt", "cut.txt: byte 4 is not UTF-8"),
    ("perplexity -f {}/text.txt --context 2", "windows of 2 tokens are too short: 3 are the least"),
    ("perplexity -f {}/text.txt --context 0", "--context: '0' is not a positive whole number"),
    ("perplexity -f {}/text.txt --context 385", "385 tokens are more than demo was made for: 384 are the most"),
    ("perplexity -f {}/text.txt --prefill-cores 8x9", "--prefill-cores: 8x9 is not square"),
    ("perplexity -f {}/text.txt --dump {}/dump", "use plmr logits"),
    ("perplexity -f {}/text.txt --json /nonexistent/x", "--json: cannot write /nonexistent/x"),
    ("perplexity -f {}/text.txt -m " + NO_VOCABULARY, "llama_mha_f16.gguf: "),
    ("perplexity -f {}/text.txt -p a", "unknown option '-p'"),
]
# Under mpirun too: other ranks must be silent.
ALSO_ON_TWO_RANKS = ["nosuchcommand", "gemm --bogus", "gemm --cores 2x2", G + "--device nosuch", G + "--device wse2:hopp=4", G + "--ranks 3x5",
                     G + "--json /nonexistent/x", G + "--a /nonexistent.npy", "gemm --cores 4x4 --a {}/a.npy --b {}/b.npy",
                     "gemm --m 100000 --k 100000 --n 100000 --cores 4x4", "device show", "tokenize --ids 99999", "tokenize -q", "logits -m {}/cut.gguf --tokens 1 --out {}/out",
                     L + "--tokens 1 --out {}", L + "--tokens 1 --out {}/out --dump {}/dump --decode-cores 1200x8",
                     L + "--tokens 1 --out {}/out --dump {}", "perplexity -f {}/nothere.txt",
                     "perplexity -f {}/latin1.txt"]
# On that many ranks.
ON_RANKS = [(L + "--tokens 1 --out {}/out --decode-cores 3x3 --prefill-cores 4x4", "5 ranks cannot share a 3x3 region", 5),
            (L + "--tokens 1 --out {}/out --prefill-cores 3x3 --ranks 1x4", "--ranks: a 1x4 grid leaves some ranks without cores of prefill's region, 3x3", 4),
            (L + "--tokens 1 --out {}/out --ranks 2x3", "a 2x3 grid of ranks needs 6 ranks, but there are 4", 4)]
# 143 GB of weights, where the machine has less.
if os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") < 140e9:
    ON_RANKS.append(("llm --model qwen2-72b --mode compute --prompt 4 --decode 1 --allow M", "such hosts at least, with as many ranks", 2))

# Twice what the machine has: asked before it is taken.
TWICE = 2 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
SIDE = int((TWICE / 8) ** 0.5)  # of square matrices, two in f16 and one in f32
ON_RANKS += [(f"{command} --allow M,R", "GB left: use", 2) for command in (
    f"gemm --alg meshgemm --cores 90x90 --m {SIDE} --k {SIDE} --n {SIDE}", f"gemv --cores 90x90 --k {2 * SIDE} --n {2 * SIDE}",
    f"allreduce --cores 720x720 --length {TWICE // (4 * 720 * 720)}")]


def make_files(folder):
    with open(folder + "/rows.json", "w", encoding="utf-8") as file:
        file.write('{"name":"x","rows":-5}')
    with open(folder + "/open.json", "w", encoding="utf-8") as file:
        file.write("{")
    np.save(folder + "/a.npy", np.ones((21, 15), np.float32))
    np.save(folder + "/b.npy", np.ones((16, 30), np.float32))
    np.save(folder + "/x.npy", np.ones(15, np.float32))
    np.save(folder + "/f64.npy", np.ones((8, 8)))
    with open(NO_VOCABULARY, "rb") as whole, open(folder + "/cut.gguf", "wb") as file:
        file.write(whole.read()[:300000])
    for name, text in (("empty", b""), ("zero", b"Once\n\0 upon"), ("latin1", b"caf\xe9 noir"), ("cut", b"caf-\xc3"),
                       ("text", b"Once upon a time")):
        with open(f"{folder}/{name}.txt", "wb") as file:
            file.write(text)


def starts(plmr, check):
    """What needs no ranks starts no MPI, a run alone no daemon of it, and a setting with an unknown value is told."""
    def run(args, ranks=None, **settings):
        process = plmr.start(args.split(), ranks, env={**os.environ, **settings})
        out, err = outcome(process, 60)
        return process.returncode, out, [line for line in err.splitlines() if not MPIRUN_NOISE.match(line)]

    no_mpi, no_daemon = {"OMPI_MCA_pml": "nosuch"}, {"OMPI_MCA_plm": "rsh", "OMPI_MCA_plm_rsh_agent": "nosuch", "TMPDIR": "/nosuch"}
    for args in "--version", "--help", "list", "device list", "device show wse2", "gemm --help", "tokenize -p a":
        code, out, err = run(args, **no_mpi)
        check(code == 0 and out and not err, f"without MPI, plmr {args}: {code}, {err}")
    code, _, err = run("gemm --bogus", **no_mpi)
    check(code == 2 and len(err) == 1, f"without MPI, an unknown option: {code}, {err}")
    code, out, err = run("--version", 3)
    check(code == 0 and out.count("plmr ") == 1 and not err, f"the version on 3 ranks: {code}, {out}, {err}")
    code, _, err = run(G + "--quiet", **no_daemon)
    check(code == 0 and not err, f"alone, where no daemon can start: {code}, {err}")
    for name, value, words in (("PLMR_KERNEL", "avx", "did you mean 'avx2'?"), ("PLMR_BIND", "cores", "did you mean 'core'?")):
        for ranks in None, 2:
            code, out, err = run(G, ranks, **{name: value})
            check(code == 2 and not out and len(err) == 1 and f"{name}: unknown '{value}'" in err[0] and words in err[0],
                  f"{name}={value}: {code}, {err}")
    foreign = {**ALONE, "PMI_RANK": "0", "PMI_SIZE": "2"}  # as MPICH's mpirun has it
    code, out, err = run(G, **foreign)
    check(code == 2 and not out and len(err) == 1 and "has started 2 processes" in err[0], f"under a foreign launcher: {code}, {err}")


def tags(plmr, check, folder):
    """Those that CONTRIBUTING.md names are those that devices may have."""
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "CONTRIBUTING.md"), encoding="utf-8") as file:
        names = re.findall(r"`(\w+)`", re.search(r"Tags: ([^.]*)\.", file.read())[1])
    check(len(names) == 8, f"tags of CONTRIBUTING.md: {names}")
    path = os.path.join(folder, "tags.json")
    for name in names:
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"title": "t", "like": "wse2", "hop": {"value": 2, "unit": "cycles", "tag": name, "source": "s"}}, file)
        code, _, err = plmr.run(["device", "check", path])
        check(code == 0, f"tag {name}: {err}")
    os.remove(path)


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    starts(plmr, check)
    with tempfile.TemporaryDirectory() as folder:
        make_files(folder)
        tags(plmr, check, folder)
        before = sorted(os.listdir(folder))
        cases = [(args, words, None) for args, words in CASES]
        cases += [(args, words, 2) for args, words in CASES if args in ALSO_ON_TWO_RANKS]
        cases += ON_RANKS
        check(len(cases) == len(ON_RANKS) + len(CASES) + len(ALSO_ON_TWO_RANKS), "every case for two ranks is one of the cases")

        def run(case):
            args = case[0].replace("{}", folder).split()
            return show(args, case[2]), case[1].replace("{}", folder), plmr.run(args, case[2])

        with ThreadPoolExecutor(4) as pool:  # a run mostly waits for its own start
            for what, words, (code, out, err) in pool.map(run, cases):
                check(code == 2 and out == "" and len(err) == 1 and words in err[0] and err[0].startswith("plmr"),
                      f"{what}: code {code}, output {out!r}, error {err}")
        check(sorted(os.listdir(folder)) == before, f"files are left: {os.listdir(folder)}")
    check.done()


main()
