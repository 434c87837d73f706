"""What variants do to the scores of pairs: both alleles on the windows as they would be."""

from __future__ import annotations

import csv
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from epidyn import __version__, progress, windows
from epidyn.elements import ROLES, Codes, Ints, Role, locate
from epidyn.errors import ChromosomeError, ConfigError, InputFileError
from epidyn.fetch import located
from epidyn.files import atomic_path, prepare_output_folder, refuse_filled_folder, sha256, write_json
from epidyn.genome import Genome, decode, encode
from epidyn.interpret.explain import ExplainSettings, choose, labelled
from epidyn.interpret.vcf import Allele, iter_alleles
from epidyn.model import Model
from epidyn.pairs import read_pairs
from epidyn.scoring import DEFAULT_BATCH_SIZE, check_batch_size
from epidyn.stems import DEFAULT_STEM_MEMORY

log = logging.getLogger("epidyn")

VARIANTS, SKIPPED, SETTINGS = "variants.tsv", "skipped.tsv", "variants.json"
FILES = (VARIANTS, SKIPPED, SETTINGS)
DEFAULT_MAX_INDEL = 50
CHECKED_FIRST = 1000  # reference alleles, of which most must be the genome's
_NAMES = ("enhancer_name", "promoter_name", "gene")
_ALLELE = ("chrom", "position", "id", "ref", "alt")
_SCORES = tuple(f"{of}_{score}" for score in ("logit", "probability") for of in ("reference", "alternate"))
_CHANGES = ("logit_change", "probability_change")
_BATCHES_AT_ONCE = 8  # of rows; their alleles' stems are in memory together
_MISMATCH = "REF is not the genome's"


@dataclass(frozen=True)
class VariantCounts:
    """What became of a file of variants.

    Attributes
    ----------
    alleles
        Alternate alleles of the file.
    scored
        Those in the window of a pair, with a score.
    outside
        Those in no window.
    rows
        Rows written: a scored allele and a pair each.
    skipped
        How many alleles were skipped for each reason.
    """

    alleles: int
    scored: int
    outside: int
    rows: int
    skipped: Mapping[str, int]


def explain_variants(
    model_path: str | os.PathLike[str],
    pairs: str | os.PathLike[str],
    genome: Genome,
    variants: str | os.PathLike[str],
    out: str | os.PathLike[str],
    settings: ExplainSettings | None = None,
    *,
    max_indel: int = DEFAULT_MAX_INDEL,
    batch_size: int = DEFAULT_BATCH_SIZE,
    force: bool = False,
) -> VariantCounts:
    """Score variants in the windows of a table's pairs, as :func:`score_variants` does.

    Of ``settings``, ``top``, ``min_probability`` and ``label`` choose the pairs; by default, all of them: a
    variant may make an interaction as well as break one.
    """
    refuse_filled_folder(out, force=force)
    settings = settings or ExplainSettings(min_probability=0.0)
    if settings.top is None and not settings.min_probability:
        chosen = labelled(read_pairs(pairs), settings.label, pairs)
    else:
        model = Model.load(model_path)
        chosen = choose(model, pairs, genome, settings, batch_size=batch_size).set_index("pair")
    origin = {
        "table": {"name": Path(pairs).name, "sha256": sha256(located(pairs))},
        **{name: getattr(settings, name) for name in ("top", "min_probability", "label")},
    }
    return score_variants(
        model_path,
        chosen,
        genome,
        variants,
        out,
        max_indel=max_indel,
        batch_size=batch_size,
        force=force,
        origin=origin,
    )


