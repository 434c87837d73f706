"""The part of every row of a pair table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from epidyn.elements import ROLES, Role, element_numbers, place_numbers
from epidyn.errors import SplitError
from epidyn.pairs import line_rows, spellings
from epidyn.spans import Spans, window_spans
from epidyn.splits.blocks import hold_out_blocks
from epidyn.splits.chromosomes import (
    KFOLD,
    LOCO,
    WITH_FOLDS,
    Rows,
    fold_rows,
    has_folds,
    on_chromosomes,
    whole_chromosomes,
)

PARTS = ("train", "validation", "test", "unused")
TEST_FRACTION = 0.1
VALIDATION_FRACTION = 0.05
DISJOINT = "element-disjoint"
SPLITS = f"random, chromosome:NAME,NAME, {LOCO}, {KFOLD}:K, {DISJOINT} or column"
VALIDATIONS = "auto, column, elements, pairs, samples, blocks or chromosome:NAME,NAME"

# all: training may have what another cell line tests; strict: no pair with an enhancer or promoter of such.
POOLS = ("all", "strict")

# What auto means under a chromosome split: training chromosomes that the draw names.
_SOME_CHROMOSOMES = "some-chromosomes"

Parts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Split:
    """The part of every row.

    Attributes
    ----------
    parts
        ``train``, ``validation``, ``test`` or ``unused``, object (n,).
    kind
        The split as asked for, for example ``chromosome:chr8,chr9``.
    validation
        How validation was drawn: ``column``, ``elements``, ``pairs``, ``blocks``, ``chromosome:...``, or
        ``samples``, where it is drawn later among the shifted copies and no row belongs to it alone.
    fold
        The fold that is test; ``0`` where there is no cross-validation.
    pool
        Whether pairs of other cell lines may share elements with a line's test part, ``all`` or ``strict``.
    left_out
        How many pairs are unused because of ``strict``.
    """

    parts: Parts
    kind: str
    validation: str
    fold: str = "0"
    pool: str = "all"
    left_out: int = 0

    @property
    def name(self) -> str:
        """The split and, if it has folds, which: for example ``loco, fold chr8``."""
        return split_name(self.kind, self.fold)

    def rows(self, part: str) -> Rows:
        """Return the row numbers of ``part``, ascending, int64 (m,)."""
        return np.flatnonzero(self.parts == part)

    def table(self) -> pd.DataFrame:
        """Return columns row (from 0), part and fold."""
        return pd.DataFrame({"row": np.arange(len(self.parts)), "part": self.parts, "fold": self.fold})


def split_name(kind: str, fold: str | None) -> str:
    """Return a split and, if it has folds, which is test, in words; see :attr:`Split.name`."""
    return f"{kind}, fold {fold}" if has_folds(kind) else kind


def make_split(
    pairs: pd.DataFrame,
    split: str = "random",
    validation: str = "auto",
    *,
    fold: str | None = None,
    seed: int,
    test_fraction: float = TEST_FRACTION,
    validation_fraction: float = VALIDATION_FRACTION,
    spans: Mapping[Role, Spans] | None = None,
    pool: str = "all",
) -> Split:
    """Divide labelled pairs into parts.

    Of a table of several cell lines each line is split by itself: its test part is that of a table of this line
    alone, wherever its rows stand. Validation is then drawn over all lines, so that what it does not share with
    training it shares with no line's.

    Parameters
    ----------
    pairs
        A pair table with labels.
    split
        ``random``: floor(``test_fraction`` * n) of each label is test, the published rule. ``chromosome:...``: the
        named chromosomes are test. ``loco``, ``chromosome-kfold:K``: a fold of :func:`epidyn.splits.folds`.
        ``element-disjoint``: blocks of neighbouring elements are drawn until they hold ``test_fraction`` of the
        pairs; no two parts share an element or a base of a window, and a pair that would lie in two is unused.
        ``column``: the table's own ``split`` column.
    validation
        ``auto`` follows the split: the column's own validation rows if it has any, held-out training chromosomes
        under a split by chromosomes, ``blocks`` under ``element-disjoint``, else ``elements``. ``elements``: no
        enhancer and no promoter is shared with training. ``pairs``: single pairs, stratified. ``samples``: among
        shifted copies, the published way, which puts copies of one pair on both sides. ``blocks``: as
        ``element-disjoint`` draws its test part, and only with it, which in turn takes neither ``elements`` nor
        ``pairs``. ``chromosome:...``: these training chromosomes. ``column``: the rows that the ``split`` column
        marks.
    fold
        Which fold is test, for the splits that have folds. Its test part may have one label only.
    seed
        Of all draws.
    test_fraction, validation_fraction
        Share of each label; validation's is of what is not test.
    spans
        What windows take of the genome, for ``element-disjoint``; by default the published windows with 20 copies.
    pool
        ``strict``: a pair that would be training or validation is unused if its enhancer or promoter, by its
        coordinates and in either role, is in the test part of another cell line.

    Raises
    ------
    SplitError
        If the split is unknown, cannot be made of this table, or leaves a part with one label.
    """
    if "label" not in pairs:
        raise SplitError("the pair table has no label column; training needs labels 0 and 1.")
    if pool not in POOLS:
        raise SplitError(f"--pool {pool!r} is unknown; allowed are {', '.join(POOLS)}.")
    if split == DISJOINT and validation in ("pairs", "elements"):
        shared = "elements and windows" if validation == "pairs" else "windows, where elements overlap"
        raise SplitError(
            f"--validation {validation} would let training and validation share {shared}, which --split "
            f"{DISJOINT} is to prevent. Leave --validation out (blocks), or give chromosome:NAME,NAME."
        )
    spans = window_spans(pairs) if spans is None else spans
    # Line by line: the order of the files that a table was pooled from decides nothing.
    order = np.concatenate(list(line_rows(pairs).values()))
    pairs, spans = pairs.iloc[order], {role: each.where(order) for role, each in spans.items()}
    # A generator for each line, seeded alike; the first line's goes on to draw validation.
    rngs = [np.random.default_rng(seed) for _ in line_rows(pairs)]
    parts = _test_parts(pairs, split, fold, test_fraction, rngs, spans)
    left_out = _leave_out_shared(pairs, parts) if pool == "strict" else 0
    made = Split(parts, split, validation, fold or "0", pool, left_out)
    _require_both_labels(pairs, made, "train")
    if split == "random":
        for line, rows in line_rows(pairs).items():
            _require_both_labels(pairs.iloc[rows], replace(made, parts=parts[rows]), "test", line)
    elif fold is None and (parts == "test").any():
        _require_both_labels(pairs, made, "test")
    kind = _validation_kind(parts, split, validation)
    _draw_validation(pairs, parts, kind, validation_fraction, rngs[0], spans)
    if kind == _SOME_CHROMOSOMES:
        kind = "chromosome:" + ",".join(spellings(pairs[parts == "validation"]).values())
    made = replace(made, validation=kind)
    _require_both_labels(pairs, made, "train")
    if kind != "samples":
        _require_both_labels(pairs, made, "validation")
    in_rows = np.empty_like(parts)
    in_rows[order] = parts
    return replace(made, parts=in_rows)


def draw_samples(labels: npt.NDArray[np.floating], fraction: float, *, seed: int) -> npt.NDArray[np.bool_]:
    """Return which samples (shifted copies and negatives) are validation under ``samples``; bool (n,).

    Stratified: floor(``fraction`` * n) of each label.
    """
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[_stratified(labels, fraction, np.random.default_rng(seed))] = True
    return chosen


def _test_parts(
    pairs: pd.DataFrame,
    split: str,
    fold: str | None,
    fraction: float,
    rngs: Sequence[np.random.Generator],
    spans: Mapping[Role, Spans],
) -> Parts:
    """Return the parts before validation is drawn; what is drawn is drawn for each cell line by its generator."""
    parts = np.full(len(pairs), "train", dtype=object)
    kind, _, names = split.partition(":")
    if has_folds(split):
        parts[fold_rows(pairs, split, fold)] = "test"
        return parts
    lines = zip(line_rows(pairs).items(), rngs, strict=True)
    if split == "random":
        for (_, rows), rng in lines:
            parts[rows[_stratified(pairs["label"].to_numpy()[rows], fraction, rng)]] = "test"
    elif kind == "chromosome":
        parts[on_chromosomes(pairs, names, "--split")] = "test"
    elif split == DISJOINT:
        for (line, rows), rng in lines:
            of_line = {role: each.where(rows) for role, each in spans.items()}
            try:
                held_out, cut = hold_out_blocks(pairs.iloc[rows], of_line, fraction, rng)
            except SplitError as error:
                raise SplitError(f"{_named(line)}{error.headline}") from error
            parts[rows[held_out]], parts[rows[cut]] = "test", "unused"
    elif split == "column":
        parts[:] = _column_parts(pairs)
    else:
        raise SplitError(f"--split {split!r} is unknown; allowed are {SPLITS}.")
    if fold is not None:
        raise SplitError(
            f"--fold {fold} has no meaning under --split {split}; splits with folds are {WITH_FOLDS}."
        )
    return parts


def _leave_out_shared(pairs: pd.DataFrame, parts: Parts) -> int:
    """Mark as unused whatever of a line shares an element with another line's test part; return how many pairs."""
    place = place_numbers(pairs)
    shared = np.zeros(len(pairs), dtype=bool)
    for rows in line_rows(pairs).values():
        tested_by_others = parts == "test"
        tested_by_others[rows] = False
        shared[rows] = np.isin(place[rows], place[tested_by_others]).any(axis=1)
    left_out = shared & np.isin(parts.astype(str), ("train", "validation"))
    parts[left_out] = "unused"
    return int(left_out.sum())


