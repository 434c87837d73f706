"""Pair tables for tests: strategies that draw them, and files written by hand."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from epidyn.pairs.schema import OPTIONAL, REQUIRED

CHROMS = ("chr1", "chr2", "chrX", "7")
# Cells of columns that we do not interpret; no carriage return, which a text file reads as a line end.
FREE_TEXT = st.text("aZ09é中\U0001f600 \"',|\t\n\\#-+.:\u2028", max_size=9) | st.sampled_from(
    ["NA", "nan", "007", "1.50", "None", " x ", ""]
)
# A busy machine is no failure.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
EXTRA_COLUMNS = ("distance", "logit", "probability", "a note")


def write_text(path: Path, text: str, *, gzipped: bool = False, encoding: str = "utf-8") -> Path:
    """Write ``text`` byte for byte, gzipped if wanted whatever the name."""
    content = text.encode(encoding)
    path.write_bytes(gzip.compress(content) if gzipped else content)
    return path


def write_rows(path: Path, rows: Sequence[Sequence[object]], delimiter: str = ",") -> Path:
    return write_text(path, "".join(delimiter.join(map(str, row)) + "\n" for row in rows))


@st.composite
def elements(draw: st.DrawFn) -> tuple[int, int]:
    start = draw(st.integers(0, 2**40))
    return start, start + draw(st.integers(1, 5000))


@st.composite
def valid_tables(draw: st.DrawFn, max_rows: int = 7) -> pd.DataFrame:
    """Draw a table such as read_pairs returns, with any set of optional and other columns."""
    count = draw(st.integers(1, max_rows))

    def column(cells: st.SearchStrategy[object]) -> list[object]:
        return draw(st.lists(cells, min_size=count, max_size=count))

    chroms = column(st.sampled_from(CHROMS))
    table: dict[str, object] = {}
    for role in ("enhancer", "promoter"):
        intervals = column(elements())
        table[f"{role}_chrom"] = pd.Series(chroms, dtype="str")
        table[f"{role}_start"] = pd.Series([start for start, _ in intervals], dtype="int64")
        table[f"{role}_end"] = pd.Series([end for _, end in intervals], dtype="int64")
    optional = {
        "label": ("int8", st.integers(0, 1)),
        "cell_line": ("str", st.sampled_from(["K562", "HeLa-S3", "my cells"])),
        "enhancer_name": ("str", FREE_TEXT),
        "promoter_name": ("str", FREE_TEXT),
        "tss": ("Int64", st.none() | st.integers(0, 2**40)),
        "promoter_strand": ("str", st.sampled_from(["+", "-", "."])),
        "gene": ("str", FREE_TEXT),
        "split": ("str", st.sampled_from(["train", "validation", "test"])),
    }
    assert tuple(optional) == OPTIONAL
    for name in [name for name in OPTIONAL if draw(st.booleans())]:
        dtype, cells = optional[name]
        table[name] = pd.Series(column(cells), dtype=dtype)
    for name in draw(st.lists(st.sampled_from(EXTRA_COLUMNS), unique=True)):
        table[name] = pd.Series(column(FREE_TEXT), dtype="str")
    assert tuple(table)[: len(REQUIRED)] == REQUIRED
    return pd.DataFrame(table)
