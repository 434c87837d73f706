"""The verdict: what the numbers say, in plain words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from epidyn.audit.baselines import BASELINES
from epidyn.audit.comparison import ModelScores
from epidyn.audit.facts import Elements, Facts
from epidyn.audit.scoring import BaselineScores, Folds, HeldOutScores
from epidyn.leakage import Leakage
from epidyn.metrics import Interval

# An AUROC that is nearer to 0.5 than this is not worth a word, however sure it is.
LEAST = 0.05

# Nor is one that chance gives: so many standard errors of a worthless score.
ERRORS = 2.0

SIGNIFICANT = 0.05

# Baselines that know nothing of an element or a place that training lacks.
_MEMORIES = ("identity", "neighbours")


@dataclass(frozen=True)
class Verdict:
    """What follows from the numbers.

    Attributes
    ----------
    leaks
        Whether a random split gives a baseline more than it has on chromosomes held out.
    confounded
        Whether a baseline that reads no sequence scores above chance on chromosomes held out.
    sentences
        Both, why, and what to do.
    """

    leaks: bool
    confounded: bool
    sentences: list[str]


def judge(
    facts: Facts,
    shared: Leakage,
    baselines: Sequence[BaselineScores],
    held_out: Folds,
    model: ModelScores | None,
) -> Verdict:
    """Return the verdict; only baselines that read no sequence count. ``shared`` is of a random split."""
    blind = [each for each in baselines if not each.reads_sequence]
    leaking = sorted((each for each in blind if _remembers(each)), key=_random_aupr, reverse=True)
    confounding = {each.name: each.held_out.pooled for each in blind if each.held_out and _holds(each.held_out)}
    sentences = _on_random(facts, blind, leaking)
    sentences += _on_held_out(facts, leaking, confounding, held_out)
    sentences += _on_duplicates(shared)
    sentences.append(_advice(bool(leaking), bool(confounding), shared))
    if model is not None:
        sentences += _on_model(model)
    return Verdict(bool(leaking), bool(confounding), sentences)


def _random_aupr(baseline: BaselineScores) -> float:
    return baseline.random.aupr.mean


def _remembers(baseline: BaselineScores) -> bool:
    """Return whether it scores above chance on random splits, and more than on chromosomes held out."""
    mean, positives, negatives = baseline.random.auroc.mean, baseline.random.positives, baseline.random.negatives
    error = math.sqrt((positives + negatives + 1) / (12 * positives * negatives))  # of AUROC, in one test part
    if baseline.held_out is not None:
        kept = baseline.held_out.pooled["auroc"].value
    elif baseline.name in _MEMORIES:
        kept = 0.5  # on elements and places that training lacks, by construction
    else:
        return False  # it may read something that holds elsewhere, too: there is no telling
    return mean - 0.5 >= max(LEAST, ERRORS * error) and mean - kept >= LEAST


def _holds(held_out: HeldOutScores) -> bool:
    """Return whether this is above chance."""
    auroc = held_out.pooled["auroc"]
    return auroc.value - 0.5 >= LEAST and auroc.low > 0.5


def _on_random(facts: Facts, blind: Sequence[BaselineScores], leaking: Sequence[BaselineScores]) -> list[str]:
    if not leaking:
        highest = max(each.random.auroc.mean for each in blind)
        return [
            "No leak found: no model that reads no sequence scores much more on a random split than on "
            f"chromosomes held out (highest AUROC on random splits {highest:.3f}, chance 0.5)."
        ]
    best = leaking[0]
    names = " and ".join(each.name for each in leaking)
    why = {each.name: each.why for each in BASELINES}
    sentences = [
        f"This table leaks under a random split: without reading a base, {best.name} scores AUROC "
        f"{best.random.auroc.mean:.3f} and AUPR {best.random.aupr.mean:.3f} (chance 0.5 and "
        f"{facts.prevalence:.3f}).",
        f"Why ({names}): {'; '.join(why[each.name] for each in leaking)}.",
    ]
    shown = [_shared_labels(role, each) for role, each in facts.elements.items()]
    return sentences + [sentence for sentence in shown if sentence]


def _shared_labels(role: str, elements: Elements) -> str | None:
    """Return how far elements tell labels, if more than by chance."""
    pure, by_chance = elements.one_label_of_several, elements.one_label_of_several_by_chance
    if pure is None or by_chance is None or elements.positives_shared <= elements.positives_shared_by_chance:
        return None
    return (
        f"Of the {role}s with two pairs or more {pure:.0%} have one label only ({by_chance:.0%} by chance), and "
        f"{elements.positives_shared:.0%} of the positives have {'an' if role == 'enhancer' else 'a'} {role} that "
        f"occurs in another positive ({elements.positives_shared_by_chance:.0%} by chance)."
    )


def _on_held_out(
    facts: Facts,
    leaking: Sequence[BaselineScores],
    confounding: Mapping[str, dict[str, Interval]],
    held_out: Folds,
) -> list[str]:
    if held_out.left_out is not None:
        return [held_out.left_out]
    sentences = []
    gone = [
        f"{each.name} AUROC {each.held_out.pooled['auroc'].value:.3f}"
        for each in leaking
        if each.held_out and each.name not in confounding
    ]
    if gone:
        sentences.append(f"With chromosomes held out that is gone: {' and '.join(gone)}.")
    sentences += [
        f"Also with chromosomes held out, {name} alone scores AUROC {pooled['auroc'].value:.3f} and AUPR "
        f"{pooled['aupr'].value:.3f} (chance 0.5 and {facts.prevalence:.3f}): that comes from how the pairs were "
        "chosen, not from sequence, and a model must beat it."
        for name, pooled in confounding.items()
    ]
    return sentences


def _on_duplicates(shared: Leakage) -> list[str]:
    if not shared.duplicates:
        return []
    return [
        f"{shared.duplicates:,} rows repeat the pair of an earlier row, whatever the cell line (pairs with both "
        f"labels: {shared.conflicts:,}); copies of one pair can stand on both sides of a split."
    ]


def _advice(leaks: bool, confounded: bool, shared: Leakage) -> str:
    if leaks:
        return (
            "Do not report a random split as how well pairs of new loci are predicted: hold chromosomes out "
            "(--split loco or chromosome-kfold:5), and show these baselines beside the model."
        )
    held_out = "Hold chromosomes out all the same"
    if shared.leaks:
        held_out += (
            f": of the test pairs of a random split {shared.promoter_seen:.0%} have their promoter in training, "
            f"{shared.enhancer_seen:.0%} their enhancer and {shared.window_overlaps:.0%} an overlapping window, "
            "which a network may remember"
        )
    return f"{held_out}.{' Show these baselines beside the model.' if confounded else ''}"


def _on_model(model: ModelScores) -> list[str]:
    best, compared = model.best_baseline(), model.best_baseline().compared["aupr"]
    reached = (
        f"On the {model.pairs:,} scored pairs the model's AUPR is {model.scores['aupr'].value:.3f}; {best.name}, "
        f"which reads no sequence, reaches {best.scores['aupr'].value:.3f}"
    )
    if best.explained is not None:
        reached += f": {best.explained:.0%} of what the model has above chance ({model.prevalence:.3f})"
    beats = compared.difference > 0 and compared.p < SIGNIFICANT
    sentences = [
        f"{reached}.",
        model.unexplained,
        f"The model {'beats' if beats else 'does not beat'} {best.name} significantly on these pairs: difference "
        f"{compared.difference:+.3f} ({compared.level:.0%} interval {compared.low:+.3f} to {compared.high:+.3f}, "
        f"p {compared.p_text}; bootstrap over {compared.drawn}).",
    ]
    return [sentence for sentence in sentences if sentence is not None]
