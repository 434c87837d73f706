"""What a pair table holds, in short."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from epidyn.described import Rows, aligned, html_table
from epidyn.errors import PairTableError
from epidyn.pairs.places import chromosomes, intervals, spellings
from epidyn.pairs.schema import REQUIRED, ROLES, validate


@dataclass(frozen=True)
class Elements:
    """The distinct elements of one role: how many, and the lengths of the shortest and the longest in bases."""

    distinct: int
    shortest: int
    longest: int

    def __str__(self) -> str:
        return f"{self.distinct:,} distinct, {self.shortest:,} to {self.longest:,} bp"


@dataclass(frozen=True, repr=False)
class PairSummary:
    """What a pair table holds; it prints as aligned text, and as a table in a notebook.

    Attributes
    ----------
    format
        That of the file it was read from; None if it was read from none.
    pairs
        Number of rows.
    positives
        Rows with label 1; None without labels.
    cell_lines
        Their names, sorted; None without a column ``cell_line``.
    elements
        The distinct elements by role, enhancer and promoter.
    chromosomes
        Pairs by the promoter's chromosome, as the table spells it, most first.
    columns
        Names of all columns.
    """

    format: str | None
    pairs: int
    positives: int | None
    cell_lines: list[str] | None
    elements: dict[str, Elements]
    chromosomes: dict[str, int]
    columns: list[str]

    def rows(self) -> Rows:
        """Return names and values in words."""
        rows = [] if self.format is None else [("format", self.format)]
        rows.append(("pairs", f"{self.pairs:,}"))
        if self.positives is not None:
            rows.append(("positives", f"{self.positives:,} ({self.positives / self.pairs:.2%})"))
        if self.cell_lines is not None:
            rows.append(("cell lines", ", ".join(self.cell_lines)))
        rows += [(f"{role}s", str(found)) for role, found in self.elements.items()]
        rows.append(("chromosomes", ", ".join(f"{name} {count:,}" for name, count in self.chromosomes.items())))
        return [*rows, ("columns", ", ".join(self.columns))]

    def __repr__(self) -> str:
        return aligned(self.rows())

    def _repr_html_(self) -> str:
        return html_table("Pair table", self.rows())


def summarise(pairs: pd.DataFrame) -> PairSummary:
    """Summarise a pair table: labels, cell lines, distinct elements, chromosomes.

    Parameters
    ----------
    pairs
        A pair table, as :func:`epidyn.read_pairs` returns it or made by hand.

    Raises
    ------
    PairTableError
        If a column is missing, a row is bad, or there is no row.

    Examples
    --------
    >>> import pandas as pd
    >>> from epidyn.pairs import summarise
    >>> row = {"enhancer_chrom": "chr1", "enhancer_start": 500, "enhancer_end": 900}
    >>> row |= {"promoter_chrom": "chr1", "promoter_start": 7_000, "promoter_end": 7_200, "label": 1}
    >>> found = summarise(pd.DataFrame([row]))
    >>> found.elements["enhancer"].longest
    400
    >>> found  # doctest: +ELLIPSIS
    pairs        1
    positives    1 (100.00%)
    enhancers    1 distinct, 400 to 400 bp
    promoters    1 distinct, 200 to 200 bp
    chromosomes  chr1 1
    columns      enhancer_chrom, enhancer_start, ...
    """
    checked = validate(pairs[[name for name in (*REQUIRED, "label", "cell_line") if name in pairs]], "pairs")
    if checked.empty:
        raise PairTableError("pairs: there are no rows to summarise. Give a table with at least one pair.")
    spelt = spellings(checked)
    counts = pd.Series(chromosomes(checked)).map(spelt).value_counts()
    return PairSummary(
        format=pairs.attrs.get("format"),
        pairs=len(checked),
        positives=int(checked["label"].sum()) if "label" in checked else None,
        cell_lines=sorted(checked["cell_line"].unique()) if "cell_line" in checked else None,
        elements={role: _elements(checked, role) for role in ROLES},
        chromosomes={str(name): int(count) for name, count in counts.items()},
        columns=[str(name) for name in pairs.columns],
    )


def _elements(pairs: pd.DataFrame, role: str) -> Elements:
    distinct = intervals(pairs, role).drop_duplicates()
    lengths = distinct["end"] - distinct["start"]
    return Elements(len(distinct), int(lengths.min()), int(lengths.max()))
