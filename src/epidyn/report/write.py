"""The report as files: one page that needs no other, the same as Markdown, the rows as CSV, and the figures."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from epidyn import __version__
from epidyn.files import prepare_output_folder, refuse_filled_folder, write_table, write_text
from epidyn.page import embedded, render
from epidyn.report.collect import Collection, Run, collect
from epidyn.report.figures import draw_all
from epidyn.report.files import RunMetrics
from epidyn.report.motifs import copy_logos, to_frame
from epidyn.report.published import SOURCE
from epidyn.report.rows import tidy
from epidyn.report.tables import (
    EXPLANATION,
    MEASURES,
    MOTIFS_ABOUT,
    motifs_to_markdown,
    sections,
    to_csv,
    to_markdown,
)
from epidyn.training.config import departures

PAGE, MARKDOWN, TABLE, MOTIFS, FIGURES = "report.html", "report.md", "report.csv", "motifs.csv", "figures"
TITLE = "The article's experiments"

# What the article's experiments are about, and the controls, which stand under names of their own.
_VARIED = frozenset(
    {
        *(f"network.{name}" for name in ("transformer", "gru", "cbam", "fusion")),
        *(f"training.{name}" for name in ("copies", "optimizer", "init")),
        *(f"data.{name}" for name in ("shuffle_labels", "shuffle_sequence")),
    }
)


def write_report(
    folders: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str], *, force: bool = False
) -> Path:
    """Gather the runs in ``folders`` and below and write the report; return the page's path.

    Parameters
    ----------
    folders
        Run folders, cross-validations, audits, or folders that hold such.
    out
        Made if it is not there; gets ``report.html``, ``report.md``, ``report.csv``, ``figures``, and
        ``motifs.csv`` if motifs were looked for.
    force
        Replace an earlier report there.

    Raises
    ------
    InputFileError
        As :func:`epidyn.report.collect.collect` raises it.
    OutputError
        If ``out`` is not empty, without ``force``, or cannot be written to.
    """
    refuse_filled_folder(out, force=force)
    found = collect(folders)
    rows = tidy(found)
    folder = prepare_output_folder(out, force=force, own=(PAGE, MARKDOWN, TABLE, MOTIFS))
    pictures = prepare_output_folder(folder / FIGURES, force=True, own=_earlier(folder / FIGURES))
    figures = draw_all(rows, found.runs, pictures)
    parts = sections(rows)
    facts = _facts(found)
    write_text(folder / TABLE, to_csv(rows))
    motifs = to_frame(found.motifs)
    if len(motifs):
        write_table(folder / MOTIFS, motifs)
    markdown = to_markdown(TITLE, parts, [*facts, *found.notes], SOURCE)
    write_text(folder / MARKDOWN, markdown + motifs_to_markdown(motifs))
    logos = copy_logos(found.motifs, pictures)
    page = render(
        "report.html.jinja",
        title=TITLE,
        explanation=EXPLANATION,
        source=SOURCE,
        facts=facts,
        notes=found.notes,
        sections=parts,
        measures=MEASURES,
        figures=[(figure, embedded(pictures / figure.name)) for figure in figures],
        motifs=found.motifs,
        motifs_about=MOTIFS_ABOUT,
        logos={path: embedded(pictures / name) for path, name in logos.items()},
        version=__version__,
    )
    write_text(folder / PAGE, page)
    return folder / PAGE


def _earlier(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.png")]


def _facts(found: Collection) -> list[str]:
    """Return what was read, in sentences."""
    singles = [run.metrics for run in found.runs if isinstance(run.metrics, RunMetrics)]
    folds = len(found.runs) - len(singles)
    counts = ((len(singles), "training runs"), (folds, "cross-validations"), (len(found.audits), "audits"))
    said = [f"Read: {', '.join(f'{count} {what}' for count, what in counts)}."]
    versions = sorted({metrics.environment.epidyn for metrics in singles})
    devices = sorted({metrics.environment.device for metrics in singles})
    if len(versions) > 1:
        said.append(f"The runs are of several versions of epidyn: {', '.join(versions)}.")
    if devices:
        said.append(f"Computed on: {', '.join(devices)}.")
    return said + _departures(found.runs)


def _departures(runs: Sequence[Run]) -> list[str]:
    """Return how runs of the random split differ from the published protocol, but for what experiments vary."""
    random = [run for run in runs if run.config.split.split == "random"]
    counts: Counter[str] = Counter()
    for run in random:
        training = run.config.training.model_copy(update={"protocol": "published"})
        as_published = run.config.model_copy(update={"training": training})
        counts.update(each for each in departures(as_published) if each.partition(":")[0] not in _VARIED)
    if not counts:
        return []
    share = {number: f"{number} of {len(random)}" for number in counts.values()} | {len(random): "all"}
    listed = "; ".join(f"{what}, {share[number]}" for what, number in sorted(counts.items()))
    return [f"Runs of the random split whose settings are not the article's: {listed}."]