def score_variants(
    model_path: str | os.PathLike[str],
    pairs: pd.DataFrame,
    genome: Genome,
    variants: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    max_indel: int = DEFAULT_MAX_INDEL,
    batch_size: int = DEFAULT_BATCH_SIZE,
    force: bool = False,
    origin: Mapping[str, Any] | None = None,
) -> VariantCounts:
    """Score every pair that a variant's allele lies in the window of, with the reference and with that allele.

    An allele is put into the window as it would be in the chromosome, by itself: see :func:`with_allele`. Writes
    to the folder ``out`` ``variants.tsv`` (one row an allele and pair, in the order of the file), ``skipped.tsv``
    (alleles that were not scored, and why) and ``variants.json`` (settings and counts); all or none.

    Parameters
    ----------
    model_path
        Model file.
    pairs
        Pair table; its index is what ``pair`` says.
    genome
        That the variants were called on.
    variants
        VCF or BCF file, in any order.
    out
        Folder to make.
    max_indel
        Longest insertion or deletion that is scored, in bases.
    batch_size
        Pairs scored, and windows read, at once.
    force
        Replace what an earlier call wrote to ``out``.
    origin
        What else ``variants.json`` is to say, such as where the pairs are from.

    Raises
    ------
    InputFileError
        If the file cannot be read, none of its contigs is in the genome, or most of its REF differ from it.
    ConfigError
        If ``max_indel`` is negative.
    OutputError
        If ``out`` is not empty, without ``force``, or cannot be written to.
    """
    check_batch_size(batch_size)
    if max_indel < 0:
        raise ConfigError(f"--max-indel is {max_indel}; it must be 0 or more.")
    scorer = _PairScorer(Model.load(model_path), pairs, genome, batch_size)
    sorter = _Sorter(genome, Path(variants), scorer, max_indel)
    folder = prepare_output_folder(out, force=force, own=FILES)
    rows = scored = 0
    with ExitStack() as stack:
        stack.callback(_remove_if_empty, folder)  # after a failure nothing is left
        table, skipped = (_open(stack, folder / name) for name in (VARIANTS, SKIPPED))
        table.writerow([*_ALLELE, "pair", "role", *scorer.names, *_SCORES, *_CHANGES])
        skipped.writerow([*_ALLELE, "reason"])
        advance = stack.enter_context(progress.bar("Scoring variants", None))
        for batch in _batched(sorter.sort(skipped, advance), batch_size * _BATCHES_AT_ONCE):
            scored += len(batch)
            for line in scorer.rows(batch):
                table.writerow(line)
                rows += 1
    counts = VariantCounts(sorter.alleles, scored, sorter.outside, rows, dict(sorter.skipped))
    write_json(
        folder / SETTINGS,
        {
            "version": __version__,
            "model": {"name": Path(model_path).name, "sha256": sha256(model_path)},
            "variants": {"name": Path(variants).name, "sha256": sha256(variants)},
            "genome": {"name": genome.name, "digest": genome.digest()},
            "pairs": len(pairs),
            **(origin or {}),
            "max_indel": max_indel,
            "alleles": counts.alleles,
            "scored": counts.scored,
            "outside": counts.outside,
            "rows": counts.rows,
            "skipped": counts.skipped,
        },
    )
    return counts


def touches(start: int, length: int, window: int, size: int) -> bool:
    """Tell whether a change of ``length`` bases at ``start`` is inside a window that begins at ``window``.

    A change of bases is if any of them lies in the window; an insertion (``length`` 0) is between two bases of it.
    """
    if length:
        return start < window + size and start + length > window
    return window < start < window + size


def with_allele(genome: Genome, chrom: str, window: int, size: int, start: int, gone: int, come: Codes) -> Codes:
    """Return a window with an allele in it, uint8 (size,).

    Where the change begins in the window, the bases in front of it stay where they are, and the window's right end
    takes as many bases of the reference more, or fewer, as it needs. Where it begins in front of the window, the
    bases behind it stay, and the left end does so.

    Parameters
    ----------
    genome, chrom
        The reference, and the chromosome as it spells it.
    window, size
        Where the window begins (0-based, may be negative), and its length in bases.
    start, gone, come
        Where the change begins (0-based), how many reference bases go, and the base codes that come.
    """
    if start >= window:
        front = _fetch(genome, chrom, window, start)
        behind = _fetch(genome, chrom, start + gone, start + gone + size)
        changed = np.concatenate([front, come, behind])[:size]
    else:
        front = _fetch(genome, chrom, start - size, start)
        behind = _fetch(genome, chrom, start + gone, window + size)
        changed = np.concatenate([front, come, behind])[-size:]
    return np.asarray(changed, dtype=np.uint8)


