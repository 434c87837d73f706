from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from epidyn import kmers
from epidyn.errors import ShapeError
from epidyn.nn.embedding import KmerEmbedding, tokenize


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.integers(0, 7)))
def test_tokens_equal_the_numpy_twin(codes: np.ndarray):
    got = tokenize(torch.from_numpy(codes.copy()))
    assert got.dtype == torch.int64
    assert np.array_equal(got.numpy(), kmers.tokenize(codes))


def test_looks_up_each_token():
    vectors = np.random.default_rng(1).normal(size=(4097, 3)).astype(np.float32)
    codes = torch.tensor([[0, 0, 0, 0, 0, 0, 1, 4], [3, 3, 3, 3, 3, 3, 3, 3]], dtype=torch.uint8)
    out = KmerEmbedding(vectors, train=True)(codes)
    assert out.shape == (2, 3, 8)
    assert np.allclose(out[0, :, 5].detach(), vectors[1])
    assert np.allclose(out[0, :, 6].detach(), vectors[2])
    assert np.allclose(out[0, :, 7].detach(), vectors[0])
    assert np.allclose(out[1, :, 5].detach(), vectors[4096])


@pytest.mark.parametrize("train", [True, False])
def test_trains_or_not(train: bool):
    table = KmerEmbedding(np.zeros((4097, 2), dtype=np.float32), train=train).table
    assert table.weight.requires_grad is train


def test_refuses_another_vocabulary():
    with pytest.raises(ShapeError, match="4097"):
        KmerEmbedding(np.zeros((4096, 2), dtype=np.float32), train=True)
