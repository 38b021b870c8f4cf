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
exported = {line.split()[-1].split("@")[0] for line in output(nm, "-D", "--defined-only", library).splitlines()}
public = declared(include, compiler)
assert len(public) > 40 and "plmr_tiles_shift" in public, public
assert not exported - public, f"exported, but in no header: {sorted(exported - public)}"
assert not public - exported, f"in a header, but not in src/plmr.map: {sorted(public - exported)}"
print(f"{len(public)} names, and no others")