def _fetch(genome: Genome, chrom: str, start: int, end: int) -> Codes:
    """Fetch, and N where all of it lies outside the chromosome."""
    if start >= end:
        return np.zeros(0, dtype=np.uint8)
    if end <= 0 or start >= genome.sizes[chrom]:
        return encode("N" * (end - start))
    return genome.fetch(chrom, start, end)


@dataclass(frozen=True, eq=False)
class _Placed:
    """An allele, its change on the chromosome as the genome spells it, and the windows of each role it is in."""

    allele: Allele
    chrom: str
    start: int
    gone: int
    come: Codes
    touched: Mapping[Role, Ints]
    rows: Ints  # of the pair table, ascending


class _PairWindows:
    """The distinct windows of a pair table, found by place; pairs found by window."""

    def __init__(self, model: Model, pairs: pd.DataFrame, genome: Genome) -> None:
        located = locate(pairs, genome)
        self.lengths = model.scorer.lengths
        self.number: dict[Role, Ints] = {}
        self.chrom: dict[Role, npt.NDArray[np.object_]] = {}
        self.start: dict[Role, Ints] = {}
        self._places: dict[tuple[Role, str], tuple[Ints, Ints]] = {}
        self._order: dict[Role, Ints] = {}
        self._first: dict[Role, Ints] = {}
        for role in ROLES:
            low, high = (pairs[f"{role}_{part}"].to_numpy() for part in ("start", "end"))
            start = windows.central(low, high, self.lengths[role], located[role].size)
            grouped = pd.DataFrame({"chrom": located[role].chrom, "start": start}).groupby(["chrom", "start"])
            number = np.asarray(grouped.ngroup(), dtype=np.int64)  # by chromosome and start
            first = np.unique(number, return_index=True)[1]
            self.number[role], self.chrom[role], self.start[role] = (
                number,
                located[role].chrom[first],
                start[first],
            )
            for chrom in np.unique(self.chrom[role].astype(str)).tolist():
                which = np.flatnonzero(self.chrom[role] == chrom)
                self._places[role, chrom] = self.start[role][which], which
            self._order[role] = np.argsort(number, kind="stable")
            self._first[role] = np.concatenate([[0], np.cumsum(np.bincount(number))])

    def touched(self, role: Role, chrom: str, start: int, gone: int) -> Ints:
        """Return the numbers of the windows that a change is inside of."""
        starts, which = self._places.get((role, chrom), (np.zeros(0, np.int64), np.zeros(0, np.int64)))
        size = self.lengths[role]
        low = np.searchsorted(starts, start - size, side="right")
        high = np.searchsorted(starts, start + gone if gone else start, side="left")
        return which[low:high]

    def rows(self, role: Role, numbers: Ints) -> Ints:
        """Return the rows of the pairs that have one of these windows."""
        parts = [
            self._order[role][self._first[role][each] : self._first[role][each + 1]] for each in numbers.tolist()
        ]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


