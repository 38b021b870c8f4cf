"""Wrong input: exit code 2, one line on standard error that says what is wrong, nothing else, and no file left behind.

bad_input.py MPIEXEC PLMR
"""
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from cli import Checks, Plmr, show

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
    ("gemm -m 8", "two dashes"),
    ("gemm 8", "unexpected '8'"),
    ("list x", "unexpected 'x'"),
    # algorithms, devices, types
    ("gemm --m 8 --k 8 --n 8 --cores 4x4 --alg meshgem", "did you mean 'meshgemm'?"),
    (G + "--alg meshgemv", "available: meshgemm, "),
    (G + "--alg meshgemm,", "a name is missing"),
    (G + "--alg cannon,cannon", "cannon is named twice"),
    (G + "--device nosuch", "unknown device 'nosuch'"),
    (G + "--device wse", "did you mean 'wse"),
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
    ("gemm --m 100000 --k 100000 --n 100000 --cores 4x4", "none of the 4 algorithms fits"),
    ("gemm --alg cannon --m 100000 --k 100000 --n 100000 --cores 4x4 --json {}/out", "bytes of SRAM"),
    # running
    (G + "--ranks 3x5", "a 3x5 grid of ranks needs 15"),
    (G + "--ranks 3by5", "--ranks: '3by5' is not RxC"),
    (G + "--allow X", "--allow: unknown 'X'"),
    (G + "--pace -1", "--pace: '-1' is not a positive number"),
    (G + "--pace 1s", "--pace: '1s'"),
    (G + "--seed -1", "--seed: '-1'"),
    # files
    (G + "--json /nonexistent/x", "--json: cannot write /nonexistent/x"),
    (G + "--json {}", "Is a directory"),
    (G + "--a /nonexistent.npy", "/nonexistent.npy: cannot open"),
    (G + "--alg meshgemm --out /nonexistent/x.npy", "/nonexistent/x.npy"),
    (G + "--alg meshgemm --out {}", "not a regular file"),
    (G + "--out {}/out", "one algorithm, not of 4"),
    ("gemm --cores 4x4 --a {}/a.npy --b {}/b.npy", "k is 15 by"),
    ("gemm --cores 4x4 --a {}/a.npy --m 20", "m is 20 by --m, but 21 by"),
    ("gemm --cores 4x4 --a {}/f64.npy", "numpy.save"),
    ("gemv --cores 4x4 --x {}/b.npy", "x is a vector"),
    ("gemv --cores 4x4 --x {}/x.npy --b {}/b.npy", "k is 15 by"),
    # contradictions
    (G + "--verify --mode timing", "--verify needs values"),
    (G + "--a {}/a.npy --mode timing", "--a needs values"),
    (G + "--plan --json -", "nothing for --json"),
    (G + "--plan --alg meshgemm --out {}/out", "nothing for --out"),
    (G + "--transpose-b --alg cannon", "cannon has no form"),
    # gemv, allreduce, device
    ("gemv --m 8", "unknown option '--m'"),
    ("gemv --tree-k 9", "--tree-k: 9 is too large"),
    ("gemv --tree-k 3 --groups 5", "--groups auto"),
    ("gemv --cores 21x21 --groups 100", "100 groups"),
    ("gemv --groups 5,", "--groups: ''"),
    ("allreduce --cores 5y", "P or HxW"),
    ("allreduce --cores 1", "one core"),
    ("allreduce --dtype bf16", "not in bf16"),
    ("allreduce --length 0", "--length: '0'"),
    ("device", "list, show NAME or check FILE"),
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
    ("tokenize --prompt=", "-p: the text is empty"),
    ("tokenize -p", "-p needs a value: -p TEXT"),
    ("tokenize -hp a", "-h takes no value"),
    ("tokenize -q", "unknown option '-q'"),
    ("tokenize --ids 99999", "token id 99999 is out of range: 0 to 1020"),
    ("tokenize --ids 1,2x,3", "--ids: '2x' is no token id"),
    ("tokenize --ids -1", "--ids: '-1' is no token id"),
    ("tokenize --ids 99999999999999999999", "is no token id"),
    ("tokenize --ids ,", "--ids: there are none"),
    ("tokenize --ids 1 --no-bos", "--no-bos is for texts"),
    ("tokenize -m {}/nothere.gguf -p a", "nothere.gguf: cannot open"),
    ("tokenize -m {}/a.npy -p a", "a.npy: is not a GGUF file"),
    ("tokenize -m dmo -p a", "did you mean 'demo'?"),
    ("tokenize -m llama3-8b -p a", "llama3-8b: is a shape without weights"),
    ("tokenize -p a --json {}", "Is a directory"),
]
# Under mpirun too: other ranks must be silent.
ALSO_ON_TWO_RANKS = ["nosuchcommand", "gemm --bogus", "gemm --cores 2x2", G + "--device nosuch", G + "--ranks 3x5",
                     G + "--json /nonexistent/x", G + "--a /nonexistent.npy", "gemm --cores 4x4 --a {}/a.npy --b {}/b.npy",
                     "gemm --m 100000 --k 100000 --n 100000 --cores 4x4", "device show", "tokenize --ids 99999", "tokenize -q"]


def make_files(folder):
    with open(folder + "/rows.json", "w", encoding="utf-8") as file:
        file.write('{"name":"x","rows":-5}')
    with open(folder + "/open.json", "w", encoding="utf-8") as file:
        file.write("{")
    np.save(folder + "/a.npy", np.ones((21, 15), np.float32))
    np.save(folder + "/b.npy", np.ones((16, 30), np.float32))
    np.save(folder + "/x.npy", np.ones(15, np.float32))
    np.save(folder + "/f64.npy", np.ones((8, 8)))


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    with tempfile.TemporaryDirectory() as folder:
        make_files(folder)
        before = sorted(os.listdir(folder))
        cases = [(args, words, None) for args, words in CASES]
        cases += [(args, words, 2) for args, words in CASES if args in ALSO_ON_TWO_RANKS]
        check(len(cases) == len(CASES) + len(ALSO_ON_TWO_RANKS), "every case for two ranks is one of the cases")

        def run(case):
            args = case[0].replace("{}", folder).split()
            return show(args, case[2]), case[1], plmr.run(args, case[2])

        with ThreadPoolExecutor(4) as pool:  # a run mostly waits for its own start
            for what, words, (code, out, err) in pool.map(run, cases):
                check(code == 2 and out == "" and len(err) == 1 and words in err[0] and err[0].startswith("plmr"),
                      f"{what}: code {code}, output {out!r}, error {err}")
        check(sorted(os.listdir(folder)) == before, f"files are left: {os.listdir(folder)}")
    check.done()


main()
