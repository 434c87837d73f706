"""Scoring windows: each element read once, each pair scored once, in the order given, whatever the memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from epidyn import Genome
from epidyn.elements import ElementStore, Role, WindowRequest
from epidyn.errors import ConfigError, ModelFileError
from epidyn.genome import reverse_complement
from epidyn.scoring import window_logits
from epidyn.stems import StemCache

LENGTHS: dict[Role, int] = {"enhancer": 7, "promoter": 5}
COUNTS: dict[Role, int] = {"enhancer": 23, "promoter": 19}
STEM = 2 * 3 * 8  # bytes of a promoter's stem, the larger one


class Counting:
    """Sums over bases weighted by place, which tell roles, strands and pairs apart; counts what it is asked."""

    kind = "counting"

    def __init__(self, answer: Any = None) -> None:
        self.encoded: dict[Role, list[int]] = {"enhancer": [], "promoter": []}
        self.scored: list[int] = []
        self.answer = answer

    @property
    def stem_bytes(self) -> dict[Role, int]:
        return {"enhancer": 2 * 8, "promoter": STEM}

    def encode(self, role: Role, codes: np.ndarray) -> Tensor:
        self.encoded[role].append(len(codes))
        place = np.arange(1, codes.shape[1] + 1)
        sums = torch.from_numpy(np.stack([codes @ place**power for power in (1, 2)], axis=1).astype(np.float64))
        return sums if role == "enhancer" else sums[:, :, None].repeat(1, 1, 3) + torch.arange(3)

    def score(self, enhancer: Tensor, promoter: Tensor) -> np.ndarray:
        assert promoter.shape == (len(enhancer), 2, 3)
        self.scored.append(len(enhancer))
        if self.answer is not None:
            return np.full(len(enhancer), self.answer, dtype=np.float32)
        return (
            torch.einsum("ni,nij,j->n", enhancer, promoter, torch.tensor([1.0, -2.0, 0.5]).double())
            .float()
            .numpy()
        )


def filled(seed: int = 0, counts: dict[Role, int] = COUNTS) -> tuple[ElementStore, dict[Role, np.ndarray]]:
    """A store of elements on one chromosome, and the positions of their windows."""
    rng = np.random.default_rng(seed)
    genome = Genome.from_dict({"chr1": rng.integers(0, 5, 11 * max(counts.values()), dtype=np.uint8)})
    starts = {role: 9 * np.arange(count) + len(role) for role, count in counts.items()}
    requests = {
        role: WindowRequest(
            np.array(["chr1"] * len(start), dtype=object), start, start + 6, start, start, LENGTHS[role]
        )
        for role, start in starts.items()
    }
    store = ElementStore.fill(genome, requests)
    return store, {role: store.positions(role, np.arange(len(start)), start) for role, start in starts.items()}


def drawn(seed: int, count: int = 300) -> tuple[ElementStore, np.ndarray, np.ndarray]:
    """Pairs in no order, some of them more than once."""
    store, positions = filled(seed)
    rng = np.random.default_rng(seed)
    return store, *(rng.choice(positions[role], count) for role in positions)


def grid(counts: dict[Role, int]) -> tuple[ElementStore, np.ndarray, np.ndarray]:
    """Every enhancer with every promoter."""
    store, positions = filled(counts=counts)
    return store, *(each.ravel() for each in np.meshgrid(positions["enhancer"], positions["promoter"]))


def plainly(
    store: ElementStore, enhancer: np.ndarray, promoter: np.ndarray, *, turned: bool = False
) -> np.ndarray:
    """Score pair by pair."""
    scorer, logits = Counting(), []
    for pair in zip(enhancer, promoter, strict=True):
        codes = [store.codes(role, [position]) for role, position in zip(LENGTHS, pair, strict=True)]
        if turned:
            codes = [reverse_complement(each) for each in codes]
        stems = [scorer.encode(role, each) for role, each in zip(LENGTHS, codes, strict=True)]
        logits.append(scorer.score(*stems).item())
    return np.array(logits, dtype=np.float32)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
@pytest.mark.parametrize("room", [8, 13, 30, 1000])
def test_scores_in_order_whatever_fits(room: int, batch_size: int):
    store, enhancer, promoter = drawn(1)
    scorer = Counting()
    stems = StemCache(scorer, room * STEM)
    got = window_logits(scorer, store, enhancer, promoter, batch_size=batch_size, stems=stems)
    expected = plainly(store, enhancer, promoter)
    assert np.unique(expected).size > 150
    assert np.array_equal(got, expected)
    assert max(scorer.scored) <= batch_size
    assert sum(scorer.scored) == len(set(zip(enhancer.tolist(), promoter.tolist(), strict=True)))
    assert max(max(batches) for batches in scorer.encoded.values()) <= batch_size
    assert len(stems) <= room


@pytest.mark.parametrize("room", [8, 40, 1000])
def test_averages_both_windows_turned(room: int):
    store, enhancer, promoter = drawn(2)
    scorer = Counting()
    stems = StemCache(scorer, room * STEM)
    got = window_logits(scorer, store, enhancer, promoter, batch_size=5, rc_average=True, stems=stems)
    forward, turned = (plainly(store, enhancer, promoter, turned=way) for way in (False, True))
    assert (forward != turned).all()
    np.testing.assert_allclose(got, (forward + turned) / 2, rtol=1e-6)


def test_each_element_is_encoded_once_where_all_fit():
    store, enhancer, promoter = grid({"enhancer": 64, "promoter": 64})
    scorer = Counting()
    stems = StemCache(scorer)
    window_logits(scorer, store, enhancer, promoter, batch_size=50, stems=stems)
    assert scorer.encoded == {"enhancer": [50, 14], "promoter": [50, 14]}
    assert (stems.encoded, stems.again, sum(scorer.scored)) == (128, 0, 64 * 64)
    window_logits(scorer, store, enhancer[::-1], promoter, stems=stems, rc_average=True)
    assert (stems.encoded, stems.again) == (256, 0)


def test_little_memory_costs_one_side_once_a_tile_of_the_other():
    store, enhancer, promoter = grid(COUNTS)
    scorer = Counting()
    stems = StemCache(scorer, 8 * STEM)
    window_logits(scorer, store, enhancer, promoter, stems=stems)
    # 19 promoters in 3 tiles of up to 7, 23 enhancers for each; the other way it would be 23 + 4 * 19.
    assert (sum(scorer.encoded["promoter"]), sum(scorer.encoded["enhancer"])) == (19, 3 * 23)
    assert (stems.encoded, stems.again) == (19 + 3 * 23, 2 * 23)


def test_neighbours_that_share_partners_stay_together():
    store, positions = filled(counts={"enhancer": 20, "promoter": 19})
    near = [(i, j) for i in range(20) for j in range(19) if abs(i - j) <= 1]
    enhancer, promoter = np.random.default_rng(5).permutation(near).T
    scorer = Counting()
    stems = StemCache(scorer, 8 * STEM)
    window_logits(scorer, store, positions["enhancer"][enhancer], positions["promoter"][promoter], stems=stems)
    assert stems.encoded - stems.again == 39
    assert 0 < stems.again <= 2 * 2  # at the two cuts between three tiles, those on either side


def test_a_cache_serves_several_stores():
    scorer = Counting()
    stems = StemCache(scorer)
    store, enhancer, promoter = drawn(3)
    first = window_logits(scorer, store, enhancer[:50], promoter[:50], stems=stems)
    again, positions = filled(3, {"promoter": 19, "enhancer": 23})  # the same bases at other positions
    shift = {role: positions[role][0] - at.min() for role, at in (("enhancer", enhancer), ("promoter", promoter))}
    assert shift["enhancer"] != 0
    moved = window_logits(
        scorer, again, enhancer[:50] + shift["enhancer"], promoter[:50] + shift["promoter"], stems=stems
    )
    assert np.array_equal(moved, first)
    assert stems.again == 0
    assert stems.encoded == len(set(enhancer[:50].tolist())) + len(set(promoter[:50].tolist()))


def test_refuses_the_stems_of_another_model():
    store, enhancer, promoter = drawn(3)
    with pytest.raises(ValueError, match="of another model"):
        window_logits(Counting(), store, enhancer, promoter, stems=StemCache(Counting()))


def test_the_same_bases_at_two_positions_are_one_element():
    codes = np.tile(np.array([0, 1, 2, 3, 3, 1, 0, 2, 1], dtype=np.uint8), 3)
    chrom, starts = np.array(["chr1"] * 2, dtype=object), np.zeros(2, dtype=np.int64)
    requests = {
        role: WindowRequest(chrom, starts, starts + 20, starts, starts + 27 - length, length)
        for role, length in LENGTHS.items()
    }
    store = ElementStore.fill(Genome.from_dict({"chr1": codes}), requests)
    enhancer = store.positions("enhancer", [0, 1, 0, 0], [2, 11, 11, 12])
    promoter = store.positions("promoter", [0, 1, 0, 1], [4, 13, 22, 4])
    scorer = Counting()
    got = window_logits(scorer, store, enhancer, promoter)
    assert scorer.encoded == {"enhancer": [2], "promoter": [1]}
    assert scorer.scored == [2]
    assert np.array_equal(got, plainly(store, enhancer, promoter))


def test_no_pairs_have_no_scores():
    store, positions = filled()
    got = window_logits(Counting(), store, *(each[:0] for each in positions.values()))
    assert (got.shape, got.dtype) == ((0,), np.float32)


def test_refuses_what_is_no_score_and_no_batch():
    store, enhancer, promoter = drawn(4, count=5)
    pairs = np.r_[enhancer, enhancer[:2]], np.r_[promoter, promoter[:2]]
    with pytest.raises(ModelFileError, match="5 of 5 pairs a score that is no finite number"):
        window_logits(Counting(float("nan")), store, *pairs)
    with pytest.raises(ConfigError, match="batch-size is 0"):
        window_logits(Counting(), store, *pairs, batch_size=0)