@dataclass
class _Sorter:
    """Reads alleles and tells those that can be scored from those that cannot."""

    genome: Genome
    path: Path
    scorer: _PairScorer
    max_indel: int
    alleles: int = 0
    outside: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    checked: int = 0
    names: dict[str, str | None] = field(default_factory=dict)

    def sort(self, listed: Any, advance: progress.Advance) -> Iterator[_Placed]:
        """Yield what can be scored; write what is skipped to the table ``listed``."""
        for allele in iter_alleles(self.path):
            self.alleles += 1
            advance(1, f"{self.alleles:,}")
            placed, reason = self._place(allele)
            if reason is not None:
                if reason != f"no contig {allele.chrom}" or not self.skipped[reason]:  # once a contig
                    listed.writerow([*(getattr(allele, name) for name in _ALLELE), reason])
                self.skipped[reason.partition(":")[0]] += 1
            elif placed is not None:
                yield placed
            if self.checked == CHECKED_FIRST:
                self._refuse_another_build()
        self._refuse_another_build()
        if self.names and not any(self.names.values()):
            raise InputFileError(
                f"variants {self.path}: the genome {self.genome.name} has none of its contigs "
                f"({_some(self.names)}); it has {_some(self.genome.sizes)}. Give the genome they were called on."
            )

    def _place(self, allele: Allele) -> tuple[_Placed | None, str | None]:
        """Return the allele if it is to be scored, or why not; neither if it lies in no window."""
        chrom = self._contig(allele.chrom)
        if chrom is None:
            return None, f"no contig {allele.chrom}"
        if allele.trouble:
            return None, allele.trouble
        start, gone, come = allele.change
        if not gone and not come:
            return None, "REF and ALT are the same"
        touched, rows = self.scorer.touched(chrom, start, len(gone))
        if not len(rows):
            self.outside += 1
            return None, None
        if len(gone) != len(come) and max(len(gone), len(come)) > self.max_indel:
            return None, f"longer than {self.max_indel} bases"
        reason = self._mismatch(chrom, allele)
        if reason:
            return None, reason
        return _Placed(allele, chrom, start, len(gone), encode(come), touched, rows), None

    def _contig(self, name: str) -> str | None:
        if name not in self.names:
            try:
                self.names[name] = self.genome.resolve(name)
            except ChromosomeError:
                self.names[name] = None
        return self.names[name]

    def _mismatch(self, chrom: str, allele: Allele) -> str | None:
        first = allele.position - 1
        self.checked += 1
        there = decode(_fetch(self.genome, chrom, first, first + len(allele.ref)))
        return None if there == allele.ref else f"{_MISMATCH}: {there}"

    def _refuse_another_build(self) -> None:
        wrong = self.skipped[_MISMATCH]
        if 2 * wrong > self.checked:
            raise InputFileError(
                f"variants {self.path}: of {self.checked:,} reference alleles that lie in windows, {wrong:,} are "
                f"not those of {self.genome.name}. Give the genome (the build) that they were called on."
            )


