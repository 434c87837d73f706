"""Evaluating tables of scores: which intervals, and comparing two tables of the same pairs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from epidyn import metrics
from epidyn.errors import ConfigError, MetricError, PairTableError
from epidyn.evaluation import evaluate
from epidyn.scores import with_scores


def scores(*, quality: float = 1.0, chromosomes: int = 5, pairs: int = 400) -> pd.DataFrame:
    """The same pairs and labels whatever the quality of the scores."""
    rng = np.random.default_rng(1)
    labels = (rng.random(pairs) < 0.2).astype(np.int8)
    noise = rng.standard_normal(pairs)
    start = 1000 + 10 * np.arange(pairs)
    table = pd.DataFrame({"label": labels})
    for role in ("enhancer", "promoter"):
        table[f"{role}_chrom"] = [f"chr{row % chromosomes + 1}" for row in range(pairs)]
        table[f"{role}_start"], table[f"{role}_end"] = start, start + 200
        start = start + 5000
    logits = quality * labels + noise
    return with_scores(table, logits, 1 / (1 + np.exp(-logits)))


QUICK: dict[str, Any] = {"draws": 100}


def test_intervals_are_by_chromosome_unless_asked_otherwise():
    table = scores()
    by_default, pairs = evaluate(table, **QUICK), evaluate(table, resample="pairs", **QUICK)
    assert by_default.resampled == "blocks"
    assert {each.blocks for each in by_default.intervals.values()} == {5}
    expected = metrics.intervals(table["label"], table["logit"], blocks=table["promoter_chrom"], draws=100)
    assert by_default.intervals == expected
    assert pairs.resampled == "pairs"
    assert {each.blocks for each in pairs.intervals.values()} == {0}
    assert by_default.summary == pairs.summary


def test_too_few_chromosomes_give_intervals_of_pairs_and_say_so(caplog: pytest.LogCaptureFixture):
    found = evaluate(scores(chromosomes=2), **QUICK)
    assert found.resampled == "pairs"
    assert found.intervals == evaluate(scores(chromosomes=2), resample="pairs", **QUICK).intervals
    assert [
        "too few chromosomes (2; 3 are needed)" in text and "too narrow" in text for text in caplog.messages
    ] == [True]


def test_each_cell_line_is_scored_by_itself():
    table = scores().assign(cell_line=["A"] * 150 + ["B"] * 250)
    table.loc[:149, "logit"] *= -1
    table["probability"] = 1 / (1 + np.exp(-table["logit"]))
    found = evaluate(table, resample="none", threshold=0.7)
    for line, rows in (("A", table[:150]), ("B", table[150:])):
        assert found.lines[line] == evaluate(rows, resample="none", threshold=0.7).summary
    assert found.lines["A"]["auroc"] < 0.4 < found.summary["auroc"] < found.lines["B"]["auroc"]
    assert found.report()["lines"] == found.lines
    one_label = evaluate(table.assign(cell_line=np.where(table["label"] == 1, "C", "D")), resample="none")
    positives = int(table["label"].sum())
    assert one_label.lines["C"] == {"pairs": positives, "positives": positives, "negatives": 0, "prevalence": 1.0}
    assert evaluate(scores(), resample="none").lines == {}


def test_no_intervals_are_drawn_if_none_are_asked_for():
    found = evaluate(scores(chromosomes=2), resample="none", **QUICK)
    assert (found.resampled, found.intervals, found.compared) == ("none", {}, None)


def test_the_seed_and_the_draws_decide():
    one, same, other, more = (
        evaluate(scores(), draws=draws, seed=seed).intervals
        for draws, seed in ((100, 1), (100, 1), (100, 2), (150, 1))
    )
    assert one == same
    assert one != other
    assert one != more


def test_a_better_model_is_better():
    good, bad = scores(quality=3), scores(quality=1)
    compared = evaluate(good, bad, **QUICK).compared
    assert compared is not None
    for name, difference in compared.differences.items():
        assert difference.difference == pytest.approx(
            getattr(metrics, name)(good["label"], good["logit"])
            - getattr(metrics, name)(bad["label"], bad["logit"])
        )
        assert difference.low > 0
        assert difference.p < 0.01
    alone = evaluate(bad, **QUICK)
    assert compared.intervals == alone.intervals
    assert compared.summary == alone.summary


def test_the_report_is_plain():
    report = evaluate(scores(quality=2), scores(), threshold=0.3, **QUICK).report()
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert list(report)[:2] == ["auroc", "aupr"]
    assert report["threshold"] == report["compared"]["summary"]["threshold"] == 0.3
    assert set(report["intervals"]["auroc"]) == {"value", "low", "high", "level", "blocks"}
    assert (report["resampled"], report["draws"], report["seed"]) == ("blocks", 100, 0)
    assert sum(report["curve"]["pairs"]) == 400


def test_scores_before_calibration_have_a_brier_score_of_their_own():
    table = scores()
    assert evaluate(table, resample="none").raw_brier is None
    raw = table["probability"] ** 2
    found = evaluate(table.assign(raw_probability=raw), resample="none")
    assert found.raw_brier == pytest.approx(((raw - table["label"]) ** 2).mean())
    assert found.summary == evaluate(table, resample="none").summary


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"promoter_chrom": "chr7"}, ("chr3 3020 3220 chr3", "chr3 3020 3220 chr7")),
        ({"enhancer_start": 3019}, ("chr3 3020 3220", "chr3 3019 3220")),
        ({"label": 5}, (" 0", " 5")),
    ],
)
def test_refuses_other_pairs_and_names_the_first_with_both_values(change: dict[str, Any], said: tuple[str, str]):
    one, two = scores(), scores(quality=2)
    for column, value in change.items():
        two.loc[[202, 307], column] = value
    with pytest.raises(PairTableError, match="2 of 400 rows") as caught:
        evaluate(one, two, **QUICK)
    assert [text.split(":")[0] for text in caught.value.rows] == ["row 202", "row 202"]
    assert all(words in text for words, text in zip(said, caught.value.rows, strict=True))


def test_refuses_tables_of_other_lengths():
    with pytest.raises(PairTableError, match="400 and 399 pairs"):
        evaluate(scores(), scores().iloc[:-1], **QUICK)


def test_the_order_of_rows_counts():
    with pytest.raises(PairTableError, match="400 of 400 rows"):
        evaluate(scores(), scores().iloc[::-1].reset_index(drop=True), **QUICK)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"resample": "genes"}, "'genes' is unknown; allowed are blocks, pairs, none"),
        ({"draws": 99}, "--draws is 99"),
        ({"resample": "none", "other": scores()}, "--compare needs resampling"),
    ],
)
def test_refuses_settings_that_cannot_be(settings: dict[str, Any], words: str):
    with pytest.raises(ConfigError, match=words):
        evaluate(scores(), **settings)


def test_refuses_one_label():
    with pytest.raises(MetricError, match="the same"):
        evaluate(scores().assign(label=0))
