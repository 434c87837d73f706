"""The motifs that networks read, beside the examples of the article's Figure 12."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from epidyn.errors import InputFileError
from epidyn.files import require_file
from epidyn.interpret.motif_report import MATCHES, SETTINGS, TABLE
from epidyn.interpret.motifs import SIGNIFICANT
from epidyn.report.files import MotifSearch, read_json

# One matrix of JASPAR 2020's CNE collection a line, and the family that the article names it for.
FIGURE_12 = {
    "GM12878": ("CN0173.1", "NF-Y"),
    "HUVEC": ("CN0228.1", "SP1"),
    "HeLa-S3": ("CN0009.1", "AP-1"),
    "IMR90": ("CN0190.1", "E2F"),
    "K562": ("CN0180.1", "AP-2"),
    "NHEK": ("CN0116.1", "STAT"),
}


@dataclass(frozen=True)
class MotifRow:
    """What a search for motifs found, in words and numbers.

    Attributes
    ----------
    path
        Its folder.
    line
        The cell line of the pairs, with the control that the network was under, if any.
    pairs, motifs, supported, control_motifs, supported_controls
        Explained pairs; motifs, and those supported, of important and of control segments.
    names
        JASPAR motifs that supported ones resemble best.
    example, family
        The article's example of this line, if it has one.
    resembled
        The supported motifs that resemble the example, too (q < 0.05).
    leading
        The first supported motif, if there is one.
    """

    path: Path
    line: str
    pairs: int
    motifs: int
    supported: int
    control_motifs: int
    supported_controls: int
    names: tuple[str, ...]
    example: str
    family: str
    resembled: tuple[str, ...]
    leading: str | None


def read_motifs(path: Path, line: str, control: str | None) -> MotifRow:
    """Read what :func:`epidyn.interpret.motif_report.write_motifs` wrote to the folder ``path``.

    Raises
    ------
    InputFileError
        If a file is missing, or is of another format.
    """
    search = read_json(path / SETTINGS, MotifSearch)
    table, matches = (
        _read(path / TABLE, ["motif", "match_name", "supported"]),
        _read(path / MATCHES, ["matrix", "q"]),
    )
    supported = table[table["supported"].astype(str) == "True"]
    example, family = FIGURE_12.get(line, ("", ""))
    alike = matches[(matches["matrix"] == example) & (matches["q"].astype(float) < SIGNIFICANT)]["motif"]
    return MotifRow(
        path,
        line if control is None else f"{line} ({control})",
        search.explained.explained,
        search.motifs,
        search.supported,
        search.control_motifs,
        search.supported_controls,
        tuple(dict.fromkeys(supported["match_name"])),
        example,
        family,
        tuple(name for name in supported["motif"] if name in set(alike)),
        supported["motif"].iloc[0] if len(supported) else None,
    )


def _read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    require_file(path, "report input")
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except ValueError as error:
        raise InputFileError(f"report input {path} is no table ({error}). Run `epidyn motifs` again.") from error
    missing = [name for name in columns if name not in table]
    if missing:
        raise InputFileError(f"report input {path} lacks {', '.join(missing)}. Run `epidyn motifs` again.")
    return table


def copy_logos(rows: Sequence[MotifRow], folder: Path) -> dict[Path, str]:
    """Copy the figure of each search's leading motif to ``folder``; return its name by the search's folder."""
    copied = {}
    for number, row in enumerate(rows):
        source = row.path / f"{row.leading}.png"
        if row.leading is not None and source.is_file():
            copied[row.path] = (
                f"motif_{number}_{''.join(each if each.isalnum() else '_' for each in row.line)}.png"
            )
            shutil.copyfile(source, folder / copied[row.path])
    return copied


def to_frame(rows: Sequence[MotifRow]) -> pd.DataFrame:
    """Return the rows as a table, a row a search; lists are joined by commas."""
    return pd.DataFrame(
        [
            {
                "line": row.line,
                "pairs": row.pairs,
                "motifs": row.motifs,
                "supported": row.supported,
                "control_motifs": row.control_motifs,
                "supported_controls": row.supported_controls,
                "best_matches": ", ".join(row.names),
                "article_example": row.example,
                "article_family": row.family,
                "resemble_example": ", ".join(row.resembled),
            }
            for row in rows
        ]
    )
