"""What a model of motif pairs rests its scores on: each term's share, and each site's, of the logit of a pair."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import __version__, plots, progress
from epidyn.elements import ROLES, Codes, Role, distances
from epidyn.errors import ConfigError
from epidyn.fetch import located
from epidyn.files import (
    growing_table,
    prepare_output_folder,
    refuse_filled_folder,
    sha256,
    write_json,
    write_table,
)
from epidyn.genome import Genome
from epidyn.interpret.effects import PAIRS
from epidyn.interpret.explain import ExplainSettings, choose, placed_windows
from epidyn.model import Model
from epidyn.motif_pairs import DISTANCE, MotifPairsScorer
from epidyn.motif_scores import ALL, BEST, POWER
from epidyn.motif_scores.sites import find_occupied, find_sites
from epidyn.predict import mention_other_genome
from epidyn.scoring import DEFAULT_BATCH_SIZE, check_batch_size

log = logging.getLogger("epidyn")

TERMS, CONTRIBUTIONS, SITES, FIGURE = "terms.tsv", "contributions.tsv.gz", "sites.tsv.gz", "terms.png"
SETTINGS = "terms.json"
FORMAT_VERSION = 1
_OWN = (SETTINGS, PAIRS, TERMS, CONTRIBUTIONS, SITES, FIGURE)
_SHOWN = 20  # terms in the figure
_DIGITS = "%.9g"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PairTerms:
    """Shares of one pair's logit.

    Attributes
    ----------
    contributions
        A row for each term, the strongest weight first: ``term`` (from 1), ``enhancer_score`` and
        ``promoter_score`` (standardised; NaN of an element that the term does not look at, of both in that of the
        distance), ``contribution``.
        With the intercept they add up to the logit.
    sites
        A row for each element, motif and site, and for its composition if that is a feature: ``role``, ``motif``,
        ``rank`` (1 is the best), ``offset`` (first base, counted in the window; NA of a site that a short window
        lacks, and of composition), ``reverse``, ``score`` (log-odds), ``contribution``. Where all sites count,
        the best four, and the others in one row of rank 0. Those of one element add up to what the terms that
        look at it contribute.
    """

    contributions: pd.DataFrame
    sites: pd.DataFrame


def pair_terms(scorer: MotifPairsScorer, codes: dict[Role, Codes], distance: float | None = None) -> PairTerms:
    """Take the logit of a pair apart.

    A score is a sum over ``sites`` sites, so a site's share of a standardised score is its own score less its
    share of the mean, over the standard deviation; times the weight, and in a product times the other element's
    standardised score, that is its share of a term. A site that touches an N, or is missing, counts with the
    lowest score of its motif, as in the score. Where all sites count, a site's share of the standardised score is
    that of its odds in all odds.

    Parameters
    ----------
    scorer
        The model.
    codes
        Base codes of both windows, uint8 (length,).
    distance
        Between the elements, in bases, for a model that reads it.
    """
    sites = {role: _sites(scorer, role, codes[role]) for role in ROLES}
    scores: dict[Role, Floats] = {}
    for role in ROLES:
        sums = sites[role].groupby("feature", sort=False)["share"].sum()
        scores[role] = sums.reindex(range(len(scorer.features.names))).to_numpy()
    rows = []
    of_feature = {role: np.zeros(len(scorer.features.names)) for role in ROLES}
    for number, term in enumerate(scorer.terms.ranked(), 1):
        held = dict(zip(ROLES, (term.enhancer, term.promoter), strict=True))
        values = {role: np.nan if at is None else scores[role][at] for role, at in held.items()}
        known = [value for value in values.values() if not np.isnan(value)]
        contribution = term.weight * float(np.prod(known))
        if not known:
            contribution = float(scorer.terms.of_distance(np.array([distance], dtype=np.float64))[0])
        rows.append((number, values["enhancer"], values["promoter"], contribution))
        for role, other in (ROLES, ROLES[::-1]):
            at, beside = held[role], held[other]
            if at is not None:
                of_feature[role][at] += term.weight * (1.0 if beside is None else scores[other][beside])
    found = pd.concat([sites[role].assign(role=role) for role in ROLES], ignore_index=True)
    by_role = [of_feature[role][at] for role, at in zip(found["role"], found["feature"], strict=True)]
    found["contribution"] = found["share"] * np.array(by_role, dtype=np.float64)
    columns = ["term", "enhancer_score", "promoter_score", "contribution"]
    return PairTerms(
        pd.DataFrame(rows, columns=columns),
        found[["role", "motif", "rank", "offset", "reverse", "score", "contribution"]],
    )


def _sites(scorer: MotifPairsScorer, role: Role, codes: Codes) -> pd.DataFrame:
    """Return the sites of each feature, with their shares of its standardised score."""
    number, sites = ROLES.index(role), scorer.config.sites
    center, scale = scorer.terms.center[number], scorer.terms.scale[number]
    rows: list[tuple[Any, ...]] = []
    for at, matrix in enumerate(scorer.matrices):
        weights, line = matrix.log_odds(), (float(center[at]), float(scale[at]))
        shares = _of_all(codes, weights, *line) if sites == ALL else _of_best(codes, weights, sites, *line)
        rows += [(at, matrix.id, *row) for row in shares]
    if scorer.config.composition:
        at = len(scorer.matrices)
        share = float(scorer.features.composition(codes[None])[0])
        rows.append((at, scorer.features.names[at], 1, pd.NA, pd.NA, share, (share - center[at]) / scale[at]))
    table = pd.DataFrame(rows, columns=["feature", "motif", "rank", "offset", "reverse", "score", "share"])
    return table.astype({"feature": "int64", "offset": "Int64", "reverse": "boolean", "score": "float64"})


_Row = tuple[int, Any, Any, Any, float]  # rank, offset, reverse, score, share


def _of_best(codes: Codes, weights: Floats, sites: int, center: float, scale: float) -> Iterator[_Row]:
    """Yield the sites of a score that is the sum over so many."""
    best = find_sites(codes, weights, sites)
    for rank in range(sites):
        there = rank < len(best.start)
        score = best.score[rank] if there else weights.min(axis=1).sum()
        place = (int(best.start[rank]), bool(best.reverse[rank])) if there else (pd.NA, pd.NA)
        yield rank + 1, *place, score, (score - center / sites) / scale


def _of_all(codes: Codes, weights: Floats, center: float, scale: float) -> Iterator[_Row]:
    """Yield the best sites of a score that is a power of the odds of all, then the rest."""
    best, odds, total = find_occupied(codes, weights, BEST)
    whole = (total**POWER - center) / scale
    shares = odds / total if total else odds
    for rank, share in enumerate(shares):
        place = int(best.start[rank]), bool(best.reverse[rank])
        yield rank + 1, *place, float(best.score[rank]), whole * float(share)
    yield 0, pd.NA, pd.NA, np.nan, whole * (1 - float(shares.sum()))


def explain_terms(
    model_path: str | os.PathLike[str],
    pairs: str | os.PathLike[str],
    genome: Genome,
    out: str | os.PathLike[str],
    settings: ExplainSettings | None = None,
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    force: bool = False,
) -> int:
    """Score a pair table and take the logits of the pairs that are chosen apart; see docs/explaining.md.

    Parameters
    ----------
    model_path, pairs, genome
        As :func:`epidyn.predict.predict_table`; the model is one of motif pairs.
    out
        The folder; made if missing.
    settings
        ``top``, ``min_probability`` and ``label`` choose the pairs; the others are not looked at.
    batch_size
        Pairs scored at once.
    force
        Replace what is in ``out``.

    Returns
    -------
    int
        The number of explained pairs.

    Raises
    ------
    ConfigError
        If the model is of another kind.
    PairTableError
        If no pair is chosen, or labels are missing.
    OutputError
        If ``out`` is not empty, without ``force``.
    """
    settings = settings or ExplainSettings()
    check_batch_size(batch_size)
    pairs = located(pairs)
    refuse_filled_folder(out, force=force)
    model = Model.load(model_path)
    try:
        scorer = model.motif_pairs
    except ConfigError as error:
        raise ConfigError(
            f"--method terms, model {model_path}: {error} Use another method, such as mask."
        ) from error
    mention_other_genome(model, genome)
    chosen = choose(model, pairs, genome, settings, batch_size=batch_size)
    folder = prepare_output_folder(out, force=force, own=_OWN)
    terms = _terms(scorer, _write_each_pair(_taken_apart(model, scorer, chosen, genome), folder))
    write_table(folder / PAIRS, chosen, "%.7g")
    write_table(folder / TERMS, terms, _DIGITS)
    _draw(terms, len(chosen), folder / FIGURE)
    write_json(
        folder / SETTINGS,
        {
            "format": FORMAT_VERSION,
            "method": "terms",
            **{name: getattr(settings, name) for name in ("top", "min_probability", "label")},
            "model": {"name": Path(model_path).name, "sha256": sha256(model_path)},
            "pairs": {"name": Path(pairs).name, "sha256": sha256(pairs)},
            "genome": {"name": genome.name, "digest": genome.digest()},
            "windows": dict(scorer.lengths),
            "intercept": scorer.terms.intercept,
            "explained": len(chosen),
            "version": __version__,
        },
    )
    log.info("explained %s pairs: %s", f"{len(chosen):,}", out)
    return len(chosen)


def _write_each_pair(taken_apart: Iterator[tuple[pd.DataFrame, pd.DataFrame]], folder: Path) -> Floats:
    """Write contributions and sites pair by pair; return what each term contributes, (pairs, terms)."""
    per_pair: list[Floats] = []
    with (
        growing_table(folder / CONTRIBUTIONS, _DIGITS) as add_contributions,
        growing_table(folder / SITES, _DIGITS) as add_sites,
    ):
        for contributions, sites in taken_apart:
            per_pair.append(contributions["contribution"].to_numpy())
            add_contributions(contributions)
            add_sites(sites)
    return np.stack(per_pair)


def _taken_apart(
    model: Model, scorer: MotifPairsScorer, chosen: pd.DataFrame, genome: Genome
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield contributions and sites of each pair as the files have them."""
    widths = {each.id: len(each.frequencies) for each in scorer.matrices}
    names = {each.id: each.name for each in scorer.matrices}
    with progress.bar("Explaining pairs", len(chosen)) as advance:
        each_pair = zip(placed_windows(model, chosen, genome), distances(chosen).tolist(), strict=True)
        for (pair, placed), apart in each_pair:
            codes = {
                role: genome.fetch(chrom, start, start + size) for role, (chrom, start, size) in placed.items()
            }
            parts = pair_terms(scorer, codes, apart)
            sites = parts.sites
            start = sites["offset"] + np.array([placed[role][1] for role in sites["role"]], dtype=np.int64)
            whose: dict[str, Any] = {
                "name": [names.get(motif, "") for motif in sites["motif"]],
                "chrom": [placed[role][0] for role in sites["role"]],
                "start": start,
                "end": start + np.array([widths.get(motif, 0) for motif in sites["motif"]], dtype=np.int64),
                "strand": ["" if turned is pd.NA else "+-"[int(turned)] for turned in sites["reverse"]],
            }
            ordered = ["pair", "role", "motif", "name", "rank", "chrom", "start", "end", "strand", "score"]
            parts.contributions.insert(0, "pair", pair)
            yield parts.contributions, sites.assign(pair=pair, **whose)[[*ordered, "contribution"]]
            advance(1)


