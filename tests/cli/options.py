"""One table of options, told in four places: help, manual, README, completion; each has every option and no other.

options.py MPIEXEC PLMR MANUAL [--update]: with --update the README's tables are made anew.
"""
import os
import re
import subprocess
import sys

from cli import Checks, Plmr

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "docs"))
from options import read_options, readme  # noqa: E402

COMPLETE = """
source "$1"
COMP_WORDS=("${@:2}")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { :; }
_plmr
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completions(plmr, *words):
    script = os.path.join(ROOT, "scripts", "completion", "plmr.bash")
    out = subprocess.run(["bash", "-c", COMPLETE, "bash", script, plmr.binary, *words], check=True, stdout=subprocess.PIPE,
                         text=True).stdout
    return set(out.split())


def check_help(plmr, check, options):
    for command in {o.command for o in options}:
        code, out, err = plmr.run([command, "--help"])
        shown = dict(re.findall(r"^  (?:-\w, |    )--([\w-]+)(?:=(\S+))?", out, re.M))
        want = {o.name: o.argument for o in options if o.command == command}
        check(code == 0 and not err and shown == want, f"{command} --help shows {shown}, not {want}")
        letters = set(re.findall(r"^  -(\w), --([\w-]+)", out, re.M))
        check(letters == {(o.letter, o.name) for o in options if o.command == command and o.letter}, f"{command}: {letters}")


def check_manual(check, options, path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    forms = text[text.index(".Sh SYNOPSIS"):text.index(".Sh DESCRIPTION")]
    told = text[text.index(".Sh DESCRIPTION"):text.index(".Sh OPTIONS")]
    for command in sorted({o.command for o in options}):
        check(re.search(rf"^\.Cm {command}\b", forms, re.M) and re.search(rf"^\.It Cm {command}\b", told, re.M), f"the manual lacks {command}")
    section = text[text.index(".Sh OPTIONS"):text.index(".Sh ENVIRONMENT")]
    items = set(re.findall(r"^\.It .*?Fl -([\w-]+)", section, re.M))
    names = {o.name for o in options}
    check(items == names, f"the manual's options: {items ^ names} are in one place alone")
    others = set(re.findall(r"Fl -([a-z][\w-]+)", text)) - names - {"version"}
    check(not others, f"the manual tells of {others}")


def check_readme(check, options, update):
    path = os.path.join(ROOT, "README.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    want = readme(options, text)
    if update:
        with open(path, "w", encoding="utf-8") as file:
            file.write(want)
    check(want == text or update, "the README's tables are old: options.py --update")
    check(all(f"--{o.name}" in want for o in options if o.command in ("gemm", "llm")), "the README lacks options")


def check_completion(plmr, check, options):
    commands = {o.command for o in options}
    check(completions(plmr, "") == commands | {"--help", "--version"}, "commands are completed")
    for command in commands:
        got, want = completions(plmr, command, "--"), {f"--{o.name}" for o in options if o.command == command}
        check(got == want, f"{command}: {got ^ want}")
    for words, want in [(("gemm", "--alg", "meshgemm,c"), "meshgemm,cannon"), (("gemm", "--mode", "t"), "timing"),
                        (("gemm", "--dtype", "b"), "bf16"), (("llm", "--phase", "pre"), "prefill"), (("llm", "--plan", "la"), "ladder"),
                        (("gemm", "--device", "wse3-"), "wse3-sim"), (("generate", "-m", "demo-"), "demo-moe"), (("scale", "w"), "weak"),
                        (("llm", "--fuse", "n"), "no"), (("allreduce", "--groups", ""), "auto"), (("device", "s"), "show"), (("device", "co"), "compare"),
                        (("device", "show", "wse3-"), "wse3-sim"), (("device", "compare", "wse2", "wse3-"), "wse3-sim"),
                        (("gemm", "--device", "=", "wse3-"), "wse3-sim"), (("gemm", "--device=wse3-",), "--device=wse3-sim"),
                        (("gemm", "--alg", "=", "meshgemm,c"), "meshgemm,cannon"), (("validate", "tt-one", "waferllm-p"), "waferllm-prefill"),
                        (("scale", "strong", "--", "per"), "perplexity"), (("scale", "weak", "--", "gemm", "--alg", "summa-"), "summa-overlap"),
                        (("scale", "strong", "--", "gemm", "--device", "=", "wse3-"), "wse3-sim")]:
        check(completions(plmr, *words) == {want}, f"{words}: {completions(plmr, *words)}")
    for words in ("device", "check"), ("report",), ("verify", "a.jsonl"), ("validate", "tt-one"), ("calibrate",), ("scale", "strong", "--from", "a.jsonl"):
        check(completions(plmr, *words, __file__[:-1]) == {__file__}, f"{words}: {completions(plmr, *words, __file__[:-1])}")


def main():
    plmr, check, update = Plmr(sys.argv[1], sys.argv[2]), Checks(), "--update" in sys.argv[4:]
    options = read_options(plmr.binary)
    check(len(options) > 200 and len({o.command for o in options}) == 22, f"{len(options)} options")
    check_help(plmr, check, options)
    check_manual(check, options, sys.argv[3])
    check_readme(check, options, update)
    check_completion(plmr, check, options)
    check.done()


main()
