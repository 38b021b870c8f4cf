"""Runs that are broken off, by kill -9 at any moment or by a signal, and gone on with on other ranks: as if they had not been.

checkpoint.py MPIEXEC PLMR [KILLS [COMMAND]]   KILLS: of each command, 4 if left out; COMMAND: of that one alone
"""
import json
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

from cli import Checks, Plmr, of_the_wafer, outcome

GENERATE = "generate -n 300 --ignore-eos --temp 0.9 --seed 5 --json-logprobs 2".split()
SMALL = "--prefill-cores 30x30 --decode-cores 30x30".split()
LLM = "llm --quiet --model demo --prompt 24 --batch 2 --prefill-cores 30x30 --decode-cores 30x30".split()
SERVE = "serve --model demo --device wormhole".split()
# Command line, steps from one checkpoint to the next.
CASES = [
    (LLM + "--mode compute --decode 60".split(), 3),
    ("llm --quiet --model llama3-8b --prompt 64 --decode 40 --every-step --decode-cores 60x60 --prefill-cores 60x60 --allow M".split(), 5),
    (["serve", "--model", "demo", "--device", "wormhole:sram=60000"] # so that some are preempted
     + "--rate 4000 --requests 24 --lengths ~40/~30 --preempt --prefix 4/20/0.5 --urgent 0.2 --every-step".split(), 3),
    ("serve --model llama3-8b --cores 187x187 --find-rate --slo ttft=1,tpot=0.05 --requests 60 --lengths 100..300/~50".split(), 90),
    (SERVE + "--rate 1e4 --requests 16 --lengths 4..9/3..20 --mode compute".split(), 1),
]


def result_of(record, out):
    with open(record, encoding="utf-8") as file:
        return [of_the_wafer(json.loads(line)) for line in file], [line for line in out.splitlines() if "wall " not in line]


def run_whole(plmr, check, args, record):
    start = time.monotonic()
    code, out, err = plmr.run(args + ["--json", record])
    check(code == 0, f"{args}: {code} {err}")
    return result_of(record, out), time.monotonic() - start


def kill_and_go_on(plmr, check, args, every, n_kills, folder):
    """Kills runs until n_kills have been, then lets one end; whenever one ends before, it starts anew."""
    record, where = os.path.join(folder, "r.json"), os.path.join(folder, "where")
    whole, wall_s = run_whole(plmr, check, args, record)
    check("--preempt" not in args or whole[0][0]["preempted"] > 0, f"{args}: nothing is preempted")
    end = ["--json", record, "--checkpoint", f"{where}:every {every}"]
    n_gone_on = 0
    for kill in range(n_kills):
        ranks = [None, 2, 3][kill % 3]
        n_gone_on += os.path.isdir(where) and bool(os.listdir(where))
        process = plmr.start(args + end, ranks)
        try:
            out, err = process.communicate(timeout=random.uniform(0.3, 1.2) * wall_s)
            check(process.returncode == 0 and result_of(record, out) == whole, f"{args} ends with {process.returncode} {err}")
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGSTOP)  # or mpirun might start one more meanwhile; and nothing is waited for yet
            ranks_of_it = children(process.pid) or [process.pid]
            for pid in ranks_of_it:
                os.kill(pid, signal.SIGKILL)
            process.kill()  # mpirun may wait for ranks that are killed while they start
            outcome(process, 60)
            while any(map(is_alive, ranks_of_it)):  # and has its lock
                time.sleep(0.001)
    code, out, err = plmr.run(args + end, 2)
    check(code == 0 and result_of(record, out) == whole, f"{args} killed {n_kills} times: {code} {err}")
    check(os.listdir(where) == [] or all(name.endswith(".part") for name in os.listdir(where)), f"left: {os.listdir(where)}")
    return n_gone_on


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_open(process, where):
    while process.poll() is None and not os.path.exists(os.path.join(where, ".plmr-lock")):
        time.sleep(0.01)
    time.sleep(0.05)


