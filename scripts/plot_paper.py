#!/usr/bin/env python3
"""Draws what `plmr paper --json` has written: predicted beside published, for each table and figure, and the errors.

Usage: scripts/plot_paper.py RECORDS.jsonl [FOLDER]   (default: results/waferllm)

paper.png has one panel for each table: bars are predicted, black outlines published. errors.png has the difference of every
figure that was published, by table.
"""
import math
import sys
from pathlib import Path

from plotting import COLOURS, MARKERS, groups, plt, records, save

KEYS = ["part", "system", "quantity", "predicted", "published"]
COLUMNS = 3


def is_number(value):
    return isinstance(value, (int, float)) and math.isfinite(value)


def name(record):
    words = [record.get(key) for key in ("subject", "setting", "system", "mode")]
    return " ".join(word for word in words if word)


def draw_panel(axes, title, cells):
    """Bars from above to below, as the table has them; systems keep their colours."""
    systems = list(groups(cells, lambda r: r["system"]))
    for i, r in enumerate(cells):
        colour = COLOURS[systems.index(r["system"]) % len(COLOURS)]
        if is_number(r["predicted"]):
            axes.barh(i, r["predicted"], 0.62, color=colour)
        if is_number(r["published"]):
            axes.barh(i, r["published"], 0.82, fill=False, edgecolor="black", linewidth=1)
    values = [v for r in cells for v in (r["predicted"], r["published"]) if is_number(v) and v > 0]
    if values and max(values) > 50 * min(values):
        axes.set_xscale("log")
    axes.set_yticks(range(len(cells)), [name(r) for r in cells], fontsize=7)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(cells[0]["quantity"])
    axes.set_title(title, fontsize=10)


def draw_panels(found):
    """Panels in columns, each as high as it has rows."""
    drawn = [r for r in found if is_number(r["predicted"]) or is_number(r["published"])]
    panels = groups(drawn, lambda r: (r["part"], r["quantity"]))
    columns, heights = [[] for _ in range(min(COLUMNS, len(panels)))], [0] * min(COLUMNS, len(panels))
    for key, cells in panels.items():
        shortest = heights.index(min(heights))
        columns[shortest].append((key, cells))
        heights[shortest] += len(cells) + 5
    figure = plt.figure(figsize=(5.6 * len(columns), max(3.0, 0.16 * max(heights) + 0.8)))
    whole = figure.add_gridspec(1, len(columns), wspace=1.0, left=0.12, right=0.98, top=1 - 0.7 / figure.get_figheight(),
                                bottom=0.45 / figure.get_figheight())
    for column, its_panels in enumerate(columns):
        rows = [len(cells) + 1.5 for _, cells in its_panels]
        if sum(rows) + 4 * len(rows) < max(heights):
            rows.append(max(heights) - sum(rows) - 4 * len(rows))
        grid = whole[column].subgridspec(len(rows), 1, height_ratios=rows, hspace=4.0 * len(rows) / sum(rows) * 1.6)
        for row, ((part, _), cells) in enumerate(its_panels):
            draw_panel(figure.add_subplot(grid[row]), part, cells)
    figure.suptitle("WaferLLM's tables: bars predicted by plmr, outlines published", fontsize=12)
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
