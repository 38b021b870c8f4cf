#!/usr/bin/env python3
"""Makes the page of reports one C string: embed.py PAGE STYLE SCRIPT... > html_page.c

PAGE has the words STYLE and SCRIPT, each on a line of its own, where they go.
"""
import re
import sys


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def main():
    page, style, scripts = read(sys.argv[1]), read(sys.argv[2]), [read(path) for path in sys.argv[3:]]
    page = page.replace("\nSTYLE\n", "\n" + style).replace("\nSCRIPT\n", "\n" + "".join(scripts))
    assert all(byte < 128 for byte in page.encode()), "the page is to be ASCII: write \\u2026 and &hellip;"
    lines = [re.sub(r'(["\\])', r"\\\1", line) for line in page.splitlines()]
    print('/* Made by embed.py. */\n#include "report/html_page.h"\n\nconst char plmr_html_page[] =')
    print("\n".join(f'    "{line}\\n"' for line in lines) + ";")


main()
