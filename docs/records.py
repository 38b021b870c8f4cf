"""Tables of docs/RECORDS.md, made of the fields in src/report/record.h: each between two lines of comment,
<!-- fields: LIST LIST ... --> and <!-- end of fields -->. The first list is told row by row; one that it holds, and those behind it,
are a row of their own that points to where they are told. With it come the keys that the page has, by command.

records.py RECORD.H RECORDS.MD        prints the page with its tables made anew
"""
import re
import sys

KINDS = {"text": "text", "count": "count", "real": "number", "hash": "text"}
SECTIONS = {"PLMR_ENERGY_FIELDS": "energy", "PLMR_STANDING_FIELDS": "standing", "PLMR_WAFER_LINK_FIELDS": "links",
            "PLMR_OUTSIDE_FIELDS": "outside", "PLMR_HOST_RECORD_FIELDS": "host"}


def read_lists(text):
    """{list: [(type, key, meaning) or (None, another list, None)]}."""
    lists = {}
    for name, body in re.findall(r"^#define (PLMR_\w+FIELDS)\(X\)(.*)$", text.replace("\\\n", "\0"), re.M):
        rows = re.findall(r"X\((\w+), (\w+)\)\s*(?:/\*(.*?)\*/)?|(PLMR_\w+)\(X\)", body.replace("\0", " "))
        lists[name] = [(None, other, None) if other else (kind, key, " ".join(meaning.split())) for kind, key, meaning, other in rows]
    return lists


def keys_of(lists, name):
    return [key for kind, other, _ in lists[name] for key in ([other] if kind else keys_of(lists, other))]


def pointer(lists, name):
    keys = ", ".join(f"`{key}`" for key in keys_of(lists, name))
    return f"| {keys} | | as [there](#{SECTIONS[name]}) |"


def rows_of(lists, names):
    yield "| key | is a | meaning |"
    yield "|---|---|---|"
    for kind, key, meaning in lists[names[0]]:
        yield f"| `{key}` | {KINDS[kind]} | {meaning} |" if kind else pointer(lists, key)
    for name in names[1:]:
        yield pointer(lists, name)


def page(text, lists):
    def table(match):
        return f"{match[1]}\n" + "\n".join(rows_of(lists, match[2].split())) + f"\n{match[3]}"

    return re.sub(r"^(<!-- fields: ([\w ]+) -->)\n.*?^(<!-- end of fields -->)", table, text, flags=re.M | re.S)


def told_keys(text):
    """{command: keys}, by sections whose titles name commands, as `gemm`."""
    told = {}
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        title, _, body = section.partition("\n")
        keys = {key for row in re.findall(r"^\|([^|]*`[^|]*)\|", body, re.M) for key in re.findall(r"`(\w+)`", row)}
        for command in re.findall(r"`(\w+)`", title):
            told[command] = keys
    return told


def main():
    with open(sys.argv[1], encoding="utf-8") as header, open(sys.argv[2], encoding="utf-8") as file:
        sys.stdout.write(page(file.read(), read_lists(header.read())))


if __name__ == "__main__":
    main()