def signals(plmr, check, args, folder):
    """A signal puts down what is done, and the run says how to go on; another run does, and ends like an unbroken one."""
    record, where = os.path.join(folder, "s.json"), os.path.join(folder, "signals")
    whole, _ = run_whole(plmr, check, args, record)
    for number in signal.SIGTERM, signal.SIGUSR1:
        os.remove(record)
        end = ["--json", record, "--checkpoint", where]
        process = plmr.start(args + end)
        if args[0] == "generate":
            process.stdout.read(40)
        else:
            wait_until_open(process, where)
        process.send_signal(number)
        out, err = outcome(process, 60)
        done = "interrupted: what is done so far is in" in err and "give the same command again" in err
        check(process.returncode == 0 and (done or os.path.exists(record) and not os.listdir(where)), f"{number}: {err}")
        code, out, err = plmr.run(args + end, 3)
        check(code == 0 and result_of(record, out) == whole, f"after {number}: {code} {err}")


def no_file_grows():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def unwritten(plmr, check, folder):
    """What a signal cannot put down is an error, and nothing says that one could go on."""
    for args in LLM + "--mode compute --decode 4000".split(), ["paper"], SERVE + "--rate 1e4 --requests 900 --lengths 9/20 --mode compute".split():
        where = os.path.join(folder, "unwritten-" + args[0])
        process = plmr.start(args + ["--checkpoint", where], preexec_fn=no_file_grows)
        wait_until_open(process, where)
        process.send_signal(signal.SIGTERM)
        _, err = outcome(process, 60)
        check(process.returncode == 1 and f"{where}/{args[0]}.checkpoint" in err and "to go on" not in err,
              f"{args[0]}, unwritten: {process.returncode} {err}")


def hashed(data):
    """With the hash behind it that says that it is whole."""
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return data + b"%016x\n" % value


def checkpoint_of(plmr, args, where):
    """The first that a run puts down, without its hash; where the run is over before that has been seen, another's."""
    path, data = os.path.join(where, args[0] + ".checkpoint"), b""
    while not data:
        process = plmr.start(args + ["--json", os.devnull, "--checkpoint", where + ":every 1"])
        while not data and process.poll() is None:
            try:
                with open(path, "rb") as file:
                    data = file.read()
            except FileNotFoundError:
                time.sleep(0.0005)
        process.kill()
        outcome(process, 60)
    return data[:-17]


def forged(data, change):
    """change: a pattern of the first line and what stands there instead; or a place of the bytes behind it, and what lies there."""
    head, newline, rest = data.partition(b"\n")
    if isinstance(change[0], int):
        return head + newline + rest[:change[0]] + change[1] + rest[change[0] + len(change[1]):]
    head, n = re.subn(change[0].encode(), change[1].encode(), head, count=1)
    assert n == 1, (change, head)
    return head + newline + rest


def ill_meant(plmr, check, folder, text):
    """A file that is whole, but for numbers that nothing can have put there: one line, on any ranks."""
    numbers = [struct.pack("<q", n) for n in (-3, 100000000)]
    serve = SERVE + "--rate 1e4 --requests 40 --lengths 4..9/3..20".split()
    many = [(place, number) for place in (20, 28) for number in numbers]
    for args, changes in ((GENERATE + SMALL, [(r'"tokens":\[\d+', '"tokens":[1000000000'), (r'"tokens":\[\d+', '"tokens":[-1'),
                                              (r'"tokens":\[', '"tokens":[' + "1," * 300), (r'"tokens":\[', '"tokens":[],"were":[')]),
                          (["perplexity", "-f", text, "--context", "64"], [(r'"done":\d+', '"done":-1'), (r'"done":\d+', '"done":99999')]),
                          (["paper"], [(r'"known":\d+', '"known":-1'), (r'"known":\d+', '"known":1000000')]),
                          (CASES[0][0], [(r'"decoded":\d+', '"decoded":-1'), (r'"decoded":\d+', '"decoded":60')]),
                          (serve, many)):
        where = os.path.join(folder, "ill-" + args[0])
        data = checkpoint_of(plmr, args, where)
        for i, change in enumerate(changes):
            fails_well(plmr, check, args, where, forged(data, change), [None, 3][i % 4 == 3], "is damaged: remove it", change)
    length = len(data.partition(b"\n")[2])
    for place in random.sample(range(0, length - 8), 3):
        fails_well(plmr, check, serve, where, forged(data, (place, random.choice(numbers))), None, None, place)
    fails_well(plmr, check, serve, where, data[:-40], None, "its checkpoint ends early", "short")