def _terms(scorer: MotifPairsScorer, contributions: Floats) -> pd.DataFrame:
    """Return the terms, with the mean of what they contribute, (pairs, terms), and of its size."""
    ids = scorer.features.names
    names = [*(each.name for each in scorer.matrices), *ids[len(scorer.matrices) :]]
    rows = []
    for number, term in enumerate(scorer.terms.ranked(), 1):
        held = [
            part[at] if at is not None else "" for at in (term.enhancer, term.promoter) for part in (ids, names)
        ]
        if not any(held):
            held = [DISTANCE] * 4
        rows.append((number, *held, term.weight))
    columns = ["term", "enhancer", "enhancer_name", "promoter", "promoter_name", "weight"]
    table = pd.DataFrame(rows, columns=columns)
    for name, values in (("mean_contribution", contributions), ("mean_size", np.abs(contributions))):
        table[name] = pd.Series(values.mean(axis=0), dtype=np.float64)  # also of no terms
    return table


def _draw(terms: pd.DataFrame, pairs: int, path: Path) -> None:
    """Draw the mean contribution of the terms that matter most."""
    shown = terms.nlargest(_SHOWN, "mean_size")[::-1]
    figure, (axes,) = plots.panels(1, max(1.6, 0.26 * len(shown) + 1), width=7)
    labels = [
        plots.verbatim(DISTANCE if of == DISTANCE else f"{first or '(any)'}  -  {second or '(any)'}")
        for of, first, second in zip(
            shown["enhancer"], shown["enhancer_name"], shown["promoter_name"], strict=True
        )
    ]
    axes.barh(range(len(shown)), shown["mean_contribution"], color=plots.BLUE)
    axes.set_yticks(range(len(shown)), labels, fontsize=8)
    axes.axvline(0, color="0.4", linewidth=0.8)
    axes.set_xlabel("mean contribution to the logit")
    axes.set_title(f"enhancer - promoter: {pairs:,} pairs")
    plots.save(figure, path)