def _validation_kind(parts: Parts, split: str, asked: str) -> str:
    """Return how validation is drawn: as asked, or what ``auto`` means for this split."""
    marked = (parts == "validation").any()
    if asked.partition(":")[0] not in ("auto", "column", "elements", "pairs", "samples", "blocks", "chromosome"):
        raise SplitError(f"--validation {asked!r} is unknown; allowed are {VALIDATIONS}.")
    if asked == "column" and not marked:
        raise SplitError(
            "--validation column: no row of a column 'split' says validation. Mark some, or leave it out."
        )
    if marked and asked not in ("auto", "column"):
        raise SplitError(
            f"the column 'split' has validation rows, and --validation {asked} asks for others. "
            "Leave --validation out, or mark those rows train."
        )
    if asked == "blocks" and split != DISJOINT:
        raise SplitError(f"--validation blocks goes with --split {DISJOINT} only, not with {split}.")
    if asked != "auto":
        return asked
    if marked:
        return "column"
    if split == DISJOINT:
        return "blocks"
    by_chromosome = split.partition(":")[0] in ("chromosome", LOCO, KFOLD)
    return _SOME_CHROMOSOMES if by_chromosome else "elements"


def _draw_validation(
    pairs: pd.DataFrame,
    parts: Parts,
    validation: str,
    fraction: float,
    rng: np.random.Generator,
    spans: Mapping[Role, Spans],
) -> None:
    """Mark rows of ``parts`` that are train as validation."""
    train = np.flatnonzero(parts == "train")
    kind, _, names = validation.partition(":")
    if validation in ("column", "samples"):
        return
    if kind == "chromosome":
        named = on_chromosomes(pairs, names, "--validation")
        if (parts[named] == "test").any():
            raise SplitError(f"--validation {validation} names chromosomes that are test. Choose others.")
        parts[named[parts[named] == "train"]] = "validation"
        return
    within = pairs.iloc[train]
    if validation == "blocks":
        chosen, cut = hold_out_blocks(
            within, {role: each.where(train) for role, each in spans.items()}, fraction, rng
        )
        parts[train[cut]] = "unused"
    elif validation == "pairs":
        chosen = _stratified(within["label"].to_numpy(), fraction, rng)
    elif validation == "elements":
        chosen = _whole_groups(within["label"].to_numpy(), _linked(within), fraction, rng)
    else:
        chosen = whole_chromosomes(within, fraction, rng)
    parts[train[chosen]] = "validation"


