"""What is wrong with the rows of a pair table, collected until the whole table has been looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from epidyn.errors import PairTableError

LONGEST_VALUE = 60


def quoted(value: object) -> str:
    """Return ``value`` as a message shows it: in double quotes, shortened, or the word ``empty``."""
    text = value if isinstance(value, str) else "" if pd.isna(value) else str(value)  # type: ignore[call-overload]
    if not text.strip():
        return "empty"
    if len(text) > LONGEST_VALUE:
        text = text[: LONGEST_VALUE - 3] + "..."
    return json.dumps(text, ensure_ascii=False)


class Findings:
    """Complaints about rows, and what else a reading has to say at its end.

    Rows are looked at in chunks: :meth:`look_at` says which rows the next masks speak of.

    Parameters
    ----------
    unit
        What the rows' numbers count: ``line`` (of a file, from 1) or ``row`` (of a table in memory, from 0).
    """

    def __init__(self, unit: str = "line") -> None:
        self.unit = unit
        self.renamed_hela = False
        self._numbers: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._found: list[tuple[int, str]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def look_at(self, numbers: Sequence[int] | NDArray[np.int64]) -> None:
        """Take ``numbers`` as those of the rows, in their order, that the next masks speak of."""
        self._numbers = np.asarray(numbers, dtype=np.int64)

    def add(self, number: int, text: str) -> None:
        """Complain about the row with this number."""
        self._found.append((number, text))

    def add_where(self, bad: NDArray[np.bool_], text: Callable[[int], str]) -> None:
        """Complain about each row where ``bad`` (rows,) is true; ``text`` gets its place in the mask."""
        for place in np.flatnonzero(bad).tolist():
            self.add(int(self._numbers[place]), text(place))

    def raise_if_any(self, source: str) -> None:
        """Raise one error that holds every complaint, in the order of the rows.

        Raises
        ------
        PairTableError
            If there are complaints; a row may have several.
        """
        if not self._found:
            return
        ordered = sorted(self._found, key=lambda found: found[0])
        rows = len({number for number, _ in ordered})
        counted = " (rows count from 0)" if self.unit == "row" else ""
        raise PairTableError(
            f"{source}: {rows:,} {'row' if rows == 1 else 'rows'} cannot be used{counted}. Mend or remove:",
            [f"{self.unit} {number}: {text}" for number, text in ordered],
        )
