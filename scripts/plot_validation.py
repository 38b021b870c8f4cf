#!/usr/bin/env python3
"""Draws what `plmr validate --json` has written: predicted over measured, in cycles, by device.

Usage: scripts/plot_validation.py RECORDS.jsonl [FOLDER]   (default: results/validation)
"""
import sys
from pathlib import Path

from plotting import groups, plt, records, save, style

KEYS = ["id", "device", "measured", "predicted", "unit"]


def draw(found):
    drawn = [r for r in found if r["predicted"] and r["measured"] and r["unit"] in ("cycles", "cycles/iteration")]
    values = [r[key] for r in drawn for key in ("measured", "predicted")]
    ends = (min(values) / 1.5, max(values) * 1.5)
    figure, axes = plt.subplots(figsize=(6.4, 6.0))
    axes.fill_between(ends, [0.9 * e for e in ends], [1.1 * e for e in ends], color="#dddddd", label="within 10 %")
    axes.plot(ends, ends, color="black", linewidth=0.8)
    for i, (device, its) in enumerate(groups(drawn, lambda r: r["device"].split(":")[0]).items()):
        axes.plot([r["measured"] for r in its], [r["predicted"] for r in its], **{**style(i), "linestyle": "none"}, markersize=3.5,
                  alpha=0.6, markeredgewidth=0, label=f"{device}, {len(its)} point{'s' * (len(its) != 1)}")
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal", xlabel="measured, cycles", ylabel="predicted, cycles")
    axes.legend(fontsize=8, loc="upper left")
    figure.tight_layout()
    return figure


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    folder = Path(sys.argv[2] if len(sys.argv) == 3 else "results/validation")
    save(draw(records([sys.argv[1]], KEYS)), folder / "validation.png")


if __name__ == "__main__":
    main()
