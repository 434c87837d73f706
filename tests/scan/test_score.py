"""Scores of blocks: the same bits wherever a scan begins and however little memory there is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from epidyn import Genome, Model
from epidyn.errors import ModelFileError
from epidyn.nn import EpiDynFusion
from epidyn.regions import COLUMNS
from epidyn.scan.plan import Plan, make_plan
from epidyn.scan.score import BlockScorer
from epidyn.scoring import NetworkScorer
from tests.nn.toys import small_config

GENOME = Genome.open("random:hg19")


@pytest.fixture(scope="module")
def model() -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        return Model(NetworkScorer(EpiDynFusion(small_config())))


def elements(count: int, seed: int) -> pd.DataFrame:
    start = np.random.default_rng(seed).integers(0, 5000, count)
    rows = [("chr21", at, at + 30, "", -1, "", "", 1) for at in start.tolist()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(elements(61, 1), elements(23, 2), ["chr21"], 900, part_promoters=5)


def quiet(amount: float, note: str = "") -> None:
    pass


def scores(scorer: BlockScorer, plan: Plan, parts: list[int]) -> dict[int, bytes]:
    return {part: scorer.logits(*plan.pairs(part), quiet).tobytes() for part in parts}


def test_scores_are_the_same_bits_in_any_order_and_memory(model: Model, plan: Plan):
    parts = list(range(len(plan.parts) - 1))
    assert len(parts) == 5
    scorer = BlockScorer(model, GENOME, plan, batch_size=7)
    expected = scores(scorer, plan, parts)
    assert scorer.encoded == len(plan.enhancers) + len(plan.promoters)
    assert scores(BlockScorer(model, GENOME, plan, batch_size=7), plan, parts[3:]) == {
        part: expected[part] for part in parts[3:]
    }
    poor = BlockScorer(model, GENOME, plan, batch_size=7, stem_memory=1)
    assert scores(poor, plan, parts[::-1]) == expected
    assert poor.encoded > scorer.encoded


def test_scores_are_those_of_predict(model: Model, plan: Plan):
    enhancer, promoter = plan.pairs(2)
    pairs = pd.DataFrame(
        {
            f"{role}_{part}": table[part].to_numpy()[number]
            for role, table, number in (
                ("enhancer", plan.enhancers, enhancer),
                ("promoter", plan.promoters, promoter),
            )
            for part in ("chrom", "start", "end")
        }
    )
    for batch_size in (1, 64):
        logits = BlockScorer(model, GENOME, plan, batch_size=batch_size).logits(enhancer, promoter, quiet)
        np.testing.assert_allclose(logits, model.predict_logits(pairs, GENOME), rtol=1e-5, atol=1e-6)


def test_refuses_a_model_that_diverged(plan: Plan):
    with torch.random.fork_rng(devices=[]):
        network = EpiDynFusion(small_config())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(np.nan)
    scorer = BlockScorer(Model(NetworkScorer(network)), GENOME, plan, batch_size=7)
    with pytest.raises(ModelFileError, match="no finite number"):
        scorer.logits(*plan.pairs(0), quiet)
