"""Which pairs interact, and what their elements must carry for it.

presence
    The enhancer and the promoter of an interacting pair carry real motif instances, each of a class drawn for
    itself. Those of other pairs carry as many scrambled ones: drawn from the same matrices, bases shuffled,
    so that base composition is the same. A promoter with several pairs is real if any of them interacts; an
    enhancer has one pair, so a pair interacts exactly if both its elements are real.
pairing
    Every element carries real instances, all of one class; a pair interacts exactly if both classes are the
    same. Each class is as frequent in either label, so one element alone says nothing.
propensity
    Sequence says nothing: all instances are scrambled. Most promoters have one label in all their pairs, as
    in TargetFinder's tables, so who remembers promoters predicts the label of another pair of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from epidyn.simulate.config import RULES, SimulationConfig

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PRESENCE, PAIRING, PROPENSITY = range(len(RULES))


@dataclass(frozen=True, eq=False)
class Contents:
    """What elements carry.

    Parameters
    ----------
    classes
        Class of each instance, shape ``(elements, instances)``.
    real
        Whether the instances of an element are real or scrambled, shape ``(elements,)``.
    """

    classes: Ints
    real: Bools


@dataclass(frozen=True, eq=False)
class Grammar:
    """The pairs of one chromosome, and the contents of their elements.

    Parameters
    ----------
    promoter
        Number of each pair's promoter, shape ``(pairs,)``; pair ``i`` has enhancer ``i``.
    rule
        Number in ``RULES`` of each pair's rule, shape ``(pairs,)``.
    label
        1 interacts, 0 does not, shape ``(pairs,)``.
    enhancers, promoters
        What they carry.
    """

    promoter: Ints
    rule: Ints
    label: npt.NDArray[np.int8]
    enhancers: Contents
    promoters: Contents


def draw_grammar(rng: np.random.Generator, config: SimulationConfig) -> Grammar:
    """Draw rules, labels and contents for the pairs of one chromosome."""
    pairs = config.pairs_per_chromosome
    promoter = np.arange(pairs) // config.pairs_per_promoter
    promoters = int(promoter[-1]) + 1
    promoter_rule = rng.choice(len(RULES), size=promoters, p=config.rule_weights)
    rule = promoter_rule[promoter]
    label = _label_pairs(rng, config, promoter, promoter_rule)

    promoter_class = rng.integers(config.classes, size=promoters)
    # Any class but the promoter's own, each equally likely: enhancers of both labels have the same classes.
    other = (promoter_class[promoter] + rng.integers(1, config.classes, size=pairs)) % config.classes
    enhancer_class = np.where(label == 1, promoter_class[promoter], other)

    any_interacts = np.bincount(promoter, weights=label, minlength=promoters) > 0
    return Grammar(
        promoter=promoter,
        rule=rule,
        label=label,
        enhancers=_fill(rng, config, rule, enhancer_class, label == 1),
        promoters=_fill(rng, config, promoter_rule, promoter_class, any_interacts),
    )


def _fill(
    rng: np.random.Generator, config: SimulationConfig, rule: Ints, own_class: Ints, interacts: Bools
) -> Contents:
    """Return what elements carry; all arguments but the first two have the shape (elements,)."""
    mixed = rng.integers(config.classes, size=(len(rule), config.instances))
    return Contents(
        classes=np.where((rule == PAIRING)[:, None], own_class[:, None], mixed),
        real=(rule == PAIRING) | ((rule == PRESENCE) & interacts),
    )


def _label_pairs(
    rng: np.random.Generator, config: SimulationConfig, promoter: Ints, promoter_rule: Ints
) -> npt.NDArray[np.int8]:
    """Draw the label of each pair, shape (pairs,)."""
    fraction = config.positive_fraction
    pure = (promoter_rule == PROPENSITY) & (rng.random(len(promoter_rule)) < config.propensity_purity)
    promoter_label = np.zeros(len(promoter_rule), dtype=np.int8)
    promoter_label[pure] = _draw_labels(rng, int(pure.sum()), fraction)
    label = promoter_label[promoter]
    free = ~pure[promoter]
    label[free] = _draw_labels(rng, int(free.sum()), fraction)
    return label


def _draw_labels(rng: np.random.Generator, count: int, fraction: float) -> npt.NDArray[np.int8]:
    """Return labels in random order with ``fraction`` positives; what is left of a whole one is drawn."""
    positives = int(count * fraction + rng.random())
    return rng.permutation((np.arange(count) < positives).astype(np.int8))
