"""plmr serve --mode compute: each request's text is what plmr generate makes of its prompt alone, on any number of ranks,
whatever batches, chunks, preemption, shared prefixes and guesses do to it; only when it is made differs. Ways between wafers,
experts on several wafers, and weights from outside.

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
    device["sram"]["value"] = 76000
    path = os.path.join(folder, "small.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(device, file)
    return path


def alone(plmr, device, text, model="demo"):
    """What generate makes of the prompt."""
    prompt, n = ",".join(map(str, text["prompt"])), str(len(text["ids"]))
    args = f"generate --model {model} --prefill-cores 3x3 --decode-cores 3x3 --ignore-eos --tokens {prompt} -n {n} --device".split()
    code, out, err = plmr.run(args + [device])
    assert code == 0, (show(args), err)
    return out[:-1]


def check_ways(plmr, check, device):
    first, known = {}, {}
    for ranks in 1, 2, 4:
        for way, keys in list(WAYS.items())[:: 1 if ranks == 1 else 3]:
            args = ["serve"] + PLACE + "--mode compute --rate 50000 --requests 9 --quiet".split()
            args += "--lengths 4..20/50..90".split() + way.split()
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


def one(plmr, args, ranks=None):
    record, = plmr.records(["serve"] + args.split() + ["--quiet"], ranks)
    return record


def check_links(plmr, check):
    """A request that is alone has its tokens later by the ways between wafers: their latency, and its activations, 4,096 of
    f16. A cache that goes over has its latency and bytes, too."""
    args = "--model llama3-8b --device wse2:rows=300,cols=300 --cores 150x150 --wafers 12 --rate 0.001 --requests 2 --lengths 20/11"
    near = one(plmr, args)
    per_wafer = near["regions"] // near["wafers_replica"]
    n = (near["stages"] - 1) // per_wafer
    for link, rate, latency in (("1e6", 1e6, 0), ("device", 150e9, 173e-6)):
        far = one(plmr, f"{args} --link {link}")
        more = n * (4096 * 2 / rate + latency)
        check(n > 1 and abs(far["tpot_mean_s"] - near["tpot_mean_s"] - more) < 1e-9, f"--link {link}: {n} ways, {more}, {far}")
        check(far["link_bytes_s"] == rate and far["link_bytes"] > 0 and far["energy_link_j"] is None, f"--link {link}: {far}")
        check(("wafer_rate" in far["rests_on"]) == (link == "device"), f"--link {link} rests on {far['rests_on']}")
    many = one(plmr, args.replace("--rate 0.001 --requests 2 --lengths 20/11", "--rate 1000 --requests 300 --lengths 2/40") + " --link device")
    check(many["completed"] == 300 and many["virtual_s"] > 173e-6 * n * 40, f"more passes between wafers than regions: {many}")
    apart = "--model demo --device wse2:wafer_energy=1e6 --cores 20x20 --wafers 2 --prompt-wafers 1 --rate 1 --requests 1 --lengths 20/11"
    quick, slow = (one(plmr, f"{apart} --link {link}") for link in ("1e18", "device"))
    bytes_moved = slow["link_bytes"]
    check(abs(slow["e2e_mean_s"] - quick["e2e_mean_s"] - bytes_moved / 150e9 - 173e-6) < 1e-9, f"apart: {quick}, {slow}")
    check(abs(slow["energy_link_j"] / (bytes_moved * 1e-6) - 1) < 1e-9, f"energy: {slow}")
    check(abs(slow["cache_way_s"] - bytes_moved / 150e9 - 173e-6) < 1e-9, f"the cache's way: {slow}")
    here = one(plmr, apart.replace("--wafers 2 --prompt-wafers 1", "--prompt-replicas 1"))
    check(here["replicas_prompt"] == 1 and here["replicas"] > 1 and here["link_bytes"] is None, f"on a wafer: {here}")
    check(0 < here["cache_way_s"] < 1e-5, f"the cache's way on a wafer: {here}")
    check(abs(here["e2e_mean_s"] - here["cache_way_s"] - (quick["e2e_mean_s"] - quick["cache_way_s"])) < 1e-9, f"on a wafer: {here}, {quick}")


def check_experts(plmr, check):
    """Experts on several wafers: texts, and log-probabilities, are those of one, with drafts, shared beginnings and prompts apart, too."""
    args = ("serve --model demo-moe --cores 3x3 --link 1e15 --for latency --mode compute --rate 50000 --requests 5 --lengths 4..20/10..40 "
            "--quiet --device wormhole:sram=")
    ways = {"60000 --wafers 4 --prefix 2/14/0.7 --chunk 5": "shared_tokens", "60000 --wafers 8 --prompt-wafers 4": "cache_way_s",
            "400000 --wafers 4 --draft demo --accept 0.6": "accepted"}
    for way, key in ways.items():
        records = [plmr.records((args + way).split(), ranks)[0] for ranks in (1, 2)]
        check(of_the_wafer(records[0]) == of_the_wafer(records[1]), f"{way}: differs on 2 ranks")
        check(records[0]["expert_wafers"] > 1 and records[0][key] > 0, f"{way}: {records[0]}")
        for text in records[0]["texts"]:
            check(text["text"] == alone(plmr, "wormhole", text, "demo-moe"), f"{way}: not the text of one wafer: {text}")
    args = "generate --model demo-moe --device wormhole --prompt Once -n 9 --ignore-eos --prefill-cores 6x6 --decode-cores 6x6 --json-logprobs 3".split()
    one, several = (plmr.records(args + more, 1)[0] for more in ([], "--experts wafers --expert-parts 3 --link 1e9".split()))
    check(several["experts"] == "wafers" and one["logprobs"] == several["logprobs"], f"log-probabilities: {one}, {several}")


def timeline_of(page):
    with open(page, encoding="utf-8") as file:
        text = file.read().split('<script type="application/json" id="plmr-data">')[1].split("</script>")[0]
    return json.loads(text)["runs"][0]["timeline"]


def check_page(plmr, check, folder):
    """A page's regions work for at most all of the time, in the mean as the record says; the cache stays within its room."""
    page = os.path.join(folder, "page.html")
    args = ("--model demo --device wormhole:sram=150000 --lengths 1..200/1..100 --requests 300 --rate 3000 --preempt "
            f"--urgent 0.5 --report {page} --wafers ")
    for wafers in "3", "3 --prompt-wafers 2", "5 --prompt-wafers 4", "1 --prompt-replicas 1":
        record, t = one(plmr, args + wafers), timeline_of(page)
        shares, copies = [sum(row) * t["seconds"] / record["virtual_s"] for row in t["regions"]], t["copies"]
        mean = sum(share * n for share, n in zip(shares, copies)) / sum(copies)
        check(max(map(max, t["regions"])) <= 1 and abs(mean - record["utilisation"]) < 0.01, f"--wafers {wafers}: {shares}, {copies}, {record}")
        check(sum(copies) == record["stages"] * record["replicas"], f"--wafers {wafers}: {copies}, {record}")
        check(t["room"] == record["kv_capacity_tokens"] * record["replicas"] >= max(t["cache"]), f"--wafers {wafers}: {t['room']}, {record}")


