#!/usr/bin/env python3
"""Draws what `plmr sweep` has measured, as the experiment's "plots" say.

Usage: scripts/plot_sweep.py DIR...   (folders of results; each gets plot.png)

Hollow markers are points that exceed a core's memory or routes. Points that ended with an error are left out, and counted.
"""
import json
import math
import re
import sys
from pathlib import Path

from plotting import plt, save, style
from matplotlib.lines import Line2D
from matplotlib.path import Path as Polyline
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

RATE = re.compile(r"_(tok|req|bytes)_s$")  # of something a second; other names with _s are seconds
WIDTH, HEIGHT = 4.6, 3.5


def read(folder):
    experiment = json.loads((folder / "experiment.json").read_text())
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    return experiment, records


def value(experiment, record, name):
    """A quantity of a point: what is varied, a field of the record, or an option that is fixed."""
    for where in (record["point"], record, experiment["runs"][record["run"]].get("options", {})):
        if name in where:
            return where[name]
    return None


def chosen(experiment, records, plot):
    where = plot.get("where", {})
    return [r for r in records if all(value(experiment, r, name) == want for name, want in where.items())]


def label(names, values):
    """A line's name in the legend: a text speaks for itself, a number needs to be told of what."""
    words = []
    for name, item in zip(names, values):
        if isinstance(item, bool):
            words.append(name.replace("-", " ") if item else "not " + name.replace("-", " "))
        else:
            words.append(item if isinstance(item, str) else f"{name.split('.')[-1]} {item}")
    return ", ".join(words)


def lines(experiment, records, plot):
    """{series: [(x, y, violates)]} in the order of the experiment."""
    names, found = plot.get("series", []), {}
    for record in records:
        x, y = (value(experiment, record, plot[axis]) for axis in "xy")
        key = label(names, [value(experiment, record, name) for name in names])
        if record.get("error") or x is None or y is None or (plot.get("log_y") and y <= 0):
            continue
        found.setdefault(key, []).append((x, y, bool(record["violates"])))
    if not plot.get("relative"):
        return found
    return {key: [(x, y / min(points)[1], bad) for x, y, bad in points] for key, points in found.items()}


