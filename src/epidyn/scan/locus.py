"""A picture of one locus of a scan: arcs between elements, as high as their probability, and the genes below."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import pysam

from epidyn import plots
from epidyn.errors import ConfigError, InputFileError
from epidyn.files import require_file
from epidyn.pairs import bare
from epidyn.regions import read_gtf
from epidyn.scan.merge import read_settings
from epidyn.scan.output import index_path, refuse_truncated
from epidyn.scan.plan import doubled_midpoints
from epidyn.scores import PROBABILITY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PLACE = re.compile(r"(\S+):([\d,]+)-([\d,]+)")
_ARC_POINTS = 60
_ARROWS = {"+": " →", "-": " ←"}
_LABEL_WIDTH = 0.009  # of a character, as share of the picture's width


@dataclass(frozen=True)
class Locus:
    """A stretch of a chromosome, 0-based and half-open."""

    chrom: str
    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Locus:
        """Read ``chr1:1,000,001-2,000,000``, 1-based and closed as in genome browsers, or raise ConfigError."""
        match = _PLACE.fullmatch(text.strip())
        numbers = [int(part.replace(",", "") or 0) for part in match.groups()[1:]] if match else [0, 0]
        if match is None or not 1 <= numbers[0] < numbers[1]:
            raise ConfigError(
                f"--plot-locus is {text!r}; it must be a chromosome, a start and an end from 1 on, such as "
                "chr1:1,000,000-2,000,000."
            )
        return cls(match[1], numbers[0] - 1, numbers[1])

    def __str__(self) -> str:
        return f"{self.chrom}:{self.start + 1:,}-{self.end:,}"

    def picture_path(self, scan: str | os.PathLike[str]) -> Path:
        """Return where the picture of a scan's locus lies: beside the scan, whatever the chromosome's name."""
        chrom = self.chrom.replace("/", "%2F")
        return Path(f"{os.fspath(scan)}.{chrom}-{self.start + 1}-{self.end}.png")


def plot_locus(
    scan: str | os.PathLike[str], locus: Locus, gene_models: str | os.PathLike[str] | None = None
) -> Path:
    """Draw the pairs of a scan whose midpoints both lie in a locus; nothing is scored.

    Parameters
    ----------
    scan
        What ``epidyn scan`` wrote, with its index and JSON.
    locus
        Its chromosome may be spelled with or without ``chr``.
    gene_models
        A GTF file whose genes are drawn; by default the promoters of the pairs by the names of their genes.

    Returns
    -------
    Path
        The picture, ``SCAN.CHROM-START-END.png``; one that is there is replaced.

    Raises
    ------
    ConfigError
        If the scan has no pair there.
    InputFileError
        If the scan or what lies beside it is missing or damaged.
    """
    pairs = read_locus(scan, locus)
    if pairs.empty:
        raise ConfigError(
            f"--plot-locus is {locus}; {scan} has no pair with both elements there. Give a larger locus, or "
            "one of another chromosome."
        )
    if gene_models is None:
        genes = _promoters_as_genes(pairs)
    else:
        genes = read_gtf(gene_models)
        here = (genes["start"] < locus.end) & (genes["end"] > locus.start)
        genes = genes[here & (genes["chrom"].map(bare) == bare(locus.chrom))]
    out = locus.picture_path(scan)
    _draw(pairs, genes, locus, out)
    return out


def read_locus(scan: str | os.PathLike[str], locus: Locus) -> pd.DataFrame:
    """Return the rows of a scan whose midpoints both lie in a locus, by its index; columns as in the file.

    Coordinates and distance are int64, scores float64, the rest text.
    """
    path = require_file(scan, "scan")
    settings = read_settings(path)
    index = require_file(index_path(path, settings["genome"]["largest"]), "index of a scan")
    refuse_truncated(path)
    verbosity = pysam.set_verbosity(0)  # htslib would complain on its own
    try:
        with pysam.TabixFile(str(path), index=str(index)) as table:
            names = [name for name in table.contigs if bare(name) == bare(locus.chrom)]
            lines = list(table.fetch(names[0], locus.start, locus.end)) if names else []
    except (OSError, ValueError) as error:
        raise InputFileError(f"scan {path} or its index is damaged ({error}). Scan again.") from error
    finally:
        pysam.set_verbosity(verbosity)
    rows = pd.DataFrame([line.split("\t") for line in lines], columns=settings["columns"], dtype="str")
    whole = [name for name in settings["columns"] if name.endswith(("_start", "_end")) or name == "distance"]
    rows = rows.astype({**dict.fromkeys(whole, "int64"), PROBABILITY: "float64"})
    inside = np.ones(len(rows), dtype=np.bool_)
    for role in ("enhancer", "promoter"):
        middle = _middles(rows, role)
        inside &= (middle >= locus.start) & (middle <= locus.end)
    return rows[inside].reset_index(drop=True)


def _middles(rows: pd.DataFrame, role: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    elements = rows[[f"{role}_start", f"{role}_end"]].set_axis(["start", "end"], axis=1)
    return doubled_midpoints(elements) / 2


def _promoters_as_genes(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the promoters with what names them, as genes that are as long as they."""
    columns = {"promoter_start": "start", "promoter_end": "end", "promoter_strand": "strand", "gene": "gene"}
    named = pairs.assign(gene=pairs["gene"].where(pairs["gene"] != "", pairs["promoter_name"]))
    return named[list(columns)].rename(columns=columns).drop_duplicates()


