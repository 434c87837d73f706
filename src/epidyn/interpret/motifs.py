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
from epidyn.interpret.arrays import Contributions, contributions
from epidyn.interpret.clusters import rank_clusters
from epidyn.interpret.effects import EffectsFolder
from epidyn.interpret.engines import ENGINES
from epidyn.interpret.enrichment import enrichment
from epidyn.interpret.finder import DEFAULT_WIDTHS
from epidyn.interpret.modisco import find_patterns
from epidyn.interpret.segments import DEFAULT_FLANK, TOP_SHARE, bases, find_segments
from epidyn.interpret.tomtom import compare
from epidyn.matrices import COLLECTIONS, RELEASE, Matrix, load_matrices

log = logging.getLogger("epidyn")

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DEFAULT_CLUSTERS = 10
FEWEST_SEGMENTS = 5  # of a cluster that a motif is looked for in
TEST_SHARE = 1 / 3  # of the elements, whose segments are kept for the test
MOST_CLUSTERED = 10_000  # segments: Ward's clustering takes memory as the square of them, 0.8 GB for these
MOST_SEARCHED = 1_000  # of a cluster's segments, the most important
SIGNIFICANT = 0.05
KEPT_MATCHES = 10  # of each motif
MODISCO = "modisco"
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
        ``builtin`` or ``meme``, on clusters of masked segments; or ``modisco``, on saturation mutagenesis.
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
    release: str = RELEASE
    collections: tuple[str, ...] = COLLECTIONS
    seed: int = 0

    def __post_init__(self) -> None:
        if self.element not in ELEMENTS:
            raise ConfigError(f"--element is {self.element!r}; it must be one of {', '.join(ELEMENTS)}.")
        if self.engine not in (*ENGINES, MODISCO):
            raise ConfigError(f"--engine is {self.engine!r}; it must be one of {', '.join((*ENGINES, MODISCO))}.")
        if not 0 <= self.flank <= 100:
            raise ConfigError(f"--flank is {self.flank}; it must lie between 0 and 100 bases.")
        if self.clusters < 1:
            raise ConfigError(f"--clusters is {self.clusters}; it must be 1 or more.")
        if self.seed < 0:
            raise ConfigError(f"--seed is {self.seed}; it must be 0 or more.")
        if not 3 <= self.widths[0] <= self.widths[1]:
            raise ConfigError(
                f"--min-width is {self.widths[0]} and --max-width {self.widths[1]}; both must be 3 or more, the "
                "narrower first."
            )


