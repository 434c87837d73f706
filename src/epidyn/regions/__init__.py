"""Lists of elements, which are not yet pairs: enhancers and promoters of BED files, promoters of gene models.

A table of elements has the columns of :data:`COLUMNS`; 0-based and half-open, whatever the file's convention.
"""

from __future__ import annotations

from epidyn.regions.bed import read_bed
from epidyn.regions.gtf import UNITS, Unit, read_gtf, read_promoters
from epidyn.regions.table import COLUMNS, place, unite

__all__ = ["COLUMNS", "UNITS", "Unit", "place", "read_bed", "read_gtf", "read_promoters", "unite"]
