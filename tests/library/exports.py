"""What libplmr.so exports is what the headers of include/plmr declare, name by name.
Usage: exports.py LIBRARY INCLUDE NM COMPILER..."""
import re
import subprocess
import sys


def output(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def declared(include, compiler):
    text = output(*compiler, "-I", include, "-E", "-P", "-xc", "-", input="#include <plmr/plmr.h>\n")
    while re.search(r"\{[^{}]*\}", text):  # bodies and structs
        text = re.sub(r"\{[^{}]*\}", ";", text)
    functions = re.findall(r"[^;]*?\b(plmr_\w+)\s*\([^;]*;", text)
    inline = re.findall(r"\binline\b[^;]*?\b(plmr_\w+)\s*\([^;]*;", text)
    return set(functions) - set(inline)


library, include, nm, *compiler = sys.argv[1:]
defined = [line.split()[-1] for line in output(nm, "-D", "--defined-only", library).splitlines() if line.split()[-2] != "A"]
assert all("@@PLMR_" in name for name in defined), f"not versioned: {[name for name in defined if '@@PLMR_' not in name]}"
exported = {name.split("@")[0] for name in defined}
public = declared(include, compiler)
assert len(public) > 40 and "plmr_tiles_shift" in public, public
assert not exported - public, f"exported, but in no header: {sorted(exported - public)}"
assert not public - exported, f"in a header, but not in src/plmr.map: {sorted(public - exported)}"
print(f"{len(public)} names, and no others")
