"""The command line's output, compared with golden/NAME.txt.

golden.py MPIEXEC PLMR [--update]: with --update the files are written anew; look at the difference before you commit it.
What depends on the machine is replaced: wall times, the kernel's name, the version.
"""
import difflib
import os
import re
import sys

from cli import Plmr, show

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")

# name: (arguments, numbers of ranks on which the output is the same but for the line on ranks)
CASES = {
    "help": ("--help", [None, 2]),
    "version": ("--version", [None, 2]),
    "list": ("list", [None, 2]),
    "scale-help": ("scale --help", [None]),
    "topo-help": ("topo --help", [None]),
    "gemm-help": ("gemm --help", [None, 2]),
    "gemv-help": ("gemv --help", [None]),
    "allreduce-help": ("allreduce --help", [None]),
    "verify-help": ("verify --help", [None]),
    "report-help": ("report --help", [None, 2]),
    "device-help": ("device --help", [None]),
    "device-list": ("device list", [None, 2]),
    "device-show": ("device show ideal", [None]),
    "device-check": ("device check wse2", [None]),
    "model-help": ("model --help", [None]),
    "model-list": ("model", [None, 2]),
    "model-demo": ("model demo", [None, 2]),
    "model-shape": ("model qwen2-72b", [None]),
    "model-misfit": ("model llama3-8b --device wormhole", [None, 2]),
    "tokenize-help": ("tokenize --help", [None]),
    "tokenize": ("tokenize --prompt=Once --no-bos", [None, 2]),
    "tokenize-ids": ("tokenize -m demo --ids 1,466,456,261,395,2", [None, 3]),
    "logits-help": ("logits --help", [None]),
    "perplexity-help": ("perplexity --help", [None, 2]),
    "serve-help": ("serve --help", [None]),
    "serve": ("serve --model demo --device wormhole --rate 50 --requests 40 --lengths 8..60/~20", [None, 3]),
    "tune-help": ("tune --help", [None]),
    "tune": ("tune --model demo --device wormhole --prompt 40 --decode 8 --cache none --best 2", [None, 3]),
    "gemm": ("gemm --m 67 --k 101 --n 59 --cores 13x13 --dtype f32 --verify", [None, 4]),
    "gemm-f16": ("gemm --m 64 --k 64 --n 64 --cores 16x16 --accumulate f16 --verify --seed 7", [None]),
    "gemm-oblong": ("gemm --m 40 --k 40 --n 40 --cores 6x9 --dtype bf16 --alg meshgemm,cannon --verify", [None, 2]),
    "gemm-timing": ("gemm --m 2048 --k 2048 --n 2048 --cores 128x128 --mode timing", [None, 4]),
    "gemm-transposed": ("gemm --m 30 --k 40 --n 50 --cores 10x10 --transpose-b --verify", [None, 2]),
    "gemm-misfit": ("gemm --m 1900 --k 1900 --n 1900 --cores 60x60 --mode timing", [None, 2]),
    "gemm-allow": ("gemm --m 1900 --k 1900 --n 1900 --cores 60x60 --mode timing --allow M", [None]),
    "gemm-plan": ("gemm --m 1900 --k 1900 --n 1900 --cores 60x60 --plan", [None, 2]),
    "gemv": ("gemv --k 331 --n 277 --cores 21x21 --verify", [None, 4]),
    "gemv-tree": ("gemv --alg meshgemv --k 1000 --n 1000 --cores 50x50 --tree-k 3 --groups 20,4 --mode timing", [None]),
    "gemv-plan": ("gemv --k 331 --n 277 --cores 21x21 --plan", [None]),
    "allreduce-row": ("allreduce --length 50 --cores 64 --verify", [None, 4]),
    "allreduce-region": ("allreduce --length 33 --cores 9x14 --dtype f16 --verify", [None, 4]),
    "gemm-text": ("gemm --m 256 --k 256 --n 256 --cores 32x32 --mode timing --text", [None, 2]),
    "allreduce-text": ("allreduce --length 50 --cores 64 --mode timing --text", [None]),
    "llm-text": ("llm --model demo --prompt 30 --decode 5 --prefill-cores 30x30 --decode-cores 24x30 --text", [None, 2]),
    "allreduce-plan": ("allreduce --length 50 --cores 64 --plan", [None]),
}


# Bars have the width and the characters of the terminal.
os.environ.update(COLUMNS="80", LC_ALL="C.UTF-8")


def normalise(text):
    text = re.sub(r"plmr \d+\.\d+\.\d+ \([^ ,]+, build [0-9a-f]+\), with /.*", "plmr VERSION", text)
    text = re.sub(r"plmr \d+\.\d+\.\d+", "plmr VERSION", text)
    text = re.sub(r"kernel \w+", "kernel KERNEL", text)
    text = re.sub(r"^(  ranks     ).*", r"\1RANKS", text, flags=re.M)
    text = re.sub(r"^  rank \d.*\n", "", text, flags=re.M)  # where each runs
    return re.sub(r" +\d+\.?\d* [num]?s$", "  WALL", text, flags=re.M)  # the last column is the wall time


def main():
    plmr, update, failed = Plmr(sys.argv[1], sys.argv[2]), "--update" in sys.argv[3:], 0
    for name, (arguments, all_ranks) in CASES.items():
        path = os.path.join(FOLDER, name + ".txt")
        for ranks in all_ranks:
            args = arguments.split()
            code, out, err = plmr.run(args, ranks)
            got = f"$ plmr {arguments}\n" + normalise(out)
            if code != 0 or err:
                failed += 1
                print(f"FAILED: {show(args, ranks)} ends with {code}: {err}")
                continue
            if update and ranks == all_ranks[0]:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(got)
            with open(path, encoding="utf-8") as file:
                want = file.read()
            if got != want:
                failed += 1
                print(f"FAILED: {show(args, ranks)} differs from {path}:")
                print("".join(difflib.unified_diff(want.splitlines(True), got.splitlines(True), "golden", "now")))
    sys.exit(1 if failed else 0)


main()
