"""Makes plmr/_abi.py, what the C headers say in the words of ctypes, so that nothing of it is written twice.

abi.py OUTPUT PACKAGE LIBRARIES SHARE INCLUDE COMPILER...

PACKAGE, LIBRARIES and SHARE are the folders into which this package, libplmr.so and the shared files are installed. Of the
headers only what plmr's own have is understood: enums, structs of plain members, functions.
"""
import os
import re
import subprocess
import sys

PLAIN = {"void": "None", "_Bool": "c_bool", "int": "c_int", "double": "c_double", "float": "c_float", "char": "c_char",
         "size_t": "c_size_t", "int32_t": "c_int32", "int64_t": "c_int64", "uint64_t": "c_uint64",
         "plmr_status": "c_void_p"}


def preprocessed(include, compiler):
    """The public headers as one text, without what other headers declare and the bodies of inline functions."""
    out = subprocess.run([*compiler, "-E", "-I", include, "-D__attribute__(x)=", "-xc", "-"], check=True, text=True,
                         capture_output=True, input="#include <plmr/plmr.h>\n").stdout
    kept, ours = [], False
    for line in out.splitlines():
        marker = re.match(r'# \d+ "(.*)"', line)
        if marker:
            ours = "/plmr/" in marker[1]
        elif ours:
            kept.append(line)
    text = re.sub(r"\s+", " ", " ".join(kept))
    return re.sub(r"static inline [^{;]*\{[^{}]*\}", "", text)


def headers(include):
    """Their version."""
    with open(os.path.join(include, "plmr", "ranks.h"), encoding="utf-8") as file:
        return re.search(r'^#define PLMR_HEADERS "(.*)"$', file.read(), re.M)[1]


class Types:
    """The types that have been declared so far."""

    def __init__(self):
        self.structs = set()
        self.callbacks = set()

    def of(self, text):
        """The ctypes name of a type, as it stands before a name."""
        words = [word for word in re.sub(r"\bconst\b", " ", text).replace("*", " * ").split() if word != "struct"]
        if "*" in words:
            return "c_char_p" if words == ["char", "*"] and "const" in text else "c_void_p"
        if words[0] == "enum":
            return "c_int"
        if words[0] in self.callbacks:
            return "c_void_p"
        return PLAIN.get(words[0]) or (words[0] if words[0] in self.structs else None)


def declarator(text):
    """'const int32_t *first' as (type, name, length or '')."""
    if "(" in text:
        return "void *", re.search(r"\(\s*\*\s*(\w+)\s*\)", text)[1], ""
    type_, name, length = re.fullmatch(r"(.*?)(\w+)\s*((?:\[\w*\])*)", text.strip()).groups()
    return type_, name, length


def split_list(text):
    """At commas that are in no parentheses."""
    return [part.strip() for part in re.split(r",(?![^()]*\))", text)]


def members(body, types, classes):
    """The members of a struct's body as pairs for ctypes; structs without a name become classes of their own."""
    pairs = []
    while body.strip():
        inner = re.match(r"\s*struct \{(.*?)\} (\w+);", body)
        if inner:
            name = f"struct_{inner[2]}"
            classes.append((name, members(inner[1], types, classes)))
            types.structs.add(name)
            pairs.append((inner[2], name))
            body = body[inner.end():]
            continue
        line, body = body.split(";", 1)
        first, *more = split_list(line)
        base = re.match(r"(.*?)[*\s]*\w+(?:\[\w*\])*$", first)[1] if "(" not in first else ""
        for item in [first] + [f"{base} {part}" for part in more]:
            type_, name, length = declarator(item)
            known = types.of(type_)
            if known == "c_char_p":
                known = "c_void_p"  # memory stays the library's
            pairs.append((name, f"{known} * {length.strip('[]')}" if length else known))
    return pairs


def write(text, out):
    types, classes, constants, functions = Types(), [], [], []
    types.callbacks.update(re.findall(r"typedef [^;{(]*\(\*(\w+)\)\(", text))
    for body in re.findall(r"\benum\s*\w*\s*\{([^}]*)\}", text):
        value = -1
        for item in filter(None, map(str.strip, body.split(","))):
            name, _, given = item.partition("=")
            value = int(given) if given.strip() else value + 1
            constants.append((name.strip(), value))
    text = re.sub(r"\benum\s*\w*\s*\{[^}]*\}\s*;", "", text)
    for match in re.finditer(r"typedef struct \w+ \{((?:[^{}]|\{[^{}]*\})*)\} (\w+);", text):
        found = members(match[1], types, classes)
        classes.append((match[2], found))
        types.structs.add(match[2])
    text = re.sub(r"typedef struct \w+ \{(?:[^{}]|\{[^{}]*\})*\} \w+;|typedef [^;]*;", "", text)
    for result, name, arguments in re.findall(r"([\w ]+?[ *]+)(plmr_\w+)\(((?:[^()]|\([^()]*\))*)\)\s*;", text):
        if "..." in arguments:
            continue
        given = [] if arguments.strip() == "void" else split_list(arguments)
        # A parameter that is an array is a pointer.
        kinds = [(argument, "c_void_p" if length else types.of(type_)) for type_, argument, length in map(declarator, given)]
        result_kind = "c_void_p" if "char *" in result and "const" not in result else types.of(result)
        functions.append((name, result_kind, kinds))
    for name, value in constants:
        out.write(f"{name} = {value}\n")
    for name, pairs in classes:
        inside = ", ".join(f"('{member}', {kind})" for member, kind in pairs)
        out.write(f"\n\nclass {name}(Structure):\n    _fields_ = [{inside}]\n")
    out.write("\n\nFUNCTIONS = {\n")
    for name, result, kinds in functions:
        assert result and all(kind for _, kind in kinds), f"{name}: a type that abi.py does not know: {kinds}"
        arguments = ", ".join(f"('{argument}', {kind})" for argument, kind in kinds)
        out.write(f"    '{name}': ({result}, [{arguments}]),\n")
    out.write("}\n")


def main(output, package, libraries, share, include, *compiler):
    with open(output, "w", encoding="utf-8") as out:
        out.write('"""What the headers of include/plmr declare. Made by python/abi.py."""\n')
        out.write("from ctypes import (Structure, c_bool, c_char, c_char_p, c_double, c_float, c_int, c_int32, c_int64,\n"
                  "                    c_size_t, c_uint64, c_void_p)\n\n")
        out.write("# Where they are as seen from the installed package.\n")
        out.write(f"HEADERS = {headers(include)!r}\n")
        out.write(f"LIBRARIES = {os.path.relpath(libraries, package)!r}\nSHARE = {os.path.relpath(share, package)!r}\n\n")
        write(preprocessed(include, compiler), out)


main(*sys.argv[1:])
