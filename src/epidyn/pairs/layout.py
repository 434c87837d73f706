"""What a text format of pair tables has to tell its reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from epidyn.pairs.findings import Findings, quoted


@dataclass(frozen=True)
class Layout:
    """A format of pair tables as delimited text.

    Parameters
    ----------
    name
        What messages and ``table.attrs["format"]`` call it.
    description
        One line, for messages that list the accepted formats.
    needed
        Columns that its header must have; empty if it has no header.
    matches
        Tells from the cells of the first line and of the second (empty if there is none) whether a file is of
        this format. For any file at most one format should say so.
    derive
        Makes our columns from a chunk whose cells are text; a row it cannot read it reports to the
        findings, and gives it values that draw no second complaint.
    columns
        The names of its columns if it has no header, or of its first columns if more may follow.
    is_header
        Tells whether the first line, though ``columns`` says how they are called, is a header.
    plain
        Whether it has tabs alone, no quotes, and lines that begin with ``#``, which are comments or the header.
        ``matches`` is then given the first lines without these.
    """

    name: str
    description: str
    needed: tuple[str, ...]
    matches: Callable[[Sequence[str], Sequence[str]], bool]
    derive: Callable[[pd.DataFrame, Findings], pd.DataFrame]
    columns: tuple[str, ...] = ()
    is_header: Callable[[Sequence[str]], bool] = lambda first: False
    plain: bool = False


def parse_names(
    column: pd.Series[Any], form: re.Pattern[str], example: str, findings: Findings
) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_]]:
    """Take the names of elements apart; a name of another form is reported.

    Parameters
    ----------
    column
        Names, shape (rows,).
    form
        Matches a whole name; its named groups are the parts. ``start`` and ``end`` become int64.
    example
        The form as a message shows it.
    findings
        Takes what is reported.

    Returns
    -------
    parts
        For each named group an array, shape (rows,): of str, or int64 for ``start`` and ``end``.
    good
        bool, shape (rows,): whether the name has the form. Where not, its parts are empty or -1.
    """
    codes, names = pd.factorize(column)
    nothing = tuple("-1" if group in ("start", "end") else "" for group in form.groupindex)
    texts: list[str] = []  # the parts of all names one after another: quicker than a tuple a name
    has_form: list[bool] = []
    for name in names.tolist():
        match = form.fullmatch(name)
        texts += match.groups() if match else nothing
        has_form.append(match is not None)
    good = np.array(has_form, dtype=np.bool_)[codes]
    parts: dict[str, NDArray[Any]] = {}
    for i, group in enumerate(form.groupindex):
        values = texts[i :: len(nothing)]
        if group in ("start", "end"):
            parts[group] = np.fromiter(map(int, values), dtype=np.int64, count=len(values))[codes]
        else:
            parts[group] = np.array(values, dtype=object)[codes]
    findings.add_where(
        ~good, lambda i: f"{column.name} is {quoted(column.iloc[i])}; a name such as {example} is needed"
    )
    return parts, good


def one_cell_line(
    enhancer: NDArray[Any], promoter: NDArray[Any], good: NDArray[np.bool_], findings: Findings
) -> NDArray[Any]:
    """Return the cell line of each pair; two different ones in the names of a pair are reported.

    All arrays have the shape (rows,); only rows where ``good`` is true are compared.
    """
    findings.add_where(
        good & (enhancer != promoter),
        lambda i: (
            f"the cell line of enhancer_name is {quoted(enhancer[i])}, that of promoter_name "
            f"{quoted(promoter[i])}; one cell line is needed"
        ),
    )
    return enhancer
