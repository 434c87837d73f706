"""Whole chromosomes held out: those that are named, those of a fold, or some that are drawn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn.errors import SplitError
from epidyn.pairs import bare, chromosomes, line_rows, spellings

Rows = npt.NDArray[np.int64]

LOCO = "loco"
KFOLD = "chromosome-kfold"
WITH_FOLDS = f"{LOCO} and {KFOLD}:K"


def folds(pairs: pd.DataFrame, split: str) -> dict[str, Rows]:
    """Return the folds of a split that has them: by name, the rows that are test in it.

    Parameters
    ----------
    pairs
        A pair table; a pair lies on the chromosome of its promoter.
    split
        ``loco``: a fold a chromosome, named as the table first spells it (``1`` and ``chr1`` are one).
        ``chromosome-kfold:K``: K folds of whole chromosomes, named 0 to K - 1, balanced by pairs: the largest
        chromosome first, each to the fold with the fewest pairs. With several cell lines this is done line by
        line, so that a line's part of a fold is that of the line alone.

    Returns
    -------
    dict of str to int64 arrays
        Row numbers, ascending; every row is in exactly one fold. ``loco`` in natural order (chr2 before chr10).

    Raises
    ------
    SplitError
        If the split has no folds, K is no number from 2 on, or there (in a line) are fewer chromosomes than folds.
    """
    kind, _, number = split.partition(":")
    chrom, spelt = chromosomes(pairs), spellings(pairs)
    if split == LOCO:
        if len(spelt) < 2:
            raise SplitError(
                f"--split {LOCO} needs two chromosomes or more; the table has {_listed(spelt.values())}."
            )
        return {spelt[name]: np.flatnonzero(chrom == name) for name in sorted(spelt, key=_natural)}
    if kind == KFOLD:
        fold = np.empty(len(pairs), dtype=np.int64)
        for line, rows in line_rows(pairs).items():
            whose = f"the cell line {line}" if line else "the table"
            fold[rows] = _balanced(chrom[rows], split, number, whose, spelt)
        return {str(each): np.flatnonzero(fold == each) for each in range(int(number))}
    raise SplitError(f"--split {split} has no folds; splits with folds are {WITH_FOLDS}.")


def has_folds(split: str) -> bool:
    """Tell whether a split is one of those that :func:`folds` divides."""
    return split == LOCO or split.partition(":")[0] == KFOLD


def fold_rows(pairs: pd.DataFrame, split: str, fold: str | None) -> Rows:
    """Return the test rows of one fold.

    Raises
    ------
    SplitError
        As :func:`folds`, or if ``fold`` is None or none of them.
    """
    there = folds(pairs, split)
    if fold is None:
        raise SplitError(
            f"--split {split} has {len(there)} folds; choose one with --fold: {_listed(there)}. "
            "`epidyn crossval` runs them all."
        )
    return there[fold_named(fold, there, f"--split {split} has")]


def fold_named(fold: str, there: Iterable[str], has: str) -> str:
    """Return the one of the folds ``there`` that ``fold`` names, with or without ``chr``.

    Raises
    ------
    SplitError
        If it is none of them; ``has`` is what the message says before it lists them.
    """
    names = {bare(name): name for name in there}
    if bare(fold) not in names:
        raise SplitError(f"--fold {fold!r} is unknown; {has} {_listed(names.values())}.")
    return names[bare(fold)]


def on_chromosomes(pairs: pd.DataFrame, names: str, option: str) -> Rows:
    """Return the rows on the chromosomes that ``names``, separated by commas, holds, with or without ``chr``.

    Raises
    ------
    SplitError
        If it names none, or one that the table lacks; ``option`` is what the message blames.
    """
    wanted = [name for name in names.split(",") if name]
    there = spellings(pairs)
    has = _listed(there.values())
    if not wanted:
        raise SplitError(f"{option} chromosome: names no chromosome; the table has {has}.")
    unknown = [name for name in wanted if bare(name) not in there]
    if unknown:
        raise SplitError(f"{option} names chromosomes that the table lacks: {_listed(unknown)}. It has {has}.")
    return np.flatnonzero(np.isin(chromosomes(pairs).astype(str), list(map(bare, wanted))))


def whole_chromosomes(pairs: pd.DataFrame, fraction: float, rng: np.random.Generator) -> Rows:
    """Draw chromosomes in random order until they hold ``fraction`` of the pairs and both labels.

    Raises
    ------
    SplitError
        If there is one chromosome only.
    """
    chrom, spelt = chromosomes(pairs), list(spellings(pairs).values())
    if len(spelt) == 1:
        raise SplitError(
            f"beside the test part the table has {spelt[0]} alone, which cannot be both training and "
            "validation. Give --validation elements or pairs, or pairs of more chromosomes."
        )
    drawn = np.zeros(len(pairs), dtype=bool)
    for name in rng.permutation(np.unique(chrom.astype(str))):
        drawn |= chrom == name
        if drawn.mean() >= fraction and pairs["label"][drawn].nunique() == 2:
            break
    return np.flatnonzero(drawn)


def _balanced(
    chrom: npt.NDArray[np.object_], split: str, number: str, whose: str, spelt: Mapping[str, str]
) -> Rows:
    """Return the fold of every row, int64 (n,)."""
    if not re.fullmatch(r"[1-9][0-9]*", number) or number == "1":
        raise SplitError(f"--split {split}: a number of folds from 2 on is needed, as in {KFOLD}:5.")
    row, distinct = pd.factorize(chrom)
    names = list(map(str, distinct))
    if len(names) < int(number):
        raise SplitError(
            f"--split {split} asks for {number} folds; {whose} has {len(names)} chromosomes "
            f"({_listed(spelt[name] for name in sorted(names, key=_natural))}). Give at most {len(names)}."
        )
    pairs = np.bincount(row, minlength=len(names))
    held = np.zeros(int(number), dtype=np.int64)
    fold = np.empty(len(names), dtype=np.int64)
    for chromosome in sorted(range(len(names)), key=lambda each: (-pairs[each], _natural(names[each]))):
        fold[chromosome] = held.argmin()
        held[fold[chromosome]] += pairs[chromosome]
    of_rows: Rows = fold[row]
    return of_rows


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Return a key that sorts chr2 before chr10, and both before chrX."""
    return [
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name)
    ]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
