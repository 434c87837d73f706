"""What variants do to the scores of pairs: both alleles on the windows as they would be."""

from __future__ import annotations

import csv
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pandas as pd

from epidyn import __version__, progress
from epidyn.errors import ChromosomeError, ConfigError, InputFileError
from epidyn.fetch import located
from epidyn.files import atomic_path, prepare_output_folder, refuse_filled_folder, sha256, write_json
from epidyn.genome import Genome, decode, encode
from epidyn.interpret.allele_scores import ALLELE, CHANGES, SCORES, PairScorer
from epidyn.interpret.allele_windows import Placed, bases
from epidyn.interpret.explain import ExplainSettings, choose, labelled
from epidyn.interpret.vcf import Allele, iter_alleles
from epidyn.model import Model
from epidyn.pairs import read_pairs
from epidyn.scoring import DEFAULT_BATCH_SIZE, check_batch_size

log = logging.getLogger("epidyn")

VARIANTS, SKIPPED, SETTINGS = "variants.tsv", "skipped.tsv", "variants.json"
FILES = (VARIANTS, SKIPPED, SETTINGS)
DEFAULT_MAX_INDEL = 50
CHECKED_FIRST = 1000  # reference alleles, of which most must be the genome's
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

    Parameters
    ----------
    model_path, pairs, genome
        As :func:`epidyn.predict.predict_table`.
    variants
        VCF or BCF, gzipped or not.
    out
        The folder; made if missing.
    settings
        ``top``, ``min_probability`` and ``label`` choose the pairs; by default, all of them: a variant may make an
        interaction as well as break one. The others are not looked at.
    max_indel
        Longest insertion or deletion that is scored, bases.
    batch_size
        Windows scored at once.
    force
        Replace what is in ``out``.

    Raises
    ------
    InputFileError
        If ``variants`` cannot be read as VCF.
    OutputError
        If ``out`` is not empty, without ``force``.
    EpidynError
        As :func:`score_variants`.
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

    An allele is put into the window as it would be in the chromosome, by itself: see
    :func:`epidyn.interpret.allele_windows.with_allele`. Writes to the folder ``out`` ``variants.tsv`` (one row an
    allele and pair, in the order of the file), ``skipped.tsv`` (alleles that were not scored, and why) and
    ``variants.json`` (settings and counts); all or none.

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
    scorer = PairScorer(Model.load(model_path), pairs, genome, batch_size)
    sorter = _Sorter(genome, Path(variants), scorer, max_indel)
    folder = prepare_output_folder(out, force=force, own=FILES)
    rows = scored = 0
    with ExitStack() as stack:
        stack.callback(_remove_if_empty, folder)  # after a failure nothing is left
        table, skipped = (_open(stack, folder / name) for name in (VARIANTS, SKIPPED))
        table.writerow([*ALLELE, "pair", "role", *scorer.names, *SCORES, *CHANGES])
        skipped.writerow([*ALLELE, "reason"])
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


@dataclass
class _Sorter:
    """Reads alleles and tells those that can be scored from those that cannot."""

    genome: Genome
    path: Path
    scorer: PairScorer
    max_indel: int
    alleles: int = 0
    outside: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    checked: int = 0
    names: dict[str, str | None] = field(default_factory=dict)

    def sort(self, listed: Any, advance: progress.Advance) -> Iterator[Placed]:
        """Yield what can be scored; write what is skipped to the table ``listed``."""
        for allele in iter_alleles(self.path):
            self.alleles += 1
            advance(1, f"{self.alleles:,}")
            placed, reason = self._place(allele)
            if reason is not None:
                if reason != f"no contig {allele.chrom}" or not self.skipped[reason]:  # once a contig
                    listed.writerow([*(getattr(allele, name) for name in ALLELE), reason])
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

    def _place(self, allele: Allele) -> tuple[Placed | None, str | None]:
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
        return Placed(allele, chrom, start, len(gone), encode(come), touched, rows), None

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
        there = decode(bases(self.genome, chrom, first, first + len(allele.ref)))
        return None if there == allele.ref else f"{_MISMATCH}: {there}"

    def _refuse_another_build(self) -> None:
        wrong = self.skipped[_MISMATCH]
        if 2 * wrong > self.checked:
            raise InputFileError(
                f"variants {self.path}: of {self.checked:,} reference alleles that lie in windows, {wrong:,} are "
                f"not those of {self.genome.name}. Give the genome (the build) that they were called on."
            )


def _batched(placed: Iterable[Placed], rows: int) -> Iterator[list[Placed]]:
    """Yield alleles in runs that have about ``rows`` rows together."""
    batch: list[Placed] = []
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
