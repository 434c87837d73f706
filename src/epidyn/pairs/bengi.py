"""BENGI's benchmark tables as TransEPI publishes them: tab-separated, no header, 10 columns.

Coordinates are 0-based, half-open. The promoter's interval (columns 7 to 9) is the one to use; its name holds
the transcription start site as an interval of one base.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from epidyn.pairs.bedpe import matches_bedpe
from epidyn.pairs.findings import Findings, quoted
from epidyn.pairs.layout import Layout, one_cell_line, parse_names
from epidyn.pairs.schema import ROLES

COLUMNS = (
    "label",
    "distance",
    *(f"{role}_{part}" for role in ROLES for part in ("chrom", "start", "end", "name")),
)
_INTERVAL = r"[^|:\s]+:(?P<start>[0-9]{1,15})-(?P<end>[0-9]{1,15})"
ENHANCER_NAME = re.compile(_INTERVAL + r"\|(?P<line>[^|]+)\|[^|]+")
PROMOTER_NAME = re.compile(
    _INTERVAL + r"\|(?P<line>[^|]+)\|(?P<gene>[^|]+)\|(?P<transcript>[^|]+)\|(?P<strand>[+-])"
)
ENHANCER_EXAMPLE = "chr12:678895-680420|NHEK|EH37E0249906"
PROMOTER_EXAMPLE = "chr12:861758-861759|NHEK|ENSG00000060237.12|ENST00000535572.1|+"

_NUMERIC = tuple(
    COLUMNS.index(column)
    for column in ("label", "distance", *(f"{role}_{part}" for role in ROLES for part in ("start", "end")))
)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def matches_bengi(first: Sequence[str], second: Sequence[str]) -> bool:
    """Tell a first row of BENGI by its 10 cells, of which label, distance and coordinates are numbers.

    One of the six may be none, so that a first row with one bad cell is reported as such.
    """
    numbers = len(first) == len(COLUMNS) and sum(_is_number(first[i]) for i in _NUMERIC)
    return numbers >= len(_NUMERIC) - 1 and not matches_bedpe(first, second)  # chromosomes may be 1, 2 ...


def _derive(table: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    enhancer, enhancer_good = parse_names(table["enhancer_name"], ENHANCER_NAME, ENHANCER_EXAMPLE, findings)
    promoter, promoter_good = parse_names(table["promoter_name"], PROMOTER_NAME, PROMOTER_EXAMPLE, findings)
    lines = one_cell_line(enhancer["line"], promoter["line"], enhancer_good & promoter_good, findings)
    names = table["promoter_name"]
    findings.add_where(
        promoter_good & (promoter["end"] != promoter["start"] + 1),
        lambda i: (
            f"promoter_name is {quoted(names.iloc[i])}; its interval, the start of transcription, must "
            "have one base (end = start + 1)"
        ),
    )
    return table.assign(
        cell_line=lines,
        tss=np.where(promoter_good, promoter["start"], 0),
        promoter_strand=promoter["strand"],
        gene=promoter["gene"],
    )


BENGI = Layout(
    name="BENGI",
    description=f"tab-separated, without header, 10 columns: {', '.join(COLUMNS)}",
    needed=(),
    matches=matches_bengi,
    derive=_derive,
    columns=COLUMNS,
)
