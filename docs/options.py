"""What is made of plmr's tables of options: the manual's section on them, and the tables of the README.

options.py PLMR man TEMPLATE        prints the manual: the template with the options in place of @OPTIONS@, @VERSION@ filled in
options.py PLMR readme FILE         prints the file with its tables made anew, each between two lines of comment:
                                    <!-- options: gemm gemv --> and <!-- end of options -->
"""
import re
import subprocess
import sys
from collections import namedtuple

Option = namedtuple("Option", "command name letter argument words group help")


def read_options(plmr):
    """What plmr --options says: a line for each option of each command."""
    out = subprocess.run([plmr, "--options"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [Option(*line.split("\t")) for line in out.splitlines()]


def read_version(plmr):
    return subprocess.run([plmr, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[1]


def merged(options):
    """Options that are the same in several commands, once: [(option, commands)]."""
    commands = {}
    for option in options:
        commands.setdefault(option._replace(command="", words=""), []).append(option.command)
    return list(commands.items())


# ---- the manual ----

def roff(text):
    """A text as roff takes it: no line may begin with a dot or a quote; paths may be broken."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"(?<=[\w~])/(?=[\w.])", r"/\\:", text)
    return re.sub(r"^([.'])", r"\\&\1", text)


def man_item(option, commands, n_commands):
    letter = f"Fl {option.letter} , " if option.letter else ""
    argument = f" Ar {roff(option.argument)}" if option.argument else ""
    yield f".It {letter}Fl -{option.name}{argument}"
    if len(commands) < n_commands:
        yield f".Pq Cm {' , '.join(commands)}"
    yield roff(option.help[0].upper() + option.help[1:] + ".")


def man_options(options):
    n_commands = len({o.command for o in options})
    groups = {}
    for option, commands in merged(options):
        groups.setdefault(option.group.rstrip(":") or "Others", []).append((option, commands))
    groups["Others"] = groups.pop("Others")  # last
    for title, rows in groups.items():
        yield f".Ss {title}"
        yield ".Bl -tag -width Ds"
        for option, commands in sorted(rows, key=lambda row: row[0].name):
            yield from man_item(option, commands, n_commands)
        yield ".El"


def man(options, template):
    return template.replace("@OPTIONS@\n", "\n".join(man_options(options)) + "\n")


# ---- the README ----

def cell(text):
    return text.replace("|", "\\|")


def readme_table(options, commands):
    yield "| option | for | meaning |"
    yield "|---|---|---|"
    for option, takers in merged(o for o in options if o.command in commands):
        names = f"-{option.letter}, --{option.name}" if option.letter else f"--{option.name}"
        whom = "all" if len(takers) == len(commands) else ", ".join(takers)
        yield f"| `{cell((names + ' ' + option.argument).strip())}` | {whom} | {cell(option.help)} |"


def readme(options, text):
    def table(match):
        return f"{match[1]}\n" + "\n".join(readme_table(options, match[2].split())) + f"\n{match[3]}"

    return re.sub(r"^(<!-- options: ([a-z ]+) -->)\n.*?^(<!-- end of options -->)", table, text, flags=re.M | re.S)


def main():
    plmr, what, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        text = file.read().replace("@VERSION@", read_version(plmr))
    sys.stdout.write({"man": man, "readme": readme}[what](read_options(plmr), text))


if __name__ == "__main__":
    main()