class _PairScorer:
    """Scores pairs with and without an allele; what does not change is computed once while memory lasts."""

    def __init__(self, model: Model, pairs: pd.DataFrame, genome: Genome, batch_size: int) -> None:
        self._model, self._genome, self._batch_size = model, genome, batch_size
        self._windows = _PairWindows(model, pairs, genome)
        self._pairs = pairs.index.to_numpy()
        self.names = [name for name in _NAMES if name in pairs]
        self._named = pairs[self.names].astype(str).to_numpy()
        self._reference = np.full(len(pairs), np.nan, dtype=np.float32)  # logit of each pair, once it is known
        room = max(DEFAULT_STEM_MEMORY // max(model.scorer.stem_bytes.values()), 2 * batch_size)
        self._stem = lru_cache(maxsize=room)(self._encode_reference)

    def touched(self, chrom: str, start: int, gone: int) -> tuple[dict[Role, Ints], Ints]:
        """Return the windows of each role that a change is inside of, and the rows of their pairs."""
        touched = {role: self._windows.touched(role, chrom, start, gone) for role in ROLES}
        rows = [self._windows.rows(role, numbers) for role, numbers in touched.items()]
        return touched, np.unique(np.concatenate(rows))

    def rows(self, batch: list[_Placed]) -> Iterator[list[Any]]:
        """Yield a row of the table for each allele and pair."""
        changed = self._encode_changed(batch)
        which = [(number, row) for number, placed in enumerate(batch) for row in placed.rows.tolist()]
        self._know_references(sorted({row for _, row in which}))
        alternate = np.concatenate(
            [
                self._score(
                    [self._stems(number, row, changed) for number, row in which[at : at + self._batch_size]]
                )
                for at in range(0, len(which), self._batch_size)
            ]
        )
        reference = self._reference[[row for _, row in which]]
        scores = [reference, alternate, *(self._model.probabilities(each) for each in (reference, alternate))]
        for place, (number, row) in enumerate(which):
            placed, numbers = batch[number], [float(each[place]) for each in scores]
            inside = [role for role in ROLES if self._windows.number[role][row] in placed.touched[role]]
            changes = [numbers[1] - numbers[0], numbers[3] - numbers[2]]
            yield [
                *(getattr(placed.allele, name) for name in _ALLELE),
                self._pairs[row],
                "both" if len(inside) == 2 else inside[0],
                *self._named[row],
                *(f"{number:.7g}" for number in (*numbers, *changes)),
            ]

    def _encode_changed(self, batch: list[_Placed]) -> dict[tuple[int, Role, int], Tensor]:
        """Return the stem of each touched window with its allele, by allele, role and window."""
        found: dict[tuple[int, Role, int], Tensor] = {}
        for role in ROLES:
            keys = [
                (number, window) for number, each in enumerate(batch) for window in each.touched[role].tolist()
            ]
            for at in range(0, len(keys), self._batch_size):
                several = keys[at : at + self._batch_size]
                codes = np.stack([self._changed_codes(role, batch[number], window) for number, window in several])
                stems = self._model.scorer.encode(role, codes)
                found |= {
                    (number, role, window): stem for (number, window), stem in zip(several, stems, strict=True)
                }
        return found

    def _changed_codes(self, role: Role, placed: _Placed, window: int) -> Codes:
        start, size = int(self._windows.start[role][window]), self._windows.lengths[role]
        return with_allele(self._genome, placed.chrom, start, size, placed.start, placed.gone, placed.come)

    def _encode_reference(self, role: Role, window: int) -> Tensor:
        start, size = int(self._windows.start[role][window]), self._windows.lengths[role]
        codes = self._genome.fetch(str(self._windows.chrom[role][window]), start, start + size)
        return self._model.scorer.encode(role, codes[None])[0]

    def _stems(
        self, number: int, row: int, changed: Mapping[tuple[int, Role, int], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return both stems of a pair under an allele; under none if ``changed`` is empty."""
        found = []
        for role in ROLES:
            window = int(self._windows.number[role][row])
            stem = changed.get((number, role, window))
            found.append(self._stem(role, window) if stem is None else stem)
        return found[0], found[1]

    def _know_references(self, rows: Iterable[int]) -> None:
        unknown = [row for row in rows if np.isnan(self._reference[row])]
        for at in range(0, len(unknown), self._batch_size):
            several = unknown[at : at + self._batch_size]
            self._reference[several] = self._score([self._stems(0, row, {}) for row in several])

    def _score(self, stems: list[tuple[Tensor, Tensor]]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            enhancer, promoter = (torch.stack(each) for each in zip(*stems, strict=True))
        return self._model.scorer.score(enhancer, promoter)


def _batched(placed: Iterable[_Placed], rows: int) -> Iterator[list[_Placed]]:
    """Yield alleles in runs that have about ``rows`` rows together."""
    batch: list[_Placed] = []
    held = 0
    for each in placed:
        batch.append(each)
        held += len(each.rows)
        if held >= rows:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _open(stack: ExitStack, path: Path) -> Any:
    beside = stack.enter_context(atomic_path(path))
    text: IO[str] = stack.enter_context(beside.open("w", encoding="utf-8", newline=""))
    return csv.writer(text, delimiter="\t", lineterminator="\n")


def _some(names: Iterable[str], shown: int = 5) -> str:
    listed = list(names)
    more = f" and {len(listed) - shown:,} more" if len(listed) > shown else ""
    return ", ".join(listed[:shown]) + more
