"""Motifs as files: MEME format, tables, logos, and one page that needs no other file."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import __version__, plots
from epidyn.errors import ConfigError
from epidyn.files import prepare_output_folder, write_json, write_table, write_text
from epidyn.interpret.motifs import SIGNIFICANT, MotifReport, Motifs, information, supported_names
from epidyn.page import embedded, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEME, TABLE, CONTROLS, MATCHES, SEGMENTS, SETTINGS, PAGE = (
    "motifs.meme",
    "motifs.tsv",
    "control_motifs.tsv",
    "matches.tsv",
    "segments.tsv",
    "motifs.json",
    "motifs.html",
)
FILES = (MEME, TABLE, CONTROLS, MATCHES, SEGMENTS, SETTINGS, PAGE)

Floats = npt.NDArray[np.float64]


def write_motifs(report: MotifReport, folder: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write a report to a folder; return its page.

    ``motifs.meme`` (MEME format, background of the windows), ``motifs.tsv`` and ``control_motifs.tsv`` (see
    :class:`epidyn.interpret.motifs.Motifs`), ``matches.tsv``, ``segments.tsv`` (0-based, half-open), a figure
    ``motif_NN.png`` for each motif, ``motifs.json`` (settings and counts) and ``motifs.html``.

    Raises
    ------
    OutputError
        If ``folder`` is not empty, without ``force``, or cannot be written to.
    """
    earlier = [path.name for path in Path(folder).glob("motif_*.png")]
    out = prepare_output_folder(folder, force=force, own=(*FILES, *earlier))
    names = report.motifs.table["motif"].tolist()
    write_text(out / MEME, _meme(names, report))
    write_table(out / TABLE, report.motifs.table, "%.6g")
    write_table(out / CONTROLS, report.control_motifs.table, "%.6g")
    write_table(out / MATCHES, report.motifs.matches, "%.6g")
    write_table(out / SEGMENTS, report.segments, "%.6g")
    for row, frequencies in zip(_rows(report.motifs), report.motifs.frequencies, strict=True):
        draw_motif(row, frequencies, report, out / f"{row['motif']}.png")
    figures = {name: embedded(out / f"{name}.png") for name in names}
    page = render(
        "motifs.html.jinja",
        report=report,
        rows=_rows(report.motifs),
        controls=_rows(report.control_motifs),
        counts=_counts(report),
        supported=supported_names(report.motifs),
        figures=figures,
        significant=SIGNIFICANT,
    )
    write_text(out / PAGE, page)
    write_json(out / SETTINGS, _settings(report))  # last: only a folder with it is whole
    return out / PAGE


def _rows(motifs: Motifs) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in motifs.table.to_dict("records")]


def _settings(report: MotifReport) -> dict[str, Any]:
    return {
        "version": __version__,
        "settings": asdict(report.settings),
        "explained": report.explained,
        "masks": report.masks,
        "threshold": report.threshold,
        "background": dict(zip("ACGT", report.background.tolist(), strict=True)),
        "segments": _counts(report),
        "motifs": len(report.motifs.table),
        "supported": int(report.motifs.table["supported"].sum()),
        "control_motifs": len(report.control_motifs.table),
        "supported_controls": int(report.control_motifs.table["supported"].sum()),
    }


def _counts(report: MotifReport) -> dict[str, dict[str, int]]:
    """Return how many segments of each kind there are for each use."""
    counts = report.segments.groupby(["kind", "used"]).size()
    return {
        kind: {used: int(counts.get((kind, used), 0)) for used in ("finding", "test")}
        for kind in ("important", "control")
    }


def _meme(names: list[str], report: MotifReport) -> str:
    """Return the motifs in minimal MEME format, version 4; memelite's writer knows no background and no sites."""
    shares = " ".join(f"{base} {share:.5f}" for base, share in zip("ACGT", report.background, strict=True))
    lines = [
        "MEME version 4",
        "",
        "ALPHABET= ACGT",
        "",
        "strands: + -",
        "",
        "Background letter frequencies",
        shares,
    ]
    rows = zip(names, report.motifs.table["consensus"], report.motifs.table["sites"], strict=True)
    for (name, letters, sites), frequencies in zip(rows, report.motifs.frequencies, strict=True):
        lines += ["", f"MOTIF {name} {letters}"]
        lines.append(f"letter-probability matrix: alength= 4 w= {len(frequencies)} nsites= {sites} E= 0")
        lines += [" ".join(f"{share:.6f}" for share in row) for row in frequencies]
    return "\n".join(lines) + "\n"


def draw_motif(row: dict[str, Any], frequencies: Floats, report: MotifReport, path: Path) -> None:
    """Draw the logo of a motif, under that of its best JASPAR match if q is below 0.05, as PNG.

    Columns that are aligned stand over each other; heights are bits. The match stands as JASPAR has it; a motif
    that lies on its other strand is turned.
    """
    if not row["match_q"] < SIGNIFICANT:
        figure, (axes,) = plots.panels(1, 2.2, width=1.2 + 0.4 * len(frequencies))
        _logo(frequencies, 0, axes)
        axes.set_title(f"{row['motif']}, no match")
        plots.save(figure, path)
        return
    best = report.motifs.matches.loc[report.motifs.matches["motif"] == row["motif"]].iloc[0]
    matrix = report.matrices[best["matrix"]]
    query, offset = placed(frequencies, len(matrix.frequencies), int(best["offset"]), bool(best["reverse"]))
    first, last = min(0, offset), max(len(matrix.frequencies), offset + len(query))
    figure, (upper, lower) = plots.panels(2, 3.8, width=1.2 + 0.4 * (last - first), down=True)
    _logo(matrix.frequencies, 0, upper)
    _logo(query, offset, lower)
    upper.set_title(plots.verbatim(f"{matrix.id} {matrix.name}"))
    lower.set_title(f"{row['motif']}{', other strand' if best['reverse'] else ''}, q {best['q']:.1g}")
    for axes in (upper, lower):
        axes.set_xlim(first - 0.5, last - 0.5)
    plots.save(figure, path)


def placed(frequencies: Floats, matrix_width: int, offset: int, reverse: bool) -> tuple[Floats, int]:
    """Return a motif as it stands against a matrix in its own strand, and the column of the matrix it begins at.

    Parameters
    ----------
    frequencies
        Of the motif, (width, 4).
    matrix_width
        Columns of the matrix.
    offset, reverse
        As :func:`epidyn.interpret.tomtom.compare` returns them: where the matrix, or its other strand, begins
        against the motif.
    """
    if not reverse:
        return frequencies, -offset
    return frequencies[::-1, ::-1], offset + matrix_width - len(frequencies)


def _logo(frequencies: Floats, first: int, axes: Axes) -> None:
    try:
        from logomaker import Logo
    except ImportError as error:
        raise ConfigError("epidyn motifs needs logomaker. Install it: pip install 'epidyn[motifs]'.") from error
    heights = frequencies * information(frequencies)[:, None]
    places = range(first, first + len(heights))
    Logo(pd.DataFrame(heights, columns=list("ACGT"), index=list(places)), ax=axes, show_spines=None)
    axes.set_ylim(0, 2)
    axes.set_ylabel("bits")
    axes.set_xticks(list(places), [str(number) for number in range(1, len(heights) + 1)])
    axes.spines[["top", "right"]].set_visible(False)