def _stratified(labels: npt.NDArray[np.generic], fraction: float, rng: np.random.Generator) -> Rows:
    """Draw floor(fraction * n) of each label, positives first."""
    drawn = []
    for label in (1, 0):
        rows = np.flatnonzero(labels == label)
        drawn.append(rng.permutation(rows)[: int(fraction * len(rows))])
    return np.sort(np.concatenate(drawn))


def _column_parts(pairs: pd.DataFrame) -> Parts:
    if "split" not in pairs:
        raise SplitError(f"--split column needs a column 'split' with {', '.join(PARTS)}; the table has none.")
    parts = pairs["split"].to_numpy(dtype=object)
    unknown = [
        f"{_named(line)}row {row}: {parts[rows][row]!r}"
        for line, rows in line_rows(pairs).items()
        for row in np.flatnonzero(~np.isin(parts[rows].astype(str), PARTS))
    ]
    if unknown:
        raise SplitError(
            f"the column 'split' may hold {', '.join(PARTS)}; {len(unknown)} rows differ (the rows of "
            "a cell line count from 0):",
            unknown,
        )
    return parts


def _linked(pairs: pd.DataFrame) -> npt.NDArray[np.int32]:
    """Return a group number a row: rows that share an enhancer or a promoter, directly or through others."""
    enhancer, promoter = (element_numbers(pairs, role) for role in ROLES)
    promoter = promoter + enhancer.max() + 1
    size = int(promoter.max()) + 1
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (enhancer, promoter)), shape=(size, size))
    groups: npt.NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return groups[enhancer]