def check_waiting(plmr, check, folder):
    """Who comes while weights come in for the first waits until they are there, and is seen to; a draft that is never right."""
    trace, page = os.path.join(folder, "wait.csv"), os.path.join(folder, "wait.html")
    with open(trace, "w", encoding="utf-8") as file:
        file.write("arrival,prompt,output\n0,32,2\n" + "0.001,32,2\n" * 29)
    record = one(plmr, f"--model llama3-8b --device wormhole --stream-weights --trace {trace} --report {page}")
    t = timeline_of(page)
    stays = sum(sum(t[key]) for key in ("waiting", "reading", "decoding")) * t["seconds"]
    check(t["waiting"][1] == 29 == record["waiting_peak"], f"29 wait: {t['waiting'][:6]}, {record['waiting_peak']}")
    check(abs(stays / (30 * record["e2e_mean_s"]) - 1) < 1e-4, f"stays: {stays}, {30 * record['e2e_mean_s']}")
    makes = sum(t["decoding"]) * t["seconds"]
    check(abs(makes / (30 * (record["e2e_mean_s"] - record["ttft_mean_s"])) - 1) < 1e-3, f"tokens are made from the first one on: {makes}, {record}")
    plain, wrong = (one(plmr, "--model demo --device wormhole --rate 1000 --requests 9 --lengths 20/30" + draft) for draft in ("", " --draft demo --accept 0"))
    check(wrong["accepted"] == 0 and plain["waiting_peak"] == 0 and wrong["tpot_mean_s"] > plain["tpot_mean_s"], f"--accept 0: {plain}, {wrong}")


