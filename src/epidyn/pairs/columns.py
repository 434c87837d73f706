"""Tables with our own column names, as CSV or TSV: 0-based, half-open coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from epidyn.pairs.findings import Findings
from epidyn.pairs.layout import Layout
from epidyn.pairs.schema import REQUIRED
from epidyn.pairs.targetfinder import matches_full


def _matches(first: Sequence[str], second: Sequence[str]) -> bool:
    return set(REQUIRED) <= set(first) and not matches_full(first, second)


def _derive(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    return table


OWN_COLUMNS = Layout(
    name="epidyn columns",
    description=f"CSV or TSV with the columns {', '.join(REQUIRED)}, and maybe label, cell_line and others",
    needed=REQUIRED,
    matches=_matches,
    derive=_derive,
)
