"""Exceptions. Every error that a user can cause is an :class:`EpidynError` under a builtin class.

A message says file, row, value, what is allowed, and the cure; a command prints it and exits with 2.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_ROWS_SHOWN = 20


class EpidynError(Exception):
    """Something the caller can mend.

    Parameters
    ----------
    headline
        One line: what is wrong, what is allowed, and the cure.
    rows
        The rows, names or values at fault, one line each; the first 20 are shown, the rest counted.
    """

    def __init__(self, headline: str, rows: Sequence[str] = ()) -> None:
        super().__init__(headline)
        self.headline = headline
        self.rows = tuple(rows)

    def __str__(self) -> str:
        shown = [f"  {row}" for row in self.rows[:MAX_ROWS_SHOWN]]
        if len(self.rows) > MAX_ROWS_SHOWN:
            shown.append(f"  ... and {len(self.rows) - MAX_ROWS_SHOWN} more")
        return "\n".join([self.headline, *shown])


class InputFileError(EpidynError, OSError):
    """An input file that is missing, empty, truncated or not of the kind it should be."""


class OutputError(EpidynError, OSError):
    """An output that exists already, or cannot be written."""


class PairTableError(EpidynError, ValueError):
    """A pair table with a missing column or bad rows."""


class RegionFileError(EpidynError, ValueError):
    """A BED or GTF file with bad lines, or without an element."""


class ChromosomeError(EpidynError, LookupError):
    """A chromosome that the genome does not hold."""


class IntervalError(EpidynError, ValueError):
    """An interval that lies wholly outside its chromosome, or whose start is not below its end."""


class GenomeError(EpidynError, ValueError):
    """A genome whose content cannot be used: duplicate names, a bad size table."""


class KmerVectorError(EpidynError, ValueError):
    """k-mer vectors of another shape, or with k-mers missing."""


class MatrixError(EpidynError, ValueError):
    """A file of motifs that holds none, or matrices that cannot be used."""


class ConfigError(EpidynError, ValueError):
    """An unknown setting, or one out of its range."""


class DivergenceError(ConfigError):
    """Training whose loss or scores are no finite numbers."""


class SplitError(EpidynError, ValueError):
    """A split that cannot be made of this table, or leaves a part with one label."""


class CrossvalError(EpidynError, ValueError):
    """Folds of a cross-validation that failed, are missing, or do not belong together."""


class WorkerError(EpidynError, ChildProcessError):
    """A process of a run over several devices that died."""


class TuningError(EpidynError, ValueError):
    """A study of another search, one that cannot be read, or one whose trials all failed."""


class DownloadError(EpidynError, ValueError):
    """Data of an unknown name, out of reach, or other than it should be."""


class MetricError(EpidynError, ValueError):
    """A score that is undefined for these labels, or scores that are none."""


class ModelFileError(EpidynError, ValueError):
    """A model file, or published weights, that cannot be used."""


class ShapeError(EpidynError, ValueError):
    """An array or tensor of another type or shape than the function takes."""
