from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from epidyn import Genome
from epidyn.elements import ElementStore, WindowRequest
from epidyn.errors import ConfigError, ModelFileError
from epidyn.genome import reverse_complement
from epidyn.scoring import window_logits

ENHANCER, PROMOTER = 7, 5
STARTS = {"enhancer": np.array([0, 11, 23]), "promoter": np.array([40, 52, 61])}


class Counting:
    """Scores a pair by the bases of both windows, weighted by place; counts what it is asked."""

    kind = "counting"

    def __init__(self, answer: Any = None) -> None:
        self.batches: list[int] = []
        self.answer = answer

    def logits(self, enhancer: np.ndarray, promoter: np.ndarray) -> np.ndarray:
        self.batches.append(len(enhancer))
        if self.answer is not None:
            return np.full(len(enhancer), self.answer, dtype=np.float32)
        return (enhancer @ np.arange(ENHANCER) + 100 * promoter @ np.arange(PROMOTER)).astype(np.float32)


@pytest.fixture
def store() -> ElementStore:
    codes = np.random.default_rng(0).integers(0, 4, 90, dtype=np.uint8)
    chrom = np.array(["chr1"] * 3, dtype=object)
    requests = {
        role: WindowRequest(chrom, starts, starts + length, starts, starts, length)
        for (role, starts), length in zip(STARTS.items(), (ENHANCER, PROMOTER), strict=True)
    }
    return ElementStore.fill(Genome.from_dict({"chr1": codes}), requests)


def pairs(store: ElementStore) -> tuple[np.ndarray, np.ndarray]:
    rows = {"enhancer": [2, 0, 2, 1, 0], "promoter": [1, 2, 1, 0, 2]}
    return tuple(store.positions(role, rows[role], STARTS[role][rows[role]]) for role in STARTS)


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_scores_in_order_and_each_pair_once(store: ElementStore, batch_size: int):
    scorer = Counting()
    enhancer, promoter = pairs(store)
    got = window_logits(scorer, store, enhancer, promoter, batch_size=batch_size)
    expected = Counting().logits(store.codes("enhancer", enhancer), store.codes("promoter", promoter))
    assert np.array_equal(got, expected)
    assert sum(scorer.batches) == 3
    assert max(scorer.batches) <= batch_size


def test_averages_both_windows_turned(store: ElementStore):
    enhancer, promoter = pairs(store)
    codes = store.codes("enhancer", enhancer), store.codes("promoter", promoter)
    expected = (Counting().logits(*codes) + Counting().logits(*map(reverse_complement, codes))) / 2
    assert np.allclose(window_logits(Counting(), store, enhancer, promoter, rc_average=True), expected)


def test_refuses_what_is_no_score_and_no_batch(store: ElementStore):
    with pytest.raises(ModelFileError, match="3 of 3 pairs a score that is no finite number"):
        window_logits(Counting(float("nan")), store, *pairs(store))
    with pytest.raises(ConfigError, match="batch-size is 0"):
        window_logits(Counting(), store, *pairs(store), batch_size=0)