def _draw(pairs: pd.DataFrame, genes: pd.DataFrame, locus: Locus, out: Path) -> None:
    from matplotlib.ticker import FuncFormatter

    bars = _bars(genes, locus)
    lanes = _lanes(bars)
    rows = 1 + max(lanes, default=0)
    shares = [4, 0.5, 0.1 + 0.22 * rows]
    figure, (arcs, elements, names) = plots.panels(3, 0.6 + sum(shares), width=10, down=True, shares=shares)
    _draw_arcs(arcs, pairs)
    arcs.set_title(plots.verbatim(f"{locus}, {len(pairs):,} pairs"))
    _draw_elements(elements, pairs)
    _draw_genes(names, bars, lanes)
    for axes in (arcs, elements, names):
        axes.set_xlim(locus.start, locus.end)
        axes.tick_params(axis="x", labelbottom=axes is names)
    names.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at:,.0f}"))
    names.set_xlabel(plots.verbatim(f"position on {locus.chrom}"))
    plots.save(figure, out)


def _draw_arcs(axes: Axes, pairs: pd.DataFrame) -> None:
    """Draw half ellipses, the lowest first."""
    from matplotlib.collections import LineCollection

    drawn = pairs.sort_values(PROBABILITY)
    ends = np.stack([_middles(drawn, "enhancer"), _middles(drawn, "promoter")], axis=1)
    height = drawn[PROBABILITY].to_numpy()
    angle = np.linspace(0, np.pi, _ARC_POINTS)
    along = ends.mean(axis=1)[:, None] + (ends[:, :1] - ends[:, 1:]) / 2 * np.cos(angle)
    up = height[:, None] * np.sin(angle)
    lines = LineCollection(
        list(np.stack([along, up], axis=2)), array=height, cmap="viridis_r", clim=(0, 1), linewidths=0.5 + height
    )
    axes.add_collection(lines)
    axes.set_ylim(0, 1.03)
    axes.set_ylabel("probability")


def _draw_elements(axes: Axes, pairs: pd.DataFrame) -> None:
    for at, (role, color) in enumerate((("promoter", plots.VERMILION), ("enhancer", plots.BLUE))):
        places = pairs[[f"{role}_start", f"{role}_end"]].drop_duplicates().to_numpy()
        spans = [(start, end - start) for start, end in places.tolist()]
        axes.broken_barh(spans, (at - 0.35, 0.7), color=color, linewidth=0.8)
    axes.set_ylim(-0.6, 1.6)
    axes.set_yticks([0, 1], ["promoters", "enhancers"])
    axes.tick_params(axis="y", length=0)


@dataclass(frozen=True)
class _Bar:
    """A gene as it is drawn: from ``start`` to ``end``, its label at ``at``, in all from ``first`` to ``last``."""

    start: int
    end: int
    label: str
    at: float
    align: Literal["left", "right", "center"]
    first: float
    last: float


def _bars(genes: pd.DataFrame, locus: Locus) -> list[_Bar]:
    """Return genes by their starts, cut to the locus; labels stand before them, else behind, else inside."""
    width, bars = locus.end - locus.start, []
    for _, gene in genes.sort_values(["start", "end"]).iterrows():
        start, end = max(gene["start"], locus.start), min(gene["end"], locus.end)
        label = f" {gene['gene']}{_ARROWS.get(gene['strand'], '')} "
        room = _LABEL_WIDTH * width * len(label)
        if start - room >= locus.start:
            bars.append(_Bar(start, end, label, start, "right", start - room, end))
        elif end + room <= locus.end:
            bars.append(_Bar(start, end, label, end, "left", start, end + room))
        else:
            bars.append(_Bar(start, end, label, (start + end) / 2, "center", start, end))
    return bars


def _lanes(bars: list[_Bar]) -> list[int]:
    """Return a lane for each bar, from 0, so that none touches another."""
    lanes: list[int] = []
    free: list[float] = []  # where each lane is free
    for bar in bars:
        lane = next((lane for lane, until in enumerate(free) if until < bar.first), len(free))
        free[lane : lane + 1] = [bar.last]
        lanes.append(lane)
    return lanes


def _draw_genes(axes: Axes, bars: list[_Bar], lanes: list[int]) -> None:
    for lane, bar in zip(lanes, bars, strict=True):
        axes.broken_barh([(bar.start, bar.end - bar.start)], (-lane - 0.25, 0.5), color="0.35", linewidth=0.8)
        color = "white" if bar.align == "center" else "black"
        axes.text(
            bar.at,
            -lane,
            plots.verbatim(bar.label),
            ha=bar.align,
            va="center",
            color=color,
            fontsize="x-small",
            clip_on=True,
        )
    axes.set_ylim(-max(lanes, default=0) - 0.7, 0.7)
    axes.set_yticks([0], ["genes"])
    axes.tick_params(axis="y", length=0)
