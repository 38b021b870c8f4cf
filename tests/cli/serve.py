"""plmr serve --mode compute: each request's text is what plmr generate makes of its prompt alone, on any number of ranks,
whatever batches, chunks, preemption, shared prefixes and guesses do to it; only when it is made differs.

serve.py MPIEXEC MANY
"""
import json
import os
import sys
import tempfile

from cli import Checks, Started, of_the_wafer, show

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLACE = "--model demo --cores 3x3".split()

# What is asked for, and the keys of the record that say that it happened.
WAYS = {
    "--batch 4": [],
    "--batch 1 --chunk 3 --policy fcfs": [],
    "--batch 2 --preempt --urgent 0.3": ["preempted", "again_tokens"],
    "--prefix 2/14/0.7 --chunk 5": ["shared_tokens"],
    "--prefix 2/14/0.7 --preempt": ["preempted", "shared_tokens"],
    "--device wormhole --draft demo --accept 0.6": ["accepted"],
}


def small_wafer(folder):
    """As wormhole, with so little memory that requests are in each other's way."""
    with open(os.path.join(ROOT, "share", "devices", "wormhole.json"), encoding="utf-8") as file:
        device = json.load(file)
    device["sram"]["value"] = 95000
    path = os.path.join(folder, "small.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(device, file)
    return path


def alone(plmr, device, text):
    """What generate makes of the prompt."""
    prompt, n = ",".join(map(str, text["prompt"])), str(len(text["ids"]))
    args = f"generate --model demo --prefill-cores 3x3 --decode-cores 3x3 --ignore-eos --tokens {prompt} -n {n} --device".split()
    code, out, err = plmr.run(args + [device])
    assert code == 0, (show(args), err)
    return out[:-1]


def check_ways(plmr, check, device):
    first, known = {}, {}
    for ranks in 1, 2, 4:
        for way, keys in list(WAYS.items())[:: 1 if ranks == 1 else 3]:
            args = ["serve"] + PLACE + "--mode compute --rate 50000 --requests 9 --quiet".split()
            args += "--lengths 4..30/5..25".split() + way.split()
            args += [] if "--device" in args else ["--device", device]
            record, = plmr.records(args, ranks)
            for key in keys:
                check(record[key] > 0, f"{show(args, ranks)}: {key} is {record[key]}")
            of_all = of_the_wafer(record)
            check(first.setdefault(way, of_all) == of_all, f"{show(args, ranks)}: differs from that on one rank")
            for text in record["texts"] if ranks == 1 else []:
                key = json.dumps([text["prompt"], len(text["ids"])])
                known[key] = known.get(key) or alone(plmr, device, text)
                check(text["text"] == known[key], f"{show(args)}: {text['text']!r}, alone {known[key]!r}")


def check_prompts(plmr, check, device, folder):
    """Texts of a file, and a trace that says wrongly that they begin alike."""
    prompts, trace = os.path.join(folder, "prompts.txt"), os.path.join(folder, "trace.csv")
    with open(prompts, "w", encoding="utf-8") as file:
        file.write("Once upon a time\n\nOnce there was\n")
    args = ["serve"] + PLACE + ["--device", device, "--mode", "compute", "--prompts", prompts, "--trace", trace]
    for n in 2, 3:
        with open(trace, "w", encoding="utf-8") as file:
            file.write(f"arrival,prompt,output,prefix,prefix_tokens\n0,30,9,7,{n}\n0,30,9,7,{n}\n0,30,4,0,0\n")
        code, out, err = plmr.run(args)
        if n == 2:  # the text's begin, and "Once"
            check(code == 0 and out.count("\n[") == 3, f"{show(args)}: {code}, {out!r}, {err}")
        else:
            check(code != 0 and "do not begin alike" in err[-1], f"{show(args)}: {code}, {out!r}, {err}")


def main():
    check = Checks()
    with tempfile.TemporaryDirectory() as folder, Started(sys.argv[1], sys.argv[2]) as plmr:
        device = small_wafer(folder)
        check_ways(plmr, check, device)
        check_prompts(plmr, check, device, folder)
    check.done()


main()
