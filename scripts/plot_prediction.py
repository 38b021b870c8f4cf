#!/usr/bin/env python3
"""Draws what scripts/predict_scaling has written.

Usage: scripts/plot_prediction.py FOLDER      (FOLDER/predicted.jsonl, measured.jsonl, and earlier.jsonl if there is one)

plot.png: one column for each workload; strong scaling as speed-up and as efficiency, weak scaling as efficiency. Lines are
predicted, markers measured; hollow ones had fewer cores than ranks. earlier.png: where the time of the time plane goes, in
the order of the changes that earlier.jsonl names.
"""
import sys
from pathlib import Path

from plotting import COLOURS, groups, plt, records, save

KEYS = ["kind", "workload", "ranks", "speedup", "efficiency"]
STYLES = {"ib64": ("-", COLOURS[0], "64 nodes of 16"), "ib256": ("--", COLOURS[1], "256 nodes of 4")}
TITLES = {"time-plane": "time plane\n720² cores, every step", "gemm": "GEMM\n8192³", "gemv": "GEMV\n16384²",
          "prefill": "prefill\nTinyLlama, 512 tokens", "decode": "decode\nTinyLlama, 512 tokens",
          "prefill-8b": "prefill\nllama3-8b, 2,048 tokens", "decode-8b": "decode\nllama3-8b, 2,048 tokens"}


def pairs(points, quantity):
    return zip(*sorted((p["ranks"], p[quantity]) for p in points))


def draw(axes, points, kind, quantity):
    points = [p for p in points if p["kind"] == kind]
    if not points:
        axes.set_axis_off()
        return
    ranks = sorted({p["ranks"] for p in points if p["source"] == "predicted"})
    axes.plot(ranks, ranks if quantity == "speedup" else [1] * len(ranks), ":", color="#777777", linewidth=1, label="ideal")
    for cluster, line in groups([p for p in points if p["source"] == "predicted"], lambda p: p["cluster"]).items():
        style, colour, label = STYLES.get(cluster, ("-.", COLOURS[3], cluster))
        axes.plot(*pairs(line, quantity), style, color=colour, linewidth=1.5, label=label)
    for crowded, marks in groups([p for p in points if p["source"] == "measured"], lambda p: p["oversubscribed"]).items():
        axes.plot(*pairs(marks, quantity), "o", color="#000000", markersize=4.5, markerfacecolor="none" if crowded else "#000000",
                  label="measured, more ranks than cores" if crowded else "measured here")
    axes.set_xscale("log", base=4)
    axes.set_xticks(ranks, [f"{r:,}" for r in ranks], fontsize=7.5)
    axes.minorticks_off()
    if quantity == "speedup":
        axes.set_yscale("log", base=4)
        axes.set_yticks(ranks, [f"{r:,}" for r in ranks])
        axes.minorticks_off()
    else:
        axes.set_ylim(0, 1.12)


def plot(folder, points):
    workloads = groups(points, lambda p: p["workload"])
    rows = [("strong", "speedup", "strong scaling: speed-up"), ("strong", "efficiency", "strong scaling: efficiency"),
            ("weak", "efficiency", "weak scaling: efficiency")]
    figure, axes = plt.subplots(len(rows), len(workloads), figsize=(2.7 * len(workloads) + 0.6, 8), squeeze=False)
    for column, (workload, mine) in enumerate(workloads.items()):
        for row, (kind, quantity, label) in enumerate(rows):
            draw(axes[row][column], mine, kind, quantity)
            if column == 0:
                axes[row][column].set_ylabel(label)
        axes[0][column].set_title(TITLES.get(workload, workload), fontsize=9.5)
        last = 2 if any(p["kind"] == "weak" for p in mine) else 1
        axes[last][column].set_xlabel("ranks")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.tight_layout(rect=(0, 0.04, 1, 1))
    figure.legend(handles, labels, loc="lower center", ncols=len(labels))
    save(figure, folder / "plot.png")


PARTS = [("compute_s", "compute", COLOURS[2]), ("exchange_s", "sending", COLOURS[5]), ("rest_s", "waiting", COLOURS[1])]


def plot_earlier(folder, points):
    """Bars of the mean rank's time: the rest of a run is waiting."""
    points = [p for p in points if p["kind"] == "strong" and p["ranks"] >= 64]
    ranks = sorted({p["ranks"] for p in points})
    figure, axes = plt.subplots(1, len(ranks), figsize=(2.6 * len(ranks) + 0.4, 3.2), squeeze=False)
    for axis, n in zip(axes[0], ranks):
        bars = [p for p in points if p["ranks"] == n]
        bottom = [0] * len(bars)
        for key, label, colour in PARTS:
            heights = [1e3 * (p["wall_s"] - p["compute_s"] - p["exchange_s"] if key == "rest_s" else p[key]) for p in bars]
            axis.bar([p["program"] for p in bars], heights, 0.6, bottom, color=colour, label=label)
            bottom = [b + h for b, h in zip(bottom, heights)]
        for at, total in enumerate(bottom):
            axis.text(at, total, f"{total:.2f}", ha="center", va="bottom")
        axis.set_title(f"{n:,} ranks")
        axis.margins(y=0.12)
        axis.grid(axis="x", visible=False)
    axes[0][0].set_ylabel("milliseconds")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.legend(handles, labels, loc="lower center", ncols=3)
    save(figure, folder / "earlier.png")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    present = [folder / name for name in ("predicted.jsonl", "measured.jsonl") if (folder / name).exists()]
    plot(folder, records(present or [folder / "predicted.jsonl"], KEYS))
    if (folder / "earlier.jsonl").exists():
        plot_earlier(folder, records([folder / "earlier.jsonl"], [*KEYS, "program", "wall_s", "compute_s", "exchange_s"]))


main()