def fails_well(plmr, check, args, where, data, ranks, words, change):
    """words: of the one line that is said; None: it may be that nothing is noticed."""
    shutil.rmtree(where)
    os.mkdir(where)
    with open(os.path.join(where, args[0] + ".checkpoint"), "wb") as file:
        file.write(hashed(data))
    code, _, err = plmr.run(args + ["--json", os.devnull, "--checkpoint", where], ranks)
    right = len(err) == 1 and code == (1 if words and "early" in words else 2) and (words or "damaged") in err[0]
    check(right or not words and code == 0, f"{args[0]}: {change}: {code} {err}")


def stop(plmr, args, where):
    process = plmr.start(args + ["--checkpoint", where])
    process.stdout.read(40)
    process.send_signal(signal.SIGTERM)
    return outcome(process, 60)


def refused(plmr, check, folder):
    """What was made otherwise is not gone on with; of a damaged file the one before is taken."""
    where = os.path.join(folder, "refused")
    stop(plmr, GENERATE + ["--json", os.devnull], where)
    for args, words in (("--temp 0.8", "another --temp ('0.9', here '0.8')"), ("--device wse3", "another device ('"),
                        ("--top-k 5", "another --top-k ('none', here '5')"), ("--dump x", "--checkpoint keeps nothing of --dump")):
        code, out, err = plmr.run(GENERATE + args.split() + ["--json", os.devnull, "--checkpoint", where])
        check(code == 2 and not out and words in err[0], f"{args}: {code} {err}")
    code, out, err = plmr.run("serve --http 127.0.0.1:0 --checkpoint x".split())
    check(code == 2 and not out and len(err) == 1 and "who has asked is gone" in err[0], f"--http: {code} {err}")
    path = os.path.join(where, "generate.checkpoint")
    stop(plmr, GENERATE + ["--json", os.devnull], where)
    with open(path, "r+b") as file:
        file.seek(-300, os.SEEK_END)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    code, out, err = plmr.run(GENERATE + ["--json", os.devnull, "--checkpoint", where])
    check(code == 0 and err[0] == f"{path} is damaged: taking the one before", f"{code} {err}")
    check(out == plmr.run(GENERATE[:-2])[1], "a text from the one before")


def main():
    plmr, check = Plmr(sys.argv[1], sys.argv[2]), Checks()
    n_kills, only = int(sys.argv[3]) if len(sys.argv) > 3 else 4, sys.argv[4:]
    seed = random.randrange(1 << 30)
    random.seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        text = os.path.join(folder, "text")
        with open(text, "w", encoding="utf-8") as file:
            file.write("Once upon a time there was a little dog who saw a big tree. " * 100)
        score = ["perplexity", "-f", text, "--context", "64"]
        for args, every in [(GENERATE + SMALL, 7), (score, 1), (["paper", "--table", "5"], 1)] + CASES:
            if only and args[0] not in only:
                continue
            kills = n_kills // 2 if (args, every) in CASES else n_kills
            n = kill_and_go_on(plmr, check, args, every, kills, folder)
            print(f"{args[0]}: {kills} runs, {n} of them from a checkpoint, seed {seed}")
            if args[0] != "paper":
                signals(plmr, check, args, folder)
        if not only:
            refused(plmr, check, folder)
            unwritten(plmr, check, folder)
            ill_meant(plmr, check, folder, text)
    check.done()


main()