def _whole_groups(
    labels: npt.NDArray[np.generic], groups: npt.NDArray[np.int32], fraction: float, rng: np.random.Generator
) -> Rows:
    """Draw whole groups in random order, each that still fits, up to ``fraction`` of each label."""
    positives = np.bincount(groups, weights=labels == 1)
    negatives = np.bincount(groups, weights=labels == 0)
    room = np.array([fraction * positives.sum(), fraction * negatives.sum()])
    chosen = np.zeros(len(positives), dtype=bool)
    for group in rng.permutation(len(positives)):
        size = np.array([positives[group], negatives[group]])
        if (size <= room).all():
            chosen[group] = True
            room -= size
    drawn = np.flatnonzero(chosen[groups])
    if len(np.unique(labels[drawn])) < 2:
        raise SplitError(
            f"{fraction:.0%} of these pairs cannot be held out for validation without sharing an enhancer or a "
            f"promoter with training: the table falls into {len(positives)} groups of linked pairs. Give "
            "--validation chromosome:NAME or --validation pairs, or a larger validation_fraction."
        )
    return drawn


def _named(line: str) -> str:
    return f"cell line {line}: " if line else ""


def _require_both_labels(pairs: pd.DataFrame, split: Split, part: str, line: str = "") -> None:
    labels = pairs["label"].to_numpy()[split.rows(part)]
    found = sorted(int(label) for label in np.unique(labels))
    if found != [0, 1]:
        has = f"{len(labels)} pairs, all with label {found[0]}" if found else "no pair"
        raise SplitError(
            f"{_named(line)}the {part} part of --split {split.kind} (validation {split.validation}) has {has}; "
            "both 0 and 1 are needed. Choose another split, or give more pairs."
        )
