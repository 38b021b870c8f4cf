#!/usr/bin/env python3
"""Draws what `plmr paper --json` has written: predicted beside published, for each table and figure, and the errors.

Usage: scripts/plot_paper.py RECORDS.jsonl [FOLDER]   (default: results/waferllm)

paper.png has a panel for each table with many figures: predicted over published. errors.png has the difference of every
figure that was published, by table.
"""
import math
import sys
from pathlib import Path

from plotting import COLOURS, MARKERS, groups, plt, records, save

KEYS = ["part", "system", "mode", "role", "quantity", "predicted", "published"]
ENOUGH = 8  # figures that make a panel


def is_number(value):
    return isinstance(value, (int, float)) and math.isfinite(value)


def draw_panel(axes, part, cells):
    """Predicted over published on logarithmic axes: on the line they are the same."""
    values = [r[key] for r in cells for key in ("predicted", "published")]
    ends = (min(values) / 1.5, max(values) * 1.5)
    axes.plot(ends, ends, color="black", linewidth=0.8)
    for i, (system, its) in enumerate(groups(cells, lambda r: r["system"]).items()):
        for real in (False, True):
            some = [r for r in its if (r["mode"] == "real model") == real]
            axes.plot([r["published"] for r in some], [r["predicted"] for r in some], MARKERS[i % len(MARKERS)], markersize=5,
                      color=COLOURS[i % len(COLOURS)], fillstyle="none" if real else "full", alpha=0.85,
                      label=None if not some else f"{system}, the real model" if real else system)
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal", title=part, xlabel=f"published {cells[0]['quantity']}",
             ylabel="predicted")
    axes.legend(fontsize=7, loc="upper left")


def draw_panels(found):
    """Tables with many figures of one kind; what is only a bound is left out."""
    drawn = [r for r in found if is_number(r["predicted"]) and is_number(r["published"]) and r["role"] != "bound"]
    panels = {key: cells for key, cells in groups(drawn, lambda r: (r["part"], r["quantity"])).items() if len(cells) >= ENOUGH}
    figure, axes = plt.subplots(1, max(len(panels), 1), figsize=(4.2 * max(len(panels), 1), 4.4), squeeze=False)
    for one, ((part, _), cells) in zip(axes[0], panels.items()):
        draw_panel(one, part, cells)
    figure.tight_layout()
    return figure


def draw_errors(found):
    errors = [r for r in found if is_number(r.get("error_percent"))]
    parts = groups(errors, lambda r: r["part"])
    roles = list(groups(errors, lambda r: r.get("role") or "all"))
    figure, axes = plt.subplots(figsize=(7.2, 0.42 * len(parts) + 1.8))
    for row, (_, cells) in enumerate(parts.items()):
        for i, r in enumerate(cells):
            role = roles.index(r.get("role") or "all")
            axes.plot(r["error_percent"], row + 0.5 * ((i + 0.5) / len(cells) - 0.5), MARKERS[role % len(MARKERS)],
                      color=COLOURS[role % len(COLOURS)], markersize=4.5, alpha=0.8, markeredgewidth=0)
    for i, role in enumerate(roles):
        axes.plot([], [], MARKERS[i % len(MARKERS)], color=COLOURS[i % len(COLOURS)], markersize=5, label=role)
    if errors and max(abs(r["error_percent"]) for r in errors) > 100:
        axes.set_xscale("symlog", linthresh=10)
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(parts)), list(parts))
    axes.set_ylim(len(parts) - 0.4, -0.6)
    axes.set_xlabel("predicted over published, difference in %")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    return figure


def main():
    if not 2 <= len(sys.argv) <= 3 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    found, folder = records(sys.argv[1:2], KEYS), Path(sys.argv[2] if len(sys.argv) > 2 else "results/waferllm")
    save(draw_panels(found), folder / "paper.png")
    save(draw_errors(found), folder / "errors.png")


main()
