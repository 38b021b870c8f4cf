"""What the scripts that draw figures share: reading records, a legible style, files that appear when they are complete."""
import json
import os
import sys
from pathlib import Path

SYSTEM = "/usr/bin/python3"  # has the system's packages, where the python3 that is found first may be another one

try:
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError as missing:
    if sys.executable != SYSTEM and os.path.isfile(sys.argv[0]) and os.access(SYSTEM, os.X_OK):
        os.execv(SYSTEM, [SYSTEM, *sys.argv])
    sys.exit(f"{Path(sys.argv[0]).name}: {missing} in {sys.executable}: install python3-matplotlib")

# Okabe and Ito's colours, which can be told apart by the colour-blind; markers tell as much without any colour.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#999999"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]
DASHES = ["-", "--", "-.", ":"]  # a later line over an earlier one lets it through

plt.rcParams.update({"font.size": 9, "axes.grid": True, "grid.color": "#dddddd", "grid.linewidth": 0.6, "axes.axisbelow": True,
                     "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False})


def style(i):
    """The i-th series' colour, marker and dashes: no two of 64 are alike."""
    turn = i + i // len(COLOURS)
    return {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[turn % len(MARKERS)], "linestyle": DASHES[turn % len(DASHES)]}


def fail(words):
    sys.exit(f"{Path(sys.argv[0]).name}: {words}")


def records(paths, keys):
    """The records of JSON Lines files, each of which must have these keys."""
    found = []
    for path in paths:
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            fail(f"{path}: cannot read: {error.strerror}")
        for number, line in enumerate(lines, 1):
            try:
                record = json.loads(line)
            except ValueError as error:
                fail(f"{path}:{number}: is not JSON: {error}")
            missing = [key for key in keys if not isinstance(record, dict) or key not in record]
            if missing:
                fail(f"{path}:{number}: has no {', '.join(missing)}")
            found.append(record)
    if not found:
        fail(f"{', '.join(map(str, paths))}: no records")
    return found


def groups(items, key):
    """Items by key, in the order in which keys first come."""
    found = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def save(figure, path):
    path = Path(path)
    part = path.with_name(path.stem + ".part" + path.suffix)
    try:
        figure.savefig(part, dpi=120, bbox_inches="tight", metadata={"Software": None} if path.suffix == ".png" else None)
        part.rename(path)
    except (OSError, ValueError) as error:
        part.unlink(missing_ok=True)
        fail(f"{path}: cannot write: {error}")
    plt.close(figure)
    print(path)
