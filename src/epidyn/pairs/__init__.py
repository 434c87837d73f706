"""Tables of enhancer-promoter pairs: reading, checking, writing.

Adding a format: one module with a :class:`~epidyn.pairs.layout.Layout`, and one entry in ``read.LAYOUTS``.
"""

from __future__ import annotations

from epidyn.pairs.places import chromosomes, intervals, one_spelling, spellings
from epidyn.pairs.pool import line_rows, pool_pairs, refuse_two_labels
from epidyn.pairs.read import iter_pairs, read_pairs
from epidyn.pairs.schema import OPTIONAL, REQUIRED, bare, validate
from epidyn.pairs.summary import PairSummary, summarise
from epidyn.pairs.triplet import TripletGenome, read_triplet
from epidyn.pairs.write import Write, open_table, write_pairs

__all__ = [
    "OPTIONAL",
    "REQUIRED",
    "PairSummary",
    "TripletGenome",
    "Write",
    "bare",
    "chromosomes",
    "intervals",
    "iter_pairs",
    "line_rows",
    "one_spelling",
    "open_table",
    "pool_pairs",
    "read_pairs",
    "read_triplet",
    "refuse_two_labels",
    "spellings",
    "summarise",
    "validate",
    "write_pairs",
]
