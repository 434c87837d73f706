"""Time and peak memory of predict, as the task grows.

    python benchmarks/scaling.py [--quick] [--out DIR]

Against the number of pairs, the length of the windows, and the number of distinct elements; with the published
network and a small one. Each point is a fresh process that reads model and table and writes the scores, once. DIR
(default `bench`) gets `scaling.json` and `scaling.png`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from measure import machine, run_apart

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

PAIRS, ELEMENTS, WINDOW = "pairs", "distinct elements", "window length"
AXES = {
    PAIRS: "pairs: all of sqrt(n) enhancers and sqrt(n) promoters",
    WINDOW: "enhancer window, bases (promoter: two thirds)",
    ELEMENTS: "distinct elements",
}


@dataclass(frozen=True)
class Sizes:
    """Which points are measured; sides are numbers of enhancers, and of promoters."""

    networks: dict[str, dict[str, int]]
    sides: dict[str, tuple[int, ...]]
    windows: tuple[int, ...] = (1_500, 3_000, 6_000, 12_000)
    window_pairs: int = 128
    element_sides: tuple[int, ...] = (32, 64, 128, 256, 512, 1_024)
    apart: bool = True


@dataclass(frozen=True)
class Point:
    """One measurement: of which ``panel``, with which network, at which ``size``."""

    panel: str
    network: str
    size: int
    pairs: int
    seconds: float
    peak_megabytes: float


def cases(sizes: Sizes) -> Iterator[tuple[str, str, int, dict[str, int], pd.DataFrame]]:
    """Yield panel, network, size, network settings and table of each point."""
    from subjects import all_pairs, distinct_pairs, pair_table

    for network, settings in sizes.networks.items():
        for side in sizes.sides[network]:
            yield PAIRS, network, side * side, settings, all_pairs(side, side)
        for window in sizes.windows:
            lengths = {"enhancer_length": window, "promoter_length": window * 2 // 3}
            yield WINDOW, network, window, {**settings, **lengths}, distinct_pairs(sizes.window_pairs)
        row = np.arange(sizes.element_sides[0] ** 2)
        for side in sizes.element_sides:
            # As many pairs over more elements; none of them twice.
            yield ELEMENTS, network, 2 * side, settings, pair_table(row % side, (row // side + row) % side)


def measure(sizes: Sizes) -> list[Point]:
    from predicting import predict_folder
    from subjects import save_model

    from epidyn.nn import NetworkConfig
    from epidyn.pairs import write_pairs

    points = []
    for panel, network, size, settings, table in cases(sizes):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            save_model(NetworkConfig(**settings), folder / "model.safetensors")
            write_pairs(table, folder / "pairs.tsv")
            run = run_apart(predict_folder, folder, apart=sizes.apart)
        points.append(Point(panel, network, size, len(table), run.seconds, run.peak_bytes / 1e6))
        print(points[-1], flush=True)
    return points


def plot(points: list[Point], path: Path) -> None:
    """Draw a panel a quantity, time above memory."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, len(AXES), figsize=(13, 6.5), sharex="col", sharey="row", layout="constrained")
    for (time_axis, memory_axis), (panel, label) in zip(axes.T, AXES.items(), strict=True):
        own = [point for point in points if point.panel == panel]
        draw(time_axis, own, "seconds")
        draw(memory_axis, own, "peak_megabytes")
        time_axis.set_title(panel if panel == PAIRS else f"{panel}, {own[0].pairs:,} pairs")
        memory_axis.set_xlabel(label)
    axes[0, 0].set_ylabel("time, s")
    axes[1, 0].set_ylabel("peak memory, MB")
    axes[0, 0].legend(title="network")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw(axis: Axes, points: list[Point], quantity: str) -> None:
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    for network in dict.fromkeys(point.network for point in points):
        line = [(point.size, getattr(point, quantity)) for point in points if point.network == network]
        axis.loglog(*zip(*line, strict=True), "o-", label=network)
    sizes = sorted({point.size for point in points})
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=30)
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axis.minorticks_off()
    axis.grid(alpha=0.3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few and small points: does it run?")
    parser.add_argument("--out", type=Path, default=Path("bench"))
    given = parser.parse_args()
    from subjects import SMALL

    sizes = Sizes({"published": {}, "small": SMALL}, {"published": (8, 16, 32, 64), "small": (8, 16, 32, 64, 128)})
    if given.quick:
        sizes = Sizes({"small": SMALL}, {"small": (1, 2)}, (300, 600), 2, (2, 4), apart=False)
    points = measure(sizes)
    given.out.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine(), "points": [asdict(point) for point in points]}
    (given.out / "scaling.json").write_text(json.dumps(content, indent=2) + "\n")
    plot(points, given.out / "scaling.png")


if __name__ == "__main__":
    main()
