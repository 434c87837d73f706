from __future__ import annotations

import torch

from epidyn.nn.plain import PlainEpiDynFusion
from tests.nn.toys import small_codes, small_config


def test_attention_dropout_has_a_rate_of_its_own():
    torch.manual_seed(0)
    codes = small_codes()
    off = {"dropout": 0.0, "transformer_dropout": 0.0}
    dropping = PlainEpiDynFusion(small_config(**off, attention_dropout=0.5))
    still = PlainEpiDynFusion(small_config(**off, attention_dropout=0.0))
    assert not torch.equal(dropping(*codes), dropping(*codes))
    assert torch.equal(still(*codes), still(*codes))


def test_tied_tables_are_one_parameter():
    plain = PlainEpiDynFusion(small_config(tie_kmers=True))
    assert plain.embedding_pr is plain.embedding_en