def check_rates(plmr, check, folder):
    """What a search for a rate ends at, what comes all at once, and times long after the start."""
    args, trace = "--model demo --device wormhole --lengths 20/10", os.path.join(folder, "one.csv")
    for slo, limit in ("ttft=1e8", "none tried"), ("ttft=4e-4", "slo"):
        find = ["serve"] + f"{args} --find-rate --slo {slo} --requests 50".split()
        record, = plmr.records(find + ["--quiet"])
        said = "met at every rate that was tried" in plmr.run(find)[1]
        check(record["rate_limit"] == limit and said == (limit == "none tried"), f"{slo}: {record['rate_limit']}, {said}")
    early, late = (one(plmr, f"{args} --requests 100 --rate {rate}") for rate in (5, 1e-4))
    check(abs(late["tpot_mean_s"] / early["tpot_mean_s"] - 1) < 1e-4 and late["rate_limit"] is None, f"{early}, {late}")
    with open(trace, "w", encoding="utf-8") as file:
        file.write("arrival,prompt,output\n0,10,3\n")
    args = ["serve"] + f"--model demo --device wormhole --trace {trace}".split()
    out = plmr.run(args)[1]
    check("1 at the start: 10 tokens" in out and "nan" not in out, out)
    with open(trace, "w", encoding="utf-8") as file:
        file.write("more," * 64 + "arrival,prompt,output\n")
    code, out, err = plmr.run(args)
    check(code == 2 and not out and ".csv:1: has more than 64 columns" in err[0], f"{code} {err}")


def check_outside(plmr, check):
    """Weights that come in keep serving, too: at the pace at which they do, one token of all requests to a pass."""
    args = "--model llama3-8b --device wormhole --stream-weights --rate 10 --requests 4 --lengths 32/8"
    records = [one(plmr, args, ranks) for ranks in (None, 2)]
    check(of_the_wafer(records[0]) == of_the_wafer(records[1]), f"{args}: differs on 2 ranks")
    check(records[0]["outside"].startswith("weights") and 0.06 < records[0]["tpot_p50_s"] < 0.3, f"{args}: {records[0]}")
    slow = one(plmr, args.replace("wormhole", "wormhole:dram_rate=10e9"))
    check(slow["ttft_p50_s"] > 2.5, f"{args}: a prompt does not wait for weights: {slow['ttft_p50_s']}")
    code, _, err = plmr.run(["serve"] + args.replace(" --stream-weights", "").split())
    check(code != 0 and "--stream-weights" in err[-1], f"without it: {code}, {err}")


def main():
    check = Checks()
    with tempfile.TemporaryDirectory() as folder, Started(sys.argv[1], sys.argv[2]) as plmr:
        device = small_wafer(folder)
        check_ways(plmr, check, device)
        check_prompts(plmr, check, device, folder)
        check_links(plmr, check)
        check_experts(plmr, check)
        check_page(plmr, check, folder)
        check_waiting(plmr, check, folder)
        check_rates(plmr, check, folder)
        check_outside(plmr, check)
    check.done()


main()