@dataclass(frozen=True, eq=False)
class Motifs:
    """Motifs of one kind of segments, leading cluster first.

    Attributes
    ----------
    table
        A row a motif: ``motif`` (its name), ``cluster_segments``, ``importance`` (of the cluster, mean effect on
        the logit), ``sites``, ``consensus`` (IUPAC), ``width``, ``information`` (bits), the best match of JASPAR
        (``match``, ``match_name``, ``match_collection``, ``match_q``), and of the held-out segments that have
        controls ``hits``, ``segments``, ``control_hits``, ``control_segments``, ``expected``, ``enrichment_p``,
        ``enrichment_q``; ``supported`` if both q are below 0.05.
    frequencies
        Of each motif, (width, 4), columns A, C, G, T.
    matches
        The ten best of each, as :func:`epidyn.interpret.tomtom.compare` returns them, with its name as ``motif``.
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
    matrices: dict[str, Matrix]


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
    _check_method(folder, settings.engine)
    role = None if settings.element == "both" else settings.element
    matrices = load_matrices(settings.release, settings.collections)
    segments = find_segments(
        folder, genome, role=role, share=settings.share, flank=settings.flank, seed=settings.seed
    )
    finding = _dealt(segments.important, settings.seed)
    if finding.all():
        raise InputFileError(
            f"all {len(finding)} important segments lie in one element, so none is left for the test. Explain "
            "more pairs."
        )
    of_finding = finding[segments.controls["segment"]]
    tables = segments.important[~finding], segments.controls[~of_finding]
    test = _Test(genome, settings, segments.background, matrices, *tables)
    important = _most(segments.important[finding])
    if settings.engine == MODISCO:
        kept_apart = segments.important.loc[~finding, ["role", "chrom", "window"]]
        motifs = test.of(_patterns(folder, settings, set(kept_apart.itertuples(index=False, name=None))))
        controls, control_motifs = important[:0], test.of([])
    else:
        motifs = test.of(_clustered(important, len(finding), genome, settings, segments.background))
        # What matters little has no importance to speak of, so clusters of controls are ranked by their size.
        first = segments.controls[of_finding & (segments.controls["draw"] == 0)]  # as many as there are segments
        controls = _most(first.assign(importance=1.0))
        enough = len(controls) >= settings.clusters
        control_motifs = test.of(_candidates(controls, genome, settings, segments.background) if enough else [])
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
    matrices: list[Matrix]
    important: pd.DataFrame
    controls: pd.DataFrame

    def of(self, candidates: Sequence[_Candidate]) -> Motifs:
        """Compare motifs with JASPAR's, and count where they are held."""
        frequencies = [each.frequencies for each in candidates]
        matches = compare(frequencies, self.matrices)
        names = [f"motif_{number:02d}" for number in range(1, len(frequencies) + 1)]
        rows = [(len(each.members) or each.sites, each.importance, each.sites) for each in candidates]
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
        of = pd.Series(range(len(self.important)), index=self.important.index)
        segment = np.asarray(of[self.controls["segment"]], dtype=np.int64)
        counted = enrichment(frequencies, important, controls, segment, self.background)
        table = table.join(counted.rename(columns={"p": "enrichment_p", "q": "enrichment_q"}))
        table["supported"] = (table["match_q"] < SIGNIFICANT) & (table["enrichment_q"] < SIGNIFICANT)
        kept = matches.groupby("motif").head(KEPT_MATCHES)
        kept = kept.assign(motif=[names[number] for number in kept["motif"]])
        return Motifs(table, frequencies, kept, [each.members for each in candidates])


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A motif; ``members`` are rows of its cluster, none where it is not from one."""

    frequencies: Floats
    sites: int
    importance: float
    members: tuple[int, ...] = ()


def _clustered(
    segments: pd.DataFrame, total: int, genome: Genome, settings: MotifSettings, background: Floats
) -> list[_Candidate]:
    """Return the motifs of important segments; errors if these are too few."""
    if len(segments) < settings.clusters:
        raise ConfigError(
            f"{len(segments)} important segments cannot make {settings.clusters} clusters (of {total}, those of a "
            "third of the elements are kept for the test). Give fewer --clusters, or explain more pairs."
        )
    found = _candidates(segments, genome, settings, background)
    if not found:
        longest = int((segments["end"] - segments["start"]).max()) + 2 * settings.flank
        narrow = f"--min-width {settings.widths[0]} is more than {longest}, the longest segment with its flanks"
        few = f"none of the {settings.clusters} clusters of {len(segments)} segments has {FEWEST_SEGMENTS}"
        cure = "Give fewer --clusters, or explain more pairs."
        if longest < settings.widths[0]:
            few, cure = narrow, "Give a smaller one, or a longer --flank."
        raise ConfigError(f"{few}, so there is no motif. {cure}")
    return found


def _candidates(
    segments: pd.DataFrame, genome: Genome, settings: MotifSettings, background: Floats
) -> list[_Candidate]:
    """Cluster segments and find a motif in each cluster that is large enough, the leading cluster first."""
    flanked = bases(segments, genome, flank=settings.flank)
    letters = [decode(codes) for codes in bases(segments, genome)]
    worth = segments["importance"].to_numpy()
    ranked = rank_clusters(letters, worth.tolist(), settings.clusters)
    found = []
    with progress.bar("Finding motifs", len(ranked)) as advance:
        for cluster in ranked:
            members = np.array(cluster.members)
            if len(members) >= FEWEST_SEGMENTS:
                searched = members[np.argsort(-worth[members], kind="stable")[:MOST_SEARCHED]]
                sequences = [flanked[row] for row in searched.tolist()]
                motif = ENGINES[settings.engine](sequences, background, settings.widths)
                if motif is not None:
                    found.append(_Candidate(motif.frequencies, motif.sites, cluster.importance, cluster.members))
            advance(1)
    return found


def _patterns(
    folder: EffectsFolder, settings: MotifSettings, kept_apart: set[tuple[str, str, int]]
) -> list[_Candidate]:
    """Return what TF-MoDISco-lite finds to raise the score in all windows that are not kept apart for the test."""
    found = []
    for role in ROLES:
        if settings.element not in ("both", role):
            continue
        given = contributions(folder, role)
        places = given.windows.itertuples(index=False, name=None)
        used = np.array([(role, *place) not in kept_apart for place in places], dtype=bool)
        if used.any():
            part = Contributions(given.windows[used], given.onehot[used], given.hypothetical[used])
            found += [
                _Candidate(each.frequencies, each.seqlets, float(each.contributions.sum()))
                for each in find_patterns(part, role)
                if each.sign == 1
            ]
    if not found:
        raise ConfigError(
            f"{folder.path}: TF-MoDISco-lite finds no pattern that raises the score (it asks for 100 seqlets). "
            "Explain more pairs."
        )
    return sorted(found, key=lambda each: -each.sites)


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


def _check_method(folder: EffectsFolder, engine: str) -> None:
    needed = "saturation" if engine == MODISCO else "mask"
    method = folder.settings["method"]
    if method != needed:
        raise InputFileError(
            f"{folder.path} holds effects of {method}; --engine {engine} needs those of {needed}. Run `epidyn "
            f"explain --method {needed}`, or take another engine."
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
