"""The report as text: a CSV of all rows, and wide tables for Markdown and the page."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby

import pandas as pd

from epidyn.report.experiments import EXPERIMENTS, MEAN, Experiment
from epidyn.report.rows import Kind, Row, ordered_lines

MEASURES = {
    "auroc": "AUROC",
    "aupr": "AUPR",
    "pairs": "pairs",
    "minutes": "training, minutes",
    "megabytes": "peak GPU memory, MB",
    "test_seconds": "test, seconds",
    "process_megabytes": "peak memory of the process, MB",
}
_DIGITS = {
    "auroc": 3,
    "aupr": 3,
    "pairs": 0,
    "minutes": 1,
    "megabytes": 0,
    "test_seconds": 1,
    "process_megabytes": 0,
}
KIND_WORDS: dict[Kind, str] = {
    "run": "",
    "not run": "",
    "published, not rerun": "published, not rerun",
    "control": "control",
    "baseline": "reads no DNA",
}


@dataclass(frozen=True)
class Cell:
    """One cell: what to show, each maybe empty."""

    ours: str
    spread: str
    published: str
    difference: str


@dataclass(frozen=True)
class Line:
    """One row of a wide table."""

    what: str
    kind: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """One measure of one experiment; ``empty`` if there is neither a run nor a published number."""

    measure: str
    where: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    empty: bool


@dataclass(frozen=True)
class Section:
    """One experiment with its tables; ``notes`` say what belongs beside it and is missing."""

    experiment: Experiment
    tables: tuple[Table, ...]
    notes: tuple[str, ...]


def to_csv(rows: Sequence[Row]) -> str:
    """Return all rows as CSV; what does not exist is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [each.name for each in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {
            name: "" if value is None else f"{value:.7g}" if isinstance(value, float) else value
            for name, value in asdict(row).items()
        }
        for row in rows
    )
    return text.getvalue()


def sections(rows: Sequence[Row]) -> list[Section]:
    """Return the wide tables of each experiment that has rows, in order."""
    found = []
    for name, of_experiment in groupby(rows, key=lambda row: row.experiment):
        members = list(of_experiment)
        tables = [_table(measure, list(same)) for measure, same in groupby(members, key=lambda row: row.measure)]
        experiment = EXPERIMENTS[name]
        found.append(Section(experiment, tuple(tables), tuple(_missing(experiment, members))))
    return found


def to_markdown(title: str, parts: Sequence[Section], notes: Sequence[str], source: str) -> str:
    """Return the wide tables as Markdown."""
    lines = [f"# {title}", "", EXPLANATION, f"Published numbers: {_escaped(source)}.", ""]
    if notes:
        lines += ["## Notes", "", *(f"- {_escaped(note)}" for note in notes), ""]
    for part in parts:
        lines += [f"## {part.experiment.title}", "", part.experiment.about, ""]
        for table in part.tables:
            lines += [f"### {MEASURES[table.measure]} ({table.where})", "", *_markdown(table), ""]
        lines += [f"- {_escaped(note)}" for note in part.notes] + [""] * bool(part.notes)
    return "\n".join(lines)


def motifs_to_markdown(table: pd.DataFrame) -> str:
    """Return the motifs' table as Markdown, after the experiments'."""
    lines = ["", "## Motifs (Figure 12)", "", MOTIFS_ABOUT, ""]
    if table.empty:
        return "\n".join([*lines, "Not run.", ""])
    lines += [f"| {' | '.join(table.columns)} |", "|---" * len(table.columns) + "|"]
    rows = table.itertuples(index=False)
    return "\n".join([*lines, *(f"| {' | '.join(_escaped(str(cell)) for cell in row)} |" for row in rows), ""])


MOTIFS_ABOUT = (
    "What confident pairs' scores rest on: motifs of the segments whose masking lowers them most. Supported: like "
    "a motif of JASPAR, and in more held-out important than control segments, both q < 0.05."
)
EXPLANATION = (
    "Each cell: ours (mean over seeds with its 95% t interval and the number of seeds; one seed has no interval), "
    "the published number, and ours less published. What was not run is shown as not run. "
)


