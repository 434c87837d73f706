"""The whole audit: what it says of tables whose truth is known, and which it refuses."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from epidyn import Genome
from epidyn.audit import Audit, audit
from epidyn.errors import ConfigError, SplitError
from epidyn.scores import with_scores
from epidyn.simulate import RULES, Simulation, configure, simulate
from tests.audit.tables import propensity, scattered, table


def simulated(rule: str, seed: int, **settings: int) -> Simulation:
    """Pairs that follow one rule, with windows too small to matter."""
    weights = {each: float(each == rule) for each in RULES}
    small = {"chromosomes": 8, "pairs_per_chromosome": 75, "enhancer_length": 200, "promoter_length": 160}
    return simulate(configure({**small, "instances": 2, "decoys": 0, "seed": seed, **weights, **settings}))


def said(found: Audit) -> str:
    return " ".join(found.verdict.sentences)


def scores(found: Audit) -> dict[str, tuple[float, float]]:
    """AUROC of each baseline on random splits and with chromosomes held out."""
    return {
        each.name: (each.random.auroc.mean, each.held_out.pooled["auroc"].value)
        for each in found.baselines
        if each.held_out is not None
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_the_propensity_rule_leaks_and_the_verdict_says_why(seed: int):
    found = audit(simulated("propensity", seed, pairs_per_promoter=6).pairs, draws=100)
    assert found.verdict.leaks
    random, held_out = scores(found)["identity"]
    assert random > 0.95
    assert held_out == 0.5
    words = said(found)
    assert "This table leaks under a random split: without reading a base, identity scores AUROC 0.99" in words
    assert "an element mostly has the same label in all its pairs" in words
    assert "Of the promoters with two pairs or more 9" in words
    assert "With chromosomes held out that is gone: identity AUROC 0.500" in words
    assert "hold chromosomes out (--split loco or chromosome-kfold:5)" in words
    assert "Of the enhancers" not in words  # each has one pair


@pytest.mark.parametrize("rule", ["presence", "pairing"])
@pytest.mark.parametrize("settings", [{}, {"pairs_per_promoter": 6}], ids=["single", "shared"])
def test_a_rule_of_sequence_does_not_leak(rule: str, settings: dict[str, int]):
    found = audit(simulated(rule, 1, **settings).pairs, draws=100)
    assert not found.verdict.leaks
    assert said(found).startswith("No leak found")
    (shared,) = re.findall(r"Hold chromosomes out all the same: .* (\d+)% have their promoter", said(found))
    assert (int(shared) > 90) == bool(settings)


def test_a_table_whose_distances_tell_the_labels_is_no_leak_but_confounded():
    rng = np.random.default_rng(1)
    rows = []
    for number, place in enumerate(rng.integers(10**8, size=600).tolist()):
        label = number % 3 == 0
        distance = int(rng.integers(20_000, 60_000 if label else 200_000))
        rows.append((f"chr{number % 5}", place, place + distance, int(label)))
    found = audit(table(rows), draws=200)
    assert found.verdict.confounded
    assert not found.verdict.leaks
    assert "Also with chromosomes held out, length and distance alone scores AUROC 0." in said(found)
    assert "a model must beat it" in said(found)
    assert found.facts.distances.ks > 0.5


def test_composition_is_measured_with_a_genome_and_decides_nothing():
    # Bases tell the labels; nothing else does.
    rng = np.random.default_rng(2)
    texts, rows = {}, []
    for name in ("chr1", "chr2", "chr3"):
        labels = rng.integers(2, size=40)
        weights = {
            label: [0.3 - 0.05 * label, 0.2 + 0.05 * label, 0.2 + 0.05 * label, 0.3 - 0.05 * label]
            for label in (0, 1)
        }
        texts[name] = "".join("".join(rng.choice(list("ACGT"), 6000, p=weights[label])) for label in labels)
        rows += [(name, 6000 * at + 1500, 6000 * at + 4500, int(label)) for at, label in enumerate(labels)]
    with Genome.from_dict(texts) as genome:
        found = audit(table(rows), genome, draws=100)
    assert [each.name for each in found.baselines][-1] == "base composition"
    assert min(scores(found)["base composition"]) > 0.95
    assert not found.verdict.leaks
    assert not found.verdict.confounded
    assert found.settings.genome == genome.name


def test_without_a_genome_composition_is_left_out():
    found = audit(scattered(1, 200), draws=50)
    assert [each.name for each in found.baselines] == ["identity", "neighbours", "length and distance"]
    assert found.settings.genome is None


def test_a_model_is_judged_beside_the_best_baseline():
    pairs = propensity(3)
    test = np.arange(0, len(pairs), 5)
    rng = np.random.default_rng(4)
    values = rng.random(len(test))
    found = audit(pairs, scores=with_scores(pairs.iloc[test].reset_index(drop=True), values, values), draws=100)
    assert found.model is not None
    words = said(found)
    assert (
        f"On the {len(test)} scored pairs the model's AUPR is {found.model.scores['aupr'].value:.3f}; identity"
        in words
    )
    assert "The model does not beat identity significantly on these pairs: difference -" in words
    assert "bootstrap over 4 chromosomes" in words
    assert found.model.unexplained in words


def test_a_model_at_chance_is_called_so():
    pairs = scattered(5, 200, 2)
    flat = np.full(40, 0.25)
    found = audit(pairs, scores=with_scores(pairs.iloc[:40].reset_index(drop=True), flat, flat), draws=50)
    words = said(found)
    assert "No share is explained: the interval of the model's AUPR" in words
    assert "bootstrap over single pairs: too narrow" in words
    assert "of what the model has above chance" not in words


def test_duplicates_are_said():
    pairs = scattered(6, 200)
    again = pd.concat([pairs, pairs.iloc[:3], pairs.iloc[5:6].assign(label=1 - pairs["label"].iloc[5])])
    assert "4 rows repeat the pair of an earlier row" in said(audit(again, draws=50))
    assert "(pairs with both labels: 1)" in said(audit(again, draws=50))
    assert "repeat the pair" not in said(audit(pairs, draws=50))


def test_one_chromosome_is_audited_on_random_splits_alone():
    found = audit(propensity(7, chromosomes=1), draws=50)
    assert found.verdict.leaks
    assert all(each.held_out is None for each in found.baselines)
    assert found.held_out_note == "All pairs lie on chr1, so no chromosome can be held out."
    assert found.held_out_note in said(found)
    assert "that is gone" not in said(found)


def test_what_a_random_split_shares_is_measured():
    shared = audit(propensity(1), draws=50).leakage
    assert (shared.split, shared.test_pairs) == ("random", 48)
    assert shared.promoter_seen == 1
    assert (shared.enhancer_seen, shared.pair_seen) == (0, 0)
    assert audit(scattered(1, 200), draws=50).leakage.promoter_seen == 0


def test_the_same_seed_gives_the_same_numbers():
    pairs = propensity(8)
    assert audit(pairs, draws=50, seed=3) == audit(pairs, draws=50, seed=3)
    assert audit(pairs, draws=50, seed=3).baselines != audit(pairs, draws=50, seed=4).baselines


def test_the_table_is_left_alone():
    pairs = propensity(9)
    before = pairs.copy()
    audit(pairs, draws=50)
    pd.testing.assert_frame_equal(pairs, before)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda pairs: pairs.drop(columns="label"), "no column 'label'.*Give a labelled table"),
        (
            lambda pairs: pairs.assign(label=0),
            "0 pairs with label 1 and 100 with label 0; an audit needs 10 of each",
        ),
        (lambda pairs: pairs.assign(label=1), "100 pairs with label 1 and 0 with label 0"),
        (lambda pairs: pairs.assign(label=(np.arange(100) < 9).astype(int)), "9 pairs with label 1"),
    ],
    ids=["no labels", "no positives", "no negatives", "nine positives"],
)
def test_labels_that_do_not_suffice(change, words: str):
    with pytest.raises(SplitError, match=words):
        audit(change(scattered(10, 100)))


def test_ten_of_a_label_suffice():
    pairs = scattered(11, 100).assign(label=(np.arange(100) < 10).astype("int8"))
    assert audit(pairs, draws=50).baselines[0].random.positives == 1


def test_one_split_has_no_spread():
    with pytest.raises(ConfigError, match="splits is 1; it must be 2 or more"):
        audit(scattered(12, 100), splits=1)


def test_an_audit_needs_no_torch(tmp_path: Path):
    code = (
        "import sys\n"
        "from epidyn.audit import audit, write_audit\n"
        "from tests.audit.tables import propensity\n"
        f"write_audit(audit(propensity(1), draws=20), {str(tmp_path / 'out')!r})\n"
        "print([name for name in ('torch', 'pytorch_lightning') if name in sys.modules])\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=root)
    assert done.stdout.strip() == "[]", done.stderr
    assert (tmp_path / "out" / "audit.html").exists()


def test_on_one_chromosome_only_memory_is_called_a_leak():
    rng = np.random.default_rng(1)
    rows = [("chr1", 10**6 * number, 10**6 * number + 40_000, number % 3 == 0) for number in range(400)]
    pairs = table([(chrom, enhancer, promoter, int(label)) for chrom, enhancer, promoter, label in rows])
    pairs["enhancer_end"] += np.where(pairs["label"] == 1, 400, 0) + rng.integers(50, size=400)
    found = audit(pairs, draws=100)
    assert next(each for each in found.baselines if each.name == "length and distance").random.auroc.mean > 0.95
    assert not found.verdict.leaks
