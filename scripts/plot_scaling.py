#!/usr/bin/env python3
"""Draws what `plmr scale --json` has written: speed-up and efficiency over the number of ranks.

Usage: scripts/plot_scaling.py OUT.png FILE.jsonl...

One column for each workload, strong and weak scaling apart. Markers are measured; lines without markers are predicted; the
dotted line is what no waiting and no messages would give.
"""
import sys

from plotting import COLOURS, MARKERS, groups, plt, records, save

KEYS = ["kind", "workload", "ranks", "speedup", "efficiency"]
KINDS = ["strong", "weak"]


def draw_ideal(axes, ranks, quantity, weak):
    """An efficiency of 1 is ideal for both kinds, and so is a speed-up of one where the problem grows with the ranks."""
    grows = quantity == "speedup" and not weak
    axes.plot(ranks, ranks if grows else [1] * len(ranks), ":", color="#777777", linewidth=1, label="ideal")


def draw(axes, points, quantity):
    ranks = sorted({p["ranks"] for p in points})
    draw_ideal(axes, ranks, quantity, all(p["kind"] == "weak" for p in points))
    for (kind, source), line in groups(points, lambda p: (p["kind"], p.get("source", "measured"))).items():
        line = sorted((p["ranks"], p[quantity]) for p in line if p[quantity] is not None)
        i = KINDS.index(kind) if kind in KINDS else 0
        measured = source == "measured"
        axes.plot(*zip(*line), marker=MARKERS[i] if measured else None, color=COLOURS[i], linewidth=1.2,
                  linestyle="none" if measured and len(line) > 1 and has_prediction(points, kind) else "-" if measured else "--",
                  label=f"{kind}, {source}")
    axes.set_xscale("log", base=2)
    axes.set_xticks(ranks, [str(r) for r in ranks])
    axes.minorticks_off()
    axes.set_xlabel("ranks")
    if quantity == "speedup":
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
        axes.set_ylabel("speed-up")
    else:
        axes.set_ylim(0, 1.1 * max([1] + [p[quantity] for p in points if p[quantity] is not None]))
        axes.set_ylabel("efficiency")


def has_prediction(points, kind):
    return any(p["kind"] == kind and p.get("source", "measured") != "measured" for p in points)


def main():
    if len(sys.argv) < 3 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    workloads = groups(records(sys.argv[2:], KEYS), lambda p: p["workload"])
    figure, axes = plt.subplots(2, len(workloads), figsize=(3.8 * len(workloads) + 0.6, 6.4), squeeze=False)
    for column, (workload, points) in enumerate(workloads.items()):
        draw(axes[0][column], points, "speedup")
        draw(axes[1][column], points, "efficiency")
        axes[0][column].set_title(workload)
        axes[0][column].legend(fontsize=8)
    figure.tight_layout()
    save(figure, sys.argv[1])


main()
