"""From effects to motifs: important segments, clusters, a motif each, its JASPAR matches and enrichment."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import progress
from epidyn.elements import ROLES
from epidyn.errors import ConfigError, InputFileError
from epidyn.genome import Genome, decode
from epidyn.interpret import jaspar
from epidyn.interpret.clusters import Cluster, rank_clusters
from epidyn.interpret.effects import EffectsFolder
from epidyn.interpret.engines import ENGINES
from epidyn.interpret.enrichment import enrichment
from epidyn.interpret.finder import DEFAULT_WIDTHS
from epidyn.interpret.segments import TOP_SHARE, Segments, bases, find_segments

log = logging.getLogger("epidyn")

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DEFAULT_CLUSTERS, DEFAULT_FLANK = 10, 5
FEWEST_SEGMENTS = 5  # of a cluster that a motif is looked for in
TEST_SHARE = 1 / 3  # of the elements, whose segments are kept for the test
MOST_CLUSTERED = 10_000  # segments: Ward's clustering takes memory as the square of them, 0.8 GB for these
MOST_SEARCHED = 1_000  # of a cluster's segments, the most important
SIGNIFICANT = 0.05
KEPT_MATCHES = 10  # of each motif
FOUND, TESTED = "finding", "test"
ELEMENTS = ("both", *ROLES)


@dataclass(frozen=True)
class MotifSettings:
    """How motifs are looked for.

    Parameters
    ----------
    element
        Whose segments: ``enhancer``, ``promoter``, or ``both``.
    share
        Of all masks, that may be important.
    clusters
        How many clusters the segments make.
    flank
        Bases on both sides of a segment in which a motif may lie, too.
    widths
        Narrowest and widest motif.
    engine
        ``builtin`` or ``meme``.
    release, collections
        Of JASPAR.
    seed
        Of the draw of controls, and of the elements that are kept for the test.
    """

    element: str = "both"
    share: float = TOP_SHARE
    clusters: int = DEFAULT_CLUSTERS
    flank: int = DEFAULT_FLANK
    widths: tuple[int, int] = DEFAULT_WIDTHS
    engine: str = "builtin"
    release: str = jaspar.RELEASE
    collections: tuple[str, ...] = jaspar.COLLECTIONS
    seed: int = 0

    def __post_init__(self) -> None:
        if self.element not in ELEMENTS:
            raise ConfigError(f"--element is {self.element!r}; it must be one of {', '.join(ELEMENTS)}.")
        if self.engine not in ENGINES:
            raise ConfigError(f"--engine is {self.engine!r}; it must be one of {', '.join(ENGINES)}.")
        if not 0 <= self.flank <= 100:
            raise ConfigError(f"--flank is {self.flank}; it must lie between 0 and 100 bases.")
        if self.clusters < 1:
            raise ConfigError(f"--clusters is {self.clusters}; it must be 1 or more.")


@dataclass(frozen=True, eq=False)
class Motifs:
    """Motifs of one kind of segments, leading cluster first.

    Attributes
    ----------
    table
        A row a motif: ``motif`` (its name), ``cluster_segments``, ``importance`` (of the cluster, mean effect on
        the logit), ``sites``, ``consensus`` (IUPAC), ``width``, ``information`` (bits), the best match of JASPAR
        (``match``, ``match_name``, ``match_collection``, ``match_q``), and of the held-out segments ``hits``,
        ``segments``, ``control_hits``, ``control_segments``, ``enrichment_p``, ``enrichment_q``; ``supported`` if
        both q are below 0.05.
    frequencies
        Of each motif, (width, 4), columns A, C, G, T.
    matches
        The ten best of each, as :func:`epidyn.interpret.jaspar.compare` returns them, with its name as ``motif``.
    members
        Of each motif, rows of its cluster in the segments that motifs were looked for in.
    """

    table: pd.DataFrame
    frequencies: list[Floats]
    matches: pd.DataFrame
    members: list[tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class MotifReport:
    """What was found.

    Attributes
    ----------
    settings
        How.
    explained
        The settings of the explained folder.
    segments
        All segments: ``kind`` (important, control), ``used`` (finding, test), ``motif`` (that its cluster gave,
        if any), ``role``, ``chrom``, ``start``, ``end``, ``importance``; 0-based, half-open.
    threshold, masks
        The smallest effect of an important mask; how many masks there were.
    background
        Shares of A, C, G, T in the windows, (4,).
    motifs, control_motifs
        Of the important segments; of the control segments, looked for in the same way.
    matrices
        Of JASPAR, by id.
    """

    settings: MotifSettings
    explained: dict[str, Any]
    segments: pd.DataFrame
    threshold: float
    masks: int
    background: Floats
    motifs: Motifs
    control_motifs: Motifs
    matrices: dict[str, jaspar.Matrix]


def find_motifs(folder: EffectsFolder, genome: Genome, settings: MotifSettings | None = None) -> MotifReport:
    """Find the motifs of what ``epidyn explain`` found important, and test them on segments they are not from.

    A third of the elements, by chance, is kept for the test. Segments of the others are clustered, and each
    cluster of five or more gives a motif; of the test's segments those are counted that hold it, and of their
    matched controls (see :func:`epidyn.interpret.segments.find_segments`). Then the other elements' control
    segments go the same way.

    Raises
    ------
    InputFileError
        If the effects are not those of masking, are damaged, or none is positive.
    ConfigError
        If there are fewer segments than clusters, no cluster has five, a library or program is missing, or the
        release or a collection of JASPAR is unknown.
    """
    settings = settings or MotifSettings()
    _check_genome(folder, genome)
    role = None if settings.element == "both" else settings.element
    matrices = jaspar.load_matrices(settings.release, settings.collections)
    segments = find_segments(folder, genome, role=role, share=settings.share, seed=settings.seed)
    finding = _dealt(segments.important, settings.seed)
    _check_enough(segments, finding, settings)
    of_finding = finding[segments.controls["segment"]]
    tables = segments.important[~finding], segments.controls[~of_finding]
    test = _Test(genome, settings, segments.background, matrices, *tables)
    important = _most(segments.important[finding])
    motifs = test.of(important)
    if not motifs.frequencies:
        raise ConfigError(
            f"none of the {settings.clusters} clusters of {len(important)} segments has {FEWEST_SEGMENTS}, so "
            "there is no motif. Give fewer --clusters, or explain more pairs."
        )
    # What matters little has no importance to speak of, so clusters of controls are ranked by their size.
    first = segments.controls[of_finding & (segments.controls["draw"] == 0)]  # as many as there are segments
    controls = _most(first.assign(importance=1.0))
    control_motifs = test.of(controls) if len(controls) >= settings.clusters else test.of(controls[:0])
    listed = pd.concat(
        [
            _listed("important", segments.important, finding, important, motifs),
            _listed("control", segments.controls, of_finding, controls, control_motifs),
        ]
    )
    return MotifReport(
        settings,
        folder.settings,
        listed,
        segments.threshold,
        segments.masks,
        segments.background,
        motifs,
        control_motifs,
        {each.id: each for each in matrices},
    )


@dataclass(frozen=True, eq=False)
class _Test:
    """All that the motifs of one kind of segments are made and judged with."""

    genome: Genome
    settings: MotifSettings
    background: Floats
    matrices: list[jaspar.Matrix]
    important: pd.DataFrame
    controls: pd.DataFrame

    def of(self, segments: pd.DataFrame) -> Motifs:
        """Cluster segments, find a motif in each cluster, compare it, and count where it is held."""
        clusters, frequencies, rows = self._found(segments)
        matches = jaspar.compare(frequencies, self.matrices)
        names = [f"motif_{number:02d}" for number in range(1, len(frequencies) + 1)]
        table = pd.DataFrame(rows, columns=["cluster_segments", "importance", "sites"])
        table.insert(0, "motif", names)
        table["consensus"] = [consensus(each) for each in frequencies]
        table["width"] = [len(each) for each in frequencies]
        table["information"] = [float(information(each).sum()) for each in frequencies]
        best = matches.drop_duplicates("motif").reset_index(drop=True)
        for name, column in (("match", "matrix"), ("match_name", "name"), ("match_collection", "collection")):
            table[name] = best[column]
        table["match_q"] = best["q"]
        important, controls = (
            bases(each, self.genome, flank=self.settings.flank) for each in (self.important, self.controls)
        )
        counted = enrichment(frequencies, important, controls, self.background)
        table = table.join(counted.rename(columns={"p": "enrichment_p", "q": "enrichment_q"}))
        table["supported"] = (table["match_q"] < SIGNIFICANT) & (table["enrichment_q"] < SIGNIFICANT)
        kept = matches.groupby("motif").head(KEPT_MATCHES)
        kept = kept.assign(motif=[names[number] for number in kept["motif"]])
        return Motifs(table, frequencies, kept, [each.members for each in clusters])

    def _found(self, segments: pd.DataFrame) -> tuple[list[Cluster], list[Floats], list[tuple[int, float, int]]]:
        clusters: list[Cluster] = []
        frequencies: list[Floats] = []
        rows: list[tuple[int, float, int]] = []
        if segments.empty:
            return clusters, frequencies, rows
        flanked = bases(segments, self.genome, flank=self.settings.flank)
        letters = [decode(codes) for codes in bases(segments, self.genome)]
        ranked = rank_clusters(letters, segments["importance"].tolist(), self.settings.clusters)
        find = ENGINES[self.settings.engine]
        with progress.bar("Finding motifs", len(ranked)) as advance:
            for cluster in ranked:
                searched = cluster.members
                if len(searched) >= FEWEST_SEGMENTS:
                    worth = segments["importance"].to_numpy()[list(searched)]
                    order = np.argsort(-worth, kind="stable")[:MOST_SEARCHED]
                    sequences = [flanked[searched[place]] for place in order.tolist()]
                    motif = find(sequences, self.background, self.settings.widths)
                    if motif is not None:
                        clusters.append(cluster)
                        frequencies.append(motif.frequencies)
                        rows.append((len(searched), cluster.importance, motif.sites))
                advance(1)
        return clusters, frequencies, rows


def consensus(frequencies: Floats) -> str:
    """Return the IUPAC letters of base frequencies (width, 4), by the rule of Cavener (1987)."""
    from Bio.motifs import Motif

    counts = {base: frequencies[:, column].tolist() for column, base in enumerate("ACGT")}
    return str(Motif(alphabet="ACGT", counts=counts).degenerate_consensus)  # type: ignore[no-untyped-call]


def information(frequencies: Floats) -> Floats:
    """Return the bits of each position of base frequencies (width, 4), against even bases: 0 to 2."""
    logs = np.log2(frequencies, where=frequencies > 0, out=np.zeros_like(frequencies))
    return np.asarray(2 + (frequencies * logs).sum(axis=1))


def _check_genome(folder: EffectsFolder, genome: Genome) -> None:
    explained = folder.settings.get("genome", {})
    if explained.get("digest") != genome.digest():
        raise InputFileError(
            f"{folder.path} was explained on another genome than {genome.name}: {explained.get('name')}. Give it."
        )


def _dealt(segments: pd.DataFrame, seed: int) -> Bools:
    """Tell which segments motifs are looked for in: those of the elements that are not kept for the test."""
    element = segments.groupby(["role", "chrom", "window"], sort=False).ngroup().to_numpy()
    count = int(element.max()) + 1
    chosen = np.random.default_rng([seed, 1]).permutation(count)[: round(count * TEST_SHARE)]
    return np.asarray(~np.isin(element, chosen))


def _check_enough(segments: Segments, finding: Bools, settings: MotifSettings) -> None:
    if finding.all():
        raise InputFileError(
            f"all {len(finding)} important segments lie in one element, so none is left for the test. Explain "
            "more pairs."
        )
    if finding.sum() < settings.clusters:
        raise ConfigError(
            f"{int(finding.sum())} important segments cannot make {settings.clusters} clusters (of "
            f"{len(finding)}, those of a third of the elements are kept for the test). Give fewer --clusters, or "
            "explain more pairs."
        )


def _most(segments: pd.DataFrame) -> pd.DataFrame:
    """Return the most important segments, as many as can be clustered, in their order."""
    if len(segments) > MOST_CLUSTERED:
        log.info("clustering the %s most important of %s segments", f"{MOST_CLUSTERED:,}", f"{len(segments):,}")
        segments = segments.nlargest(MOST_CLUSTERED, "importance").sort_index()
    return segments


def _listed(kind: str, table: pd.DataFrame, finding: Bools, used: pd.DataFrame, motifs: Motifs) -> pd.DataFrame:
    """Return segments of one kind, each with its use and the motif that its cluster gave."""
    named = pd.Series("", index=table.index)
    for name, members in zip(motifs.table["motif"], motifs.members, strict=True):
        named[used.index[list(members)]] = name
    listed = table.assign(kind=kind, used=np.where(finding, FOUND, TESTED), motif=named)
    return listed[["kind", "used", "motif", "role", "chrom", "start", "end", "importance"]]


def supported_names(motifs: Motifs) -> Sequence[str]:
    """Return the names of the JASPAR motifs that supported motifs resemble, each once."""
    table = motifs.table
    return list(dict.fromkeys(table.loc[table["supported"], "match_name"]))