def short(number, _=None):
    """12,000 as 12K; bytes of memory come out as 48K, 1.5M because they are multiples of 1,024."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "K")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"


def short_seconds(number, _=None):
    for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if number >= size * 0.999:
            return f"{number / size:.3g} {unit}"
    return f"{number * 1e9:.3g} ns"


def writer(name, relative=False):
    """How values of a quantity, or their ratios, are written along its axis."""
    return short_seconds if name.endswith("_s") and not relative and not RATE.search(name) else short


def short_bytes(number, _=None):
    return f"{number / 2**20:.3g}M" if number >= 2**20 else f"{number / 2**10:.3g}K"


def thin(ticks, log, most=8):
    """Not more ticks than can be read: the ends, and between them what is not in the way of one before."""
    scale = math.log if log else float
    room = (scale(max(ticks)) - scale(min(ticks))) / most
    kept = []
    for tick in sorted(ticks):
        if not kept or scale(tick) - scale(kept[-1]) >= room * 0.999:
            kept.append(tick)
    if kept[-1] != max(ticks):
        kept[-1] = max(ticks)
    return kept


def set_axes(axes, plot, xs, categories):
    axes.set_title(plot["title"], fontsize=10)
    axes.set_xlabel(plot["x_label"])
    axes.set_ylabel(plot["y_label"])
    axes.grid(True, which="major", alpha=0.3, linewidth=0.6)
    if plot.get("log_y"):
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        if high / low < 300:
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(0, 1.08 * axes.dataLim.y1)
    axes.yaxis.set_major_formatter(FuncFormatter(writer(plot["y"], plot.get("relative"))))
    if categories:
        axes.set_xticks(range(len(categories)), categories, rotation=20, ha="right")
        axes.set_xlim(-0.4, 1.35 * len(categories) - 0.6)  # room for the legend
        return
    log_x = bool(plot.get("log_x"))
    if log_x:
        axes.set_xscale("log")
    axes.set_xticks(thin(xs, log_x))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(short_bytes if "bytes" in plot["x_label"] else lambda x, _: f"{x:g}"))


def hides(box, axes, points):
    """Whether a point lies in the box, or the line between two crosses it."""
    line = axes.transData.transform([p[:2] for p in sorted(points)])
    return any(box.contains(*p) for p in line) or Polyline(line).intersects_bbox(box, filled=False)


def make_room(axes, legend, found):
    """Moves the top up where the legend has no place beside the lines."""
    axes.figure.canvas.draw()
    hidden = any(hides(legend.get_window_extent(), axes, points) for points in found.values())
    low, high = axes.get_ylim()
    if hidden:
        axes.set_ylim(low, high * (high / low) ** 0.75 if axes.get_yscale() == "log" else high + 0.75 * (high - low))


def line_style(i, categories):
    return {**style(i), **({"linestyle": "none"} if categories else {})}


def draw(axes, experiment, records, plot):
    found = lines(experiment, chosen(experiment, records, plot), plot)
    xs = sorted({x for points in found.values() for x, _, _ in points}) if found else []
    categories = list(dict.fromkeys(x for points in found.values() for x, _, _ in points)) if xs and isinstance(
        xs[0], str) else []
    for i, (key, points) in enumerate(found.items()):
        look = line_style(i, categories)
        size = 4.5 + 3 * (len(found) - 1 - i) / len(found)  # of points that coincide, all can be seen
        px = [categories.index(x) if categories else x for x, _, _ in points]
        order = sorted(range(len(px)), key=px.__getitem__)
        axes.plot([px[j] for j in order], [points[j][1] for j in order], **{**look, "marker": None}, linewidth=1.3,
                  zorder=2 + i / 100)
        for j in order:
            hollow = points[j][2]
            axes.plot(px[j], points[j][1], **{**look, "linestyle": "none"}, markersize=size, zorder=3 + i / 100,
                      markerfacecolor="white" if hollow else look["color"])
    set_axes(axes, plot, xs, categories)
    keys = [Line2D([], [], **line_style(i, categories), markersize=5, linewidth=1.3, label=key) for i, key in enumerate(found) if key]
    if keys:
        legend = axes.legend(handles=keys, fontsize=7.5, framealpha=0.85, ncol=1 + (len(keys) > 6), handlelength=3,
                    loc="center right" if categories else "best")
        if not categories:
            make_room(axes, legend, found)


def note(records):
    words = []
    if any(r.get("violates") for r in records):
        words.append("hollow: exceeds a core's memory or routes")
    errors = sum(bool(r.get("error")) for r in records)
    if errors:
        words.append(f"{errors} points that ended with an error are left out")
    return "; ".join(words)


def plot_folder(folder):
    experiment, records = read(folder)
    plots = experiment.get("plots")
    if not plots:
        sys.exit("the experiment has no plots")
    n_columns = {4: 2, 7: 4, 8: 4}.get(len(plots), min(3, len(plots)))
    n_rows = math.ceil(len(plots) / n_columns)
    figure, axes = plt.subplots(n_rows, n_columns, figsize=(WIDTH * n_columns, HEIGHT * n_rows), squeeze=False)
    for each, plot in zip(axes.flat, plots):
        draw(each, experiment, records, plot)
    for each in axes.flat[len(plots):]:
        each.set_axis_off()
    figure.suptitle(experiment["title"], fontsize=13)
    figure.text(0.5, 0.004, note(records), ha="center", fontsize=8, color="#444444")
    figure.tight_layout(rect=(0, 0.02, 1, 0.99))
    save(figure, folder / "plot.png")


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    for name in sys.argv[1:]:
        try:
            plot_folder(Path(name))
        except (OSError, ValueError, KeyError) as error:
            sys.exit(f"plot_sweep.py: {name}: is no folder of a sweep's results: {error}")


if __name__ == "__main__":
    main()