def _table(measure: str, rows: Sequence[Row]) -> Table:
    columns = tuple(ordered_lines(rows))
    # What was run on one line and not on another is one row.
    names = dict.fromkeys((row.what, KIND_WORDS[row.kind]) for row in rows)
    cells = {(row.what, KIND_WORDS[row.kind], row.line): row for row in rows}
    lines = [
        Line(what, kind, tuple(_cell(cells.get((what, kind, column))) for column in columns))
        for what, kind in names
    ]
    if measure == "aupr":
        lines = [*_chance(rows, columns), *lines]
    empty = all(row.ours is None and row.published is None for row in rows)
    return Table(measure, rows[0].table, columns, tuple(lines), empty)


def _chance(rows: Sequence[Row], columns: Sequence[str]) -> list[Line]:
    """Return the prevalence of each column, which a worthless AUPR is; none if no column has one."""
    cells = []
    for column in columns:
        shares = [row.prevalence for row in rows if row.line == column and row.prevalence is not None]
        cells.append(Cell(f"{sum(shares) / len(shares):.3f}" if shares else "", "", "", ""))
    return [Line("prevalence", "chance", tuple(cells))] if any(cell.ours for cell in cells) else []


def _cell(row: Row | None) -> Cell:
    if row is None:
        return Cell("", "", "", "")
    digits = _DIGITS[row.measure]
    published = "" if row.published is None else f"{row.published:,.{digits}f}"
    if published and row.published_sd is not None:
        published += f" ± {row.published_sd:.{digits}f}"
    if row.ours is None:
        return Cell("not run" if row.kind == "not run" else "", "", published, "")
    ours = f"{row.ours:,.{digits}f}"
    if row.sd is not None:
        ours += f" ± {row.sd:.{digits}f}"
    difference = "" if row.difference is None else f"{row.difference:+,.{digits}f}"
    return Cell(ours, _spread(row, digits), published, difference)


def _spread(row: Row, digits: int) -> str:
    drawn = "splits" if row.kind == "baseline" else "seeds"
    if row.low is None or row.high is None:
        return ""
    if row.low == row.high:
        return f"{row.seeds} {drawn}, all the same"
    return f"{row.low:,.{digits}f} to {row.high:,.{digits}f}, {row.seeds} {drawn}"


def _missing(experiment: Experiment, rows: Sequence[Row]) -> list[str]:
    """Say for which lines a random split's results lack what they must be compared with."""
    if not experiment.random_split:
        return []
    there: dict[Kind, set[str]] = defaultdict(set)
    for row in rows:
        there[row.kind].add(row.line)
    run = {line for line in there["run"] if line != MEAN}
    words: dict[Kind, str] = {
        "baseline": "sequence-free baselines (`epidyn audit`)",
        "control": "a control (`epidyn train --genome random:hg19`)",
    }
    return [
        f"Beside results of a random split belong {what}; missing for {', '.join(sorted(run - there[kind]))}."
        for kind, what in words.items()
        if run - there[kind]
    ]


def _markdown(table: Table) -> list[str]:
    if table.empty:
        return ["Not run, and the article's numbers are not at hand."]
    head = ["", *map(_escaped, table.columns)]
    rows = [[_escaped(_name(line)), *(_escaped(_text(cell)) for cell in line.cells)] for line in table.lines]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _name(line: Line) -> str:
    return f"{line.what} ({line.kind})" if line.kind else line.what


def _text(cell: Cell) -> str:
    ours = f"{cell.ours} ({cell.spread})" if cell.spread else cell.ours
    published = f"published {cell.published}" if cell.published else ""
    return "; ".join(part for part in (ours, published, cell.difference) if part)


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it stands: neither markup, nor HTML, nor the end of a cell."""
    for mark in "\\`*_[]|#":
        text = text.replace(mark, "\\" + mark)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
