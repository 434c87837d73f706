"""Score all pairs of enhancers and promoters that lie within reach, in bounded memory, a part at a time."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from epidyn import __version__, progress
from epidyn.elements import ROLES, Ints, element_hashes
from epidyn.errors import ConfigError
from epidyn.files import refuse_output, sha256
from epidyn.genome import Genome
from epidyn.locks import alone_in
from epidyn.model import Model
from epidyn.parts import Parts
from epidyn.predict import existing_device, mention_other_genome, scored
from epidyn.regions import Unit, place, read_bed, read_promoters
from epidyn.scan.output import (
    FORMAT_VERSION,
    SUFFIX,
    columns,
    count_rows,
    header_text,
    join,
    refuse_name,
    rows_text,
    settings_path,
    write_piece,
)
from epidyn.scan.plan import PART_PAIRS, PART_PROMOTERS, Plan, Shard, doubled_midpoints, make_plan
from epidyn.scan.score import BlockScorer
from epidyn.scores import PROBABILITY
from epidyn.scoring import DEFAULT_BATCH_SIZE, Logits, check_batch_size
from epidyn.stems import DEFAULT_STEM_MEMORY

log = logging.getLogger("epidyn")

DEFAULT_MAX_DISTANCE = 1_000_000
DEFAULT_FLANK = 1000


@dataclass(frozen=True)
class ScanSettings:
    """Which pairs are scored, and which of them are written.

    Parameters
    ----------
    max_distance
        Between the midpoints of enhancer and promoter, in bases.
    threshold
        Leave out pairs whose probability is below it.
    top_k
        Keep so many pairs of each promoter, those with the highest logits; of equal ones the first.
    prevalence
        As :meth:`epidyn.Model.predict`.
    batch_size
        Windows encoded, and pairs scored, at once.
    """

    max_distance: int = DEFAULT_MAX_DISTANCE
    threshold: float | None = None
    top_k: int | None = None
    prevalence: float | None = None
    batch_size: int = DEFAULT_BATCH_SIZE

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ConfigError(f"--threshold is {self.threshold}; it must be between 0 and 1.")
        if self.top_k is not None and self.top_k < 1:
            raise ConfigError(f"--top-k is {self.top_k}; it must be 1 or more.")
        check_batch_size(self.batch_size)


@dataclass(frozen=True)
class PromoterSource:
    """Where promoters come from: a BED file, or the TSS of a GTF file's genes or transcripts with what is beside.

    Parameters
    ----------
    path
        The file.
    unit
        What of a GTF file has a promoter; None for BED.
    upstream, downstream
        Bases beside the TSS, in the direction of the strand; for BED they mean nothing.
    """

    path: Path
    unit: Unit | None = None
    upstream: int = DEFAULT_FLANK
    downstream: int = DEFAULT_FLANK

    def read(self, genome: Genome) -> pd.DataFrame:
        """Return the promoters as :mod:`epidyn.regions` gives them."""
        if self.unit is None:
            return read_bed(self.path, "promoters")
        flanks = {"upstream": self.upstream, "downstream": self.downstream}
        return read_promoters(self.path, self.unit, **flanks, sizes=genome.sizes)

    def origin(self) -> dict[str, Any]:
        """Return what is written of it."""
        of = {"of": self.unit, "upstream": self.upstream, "downstream": self.downstream} if self.unit else {}
        return {"name": self.path.name, "sha256": sha256(self.path), **of}


def scan(
    model_path: str | os.PathLike[str],
    genome: Genome,
    enhancers: str | os.PathLike[str],
    promoters: PromoterSource,
    out: str | os.PathLike[str],
    settings: ScanSettings | None = None,
    *,
    shard: Shard | None = None,
    device: str = "cpu",
    stem_memory: int = DEFAULT_STEM_MEMORY,
    force: bool = False,
    part_promoters: int = PART_PROMOTERS,
    part_pairs: int = PART_PAIRS,
) -> int:
    """Score all pairs within reach and write them, by promoter, with a tabix index.

    Coordinates are 0-based and half-open, chromosomes are spelled and ordered as the genome has them.
    ``distance`` is the enhancer's midpoint minus the promoter's, in bases, halves cut off; ``logit``,
    ``probability`` and ``raw_probability`` are those of :func:`epidyn.predict.predict_table`. Beside ``out`` lie
    the index and ``OUT.json``. What is done is kept in ``OUT.partial``; the same call after a kill goes on there
    and gives the same files.

    Parameters
    ----------
    model_path, genome, enhancers, promoters
        The model file; the genome of all coordinates; a BED file; and where promoters come from.
    out
        Ends in ``.tsv.gz``.
    settings
        Which pairs.
    shard
        Do this share alone; :func:`epidyn.scan.merge.merge` puts them together.
    device, stem_memory
        As :func:`epidyn.predict.predict_table`.
    force
        Replace ``out``, and drop what another call left unfinished.
    part_promoters, part_pairs
        How the work is cut (:func:`epidyn.scan.plan.make_plan`); a kill loses at most a part.

    Returns
    -------
    int
        The number of rows.

    Raises
    ------
    OutputError
        If ``out`` has a wrong name, no folder, or exists without ``force``; or ``OUT.partial`` is of another call.
    EpidynError
        As reading the model, the elements and the genome raises it; nothing is then left at ``out``.
    """
    settings, shard = settings or ScanSettings(), shard or Shard()
    refuse_name(out)
    inputs = [model_path, enhancers, promoters.path, *([genome.path] if genome.path else [])]
    for path in (out, settings_path(out)):
        # Where its parts still are, the output is what a kill left while it was put together of them.
        refuse_output(path, inputs, force=force or Path(f"{out}.partial", _Parts.settings).is_file())
    model = Model.load(model_path)
    model.logit_shift(settings.prevalence)  # refuse a bad prevalence before any work
    mention_other_genome(model, genome)
    if device != "cpu":
        model.scorer.to(existing_device(device))
    plan = _plan(genome, enhancers, promoters, settings.max_distance, part_promoters, part_pairs)
    origin = {
        "format": FORMAT_VERSION,
        "model": {"name": Path(model_path).name, "sha256": sha256(model_path)},
        "genome": {"name": genome.name, "digest": genome.digest(), "largest": max(genome.sizes.values())},
        "enhancers": {"name": Path(enhancers).name, "sha256": sha256(enhancers)},
        "promoters": promoters.origin(),
        **asdict(settings),
        "columns": columns(calibrated=model.provenance.calibration is not None),
        "parts": {"promoters": part_promoters, "pairs": part_pairs},
        "shard": str(shard),
        "version": __version__,
    }
    parts = _Parts(out, origin, force=force)
    with alone_in(parts.folder):
        scorer = BlockScorer(model, genome, plan, batch_size=settings.batch_size, stem_memory=stem_memory)
        numbers = plan.shard(shard)
        _score(model, plan, scorer, parts, numbers, settings)
        counts = _counts(model, plan, parts, numbers)
        write_piece(parts.header, header_text(origin["columns"]))
        pieces = [parts.header, *map(parts.path, numbers)]
        join(out, ((piece, 0) for piece in pieces), origin | counts, largest=origin["genome"]["largest"])
        parts.remove()
    _report(counts, scorer.encoded, out)
    return counts["rows"]


class _Parts(Parts):
    """Pieces of the output."""

    command, settings = "scan", "scan.json"

    @property
    def header(self) -> Path:
        """Where the piece with the header lies."""
        return self.folder / f"header{SUFFIX}"


def _plan(
    genome: Genome,
    enhancers: str | os.PathLike[str],
    promoters: PromoterSource,
    max_distance: int,
    part_promoters: int,
    part_pairs: int,
) -> Plan:
    """Read the elements and find the pairs; says what has no partner."""
    sources = f"enhancers {os.fspath(enhancers)}", f"promoters {promoters.path}"
    read = dict(zip(sources, (read_bed(enhancers, "enhancers"), promoters.read(genome)), strict=True))
    placed = place(read, genome)
    plan = make_plan(
        placed[sources[0]],
        placed[sources[1]],
        list(genome.sizes),
        max_distance,
        part_promoters=part_promoters,
        part_pairs=part_pairs,
    )
    for source, kept in zip(sources, (plan.enhancers, plan.promoters), strict=True):
        with_partner = f"{len(kept):,} elements with a partner within reach"
        log.info("%s: %s elements, %s", source, f"{len(read[source]):,}", with_partner)
    return plan


def _score(
    model: Model, plan: Plan, scorer: BlockScorer, parts: _Parts, numbers: range, settings: ScanSettings
) -> None:
    """Score the parts that are not there yet."""
    counts = plan.pair_counts()
    with progress.bar("Scanning", int(counts[numbers.start : numbers.stop].sum())) as advance:
        for number in numbers:
            if parts.path(number).exists():
                advance(int(counts[number]))
                continue
            enhancer, promoter = plan.pairs(number)
            pairs = _described(plan, enhancer, promoter)
            logits = scorer.logits(enhancer, promoter, advance) + model.distance_logits(pairs)
            rows = scored(model, pairs, logits, settings.prevalence)
            write_piece(parts.path(number), rows_text(rows[_kept(rows, promoter, logits, settings)]))


def _described(plan: Plan, enhancer: Ints, promoter: Ints) -> pd.DataFrame:
    """Return pairs, int64 (n,) each, as the output has them, without scores."""
    of = {"enhancer": plan.enhancers.iloc[enhancer], "promoter": plan.promoters.iloc[promoter]}
    tss = of["promoter"]["tss"].to_numpy()
    doubled = doubled_midpoints(of["enhancer"]) - doubled_midpoints(of["promoter"])
    values = {
        **{f"{role}_{part}": of[role][part].to_numpy() for role in ROLES for part in ("chrom", "start", "end")},
        **{f"{role}_name": of[role]["name"].to_numpy() for role in ROLES},
        "tss": pd.arrays.IntegerArray(tss, tss < 0),
        "promoter_strand": of["promoter"]["strand"].to_numpy(),
        "gene": of["promoter"]["gene"].to_numpy(),
        "distance": np.sign(doubled) * (np.abs(doubled) // 2),
    }
    return pd.DataFrame(values)


def _kept(rows: pd.DataFrame, promoter: Ints, logits: Logits, settings: ScanSettings) -> np.ndarray[Any, Any]:
    """Return which rows are written, bool (n,)."""
    kept = np.ones(len(rows), dtype=np.bool_)
    if settings.threshold is not None:
        kept &= rows[PROBABILITY].to_numpy() >= settings.threshold
    if settings.top_k is not None:
        order = np.lexsort((np.arange(len(rows)), -logits, promoter))
        first = np.searchsorted(promoter, promoter)  # rows are in the order of promoters
        rank = np.empty(len(rows), dtype=np.int64)
        rank[order] = np.arange(len(rows))
        kept &= rank - first < settings.top_k
    return kept


def _counts(model: Model, plan: Plan, parts: _Parts, numbers: range) -> dict[str, int]:
    """Return how many pairs were scored and written, and how many the model may remember from its training."""
    known = model.provenance.interval_hashes()
    seen = {
        role: np.isin(element_hashes(elements[["chrom", "start", "end"]].add_prefix(f"{role}_"), role), known)
        for role, elements in zip(ROLES, (plan.enhancers, plan.promoters), strict=True)
    }
    pairs = (plan.pairs(number) for number in numbers) if len(known) else ()
    return {
        "pairs": int(plan.pair_counts()[numbers.start : numbers.stop].sum()),
        "rows": count_rows(map(parts.path, numbers)),
        "pairs_seen_in_training": sum(
            int((seen["enhancer"][enhancer] & seen["promoter"][promoter]).sum()) for enhancer, promoter in pairs
        ),
    }


def _report(counts: dict[str, int], encoded: int, out: str | os.PathLike[str]) -> None:
    if counts["pairs_seen_in_training"]:
        log.warning(
            "%s of %s pairs have both elements among those that the model was trained on; their scores say little "
            "of how well it predicts others",
            f"{counts['pairs_seen_in_training']:,}",
            f"{counts['pairs']:,}",
        )
    log.info(
        "scored %s pairs, encoded %s elements, wrote %s rows: %s",
        f"{counts['pairs']:,}",
        f"{encoded:,}",
        f"{counts['rows']:,}",
        out,
    )
