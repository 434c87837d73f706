from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch.backends import cuda, cudnn

from epidyn.nn.precision import full_float32

KINDS = (cudnn.conv, cudnn.rnn, cuda.matmul)


def allow_by_the_older_switches():
    cudnn.allow_tf32 = True
    torch.set_float32_matmul_precision("high")


def allow_for_convolutions_alone():
    cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision = "tf32", "ieee"


def allow_for_products_alone():
    cuda.matmul.fp32_precision = "tf32"


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    before = [kind.fp32_precision for kind in KINDS]
    yield
    cudnn.allow_tf32 = True
    torch.set_float32_matmul_precision("highest")
    for kind, precision in zip(KINDS, before, strict=True):
        kind.fp32_precision = precision


@pytest.mark.parametrize(
    "allow",
    [lambda: None, allow_by_the_older_switches, allow_for_convolutions_alone, allow_for_products_alone],
)
def test_allows_no_tf32_inside_and_leaves_the_settings_as_they_were(allow: Callable[[], None]):
    allow()
    before = [kind.fp32_precision for kind in KINDS]
    with full_float32():
        assert "tf32" not in [kind.fp32_precision for kind in KINDS]
        assert not cudnn.allow_tf32
        assert not cuda.matmul.allow_tf32
    assert [kind.fp32_precision for kind in KINDS] == before


def test_leaves_all_else_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cudnn, "deterministic", True)
    monkeypatch.setattr(cudnn, "enabled", False)
    with full_float32():
        assert cudnn.deterministic
        assert not cudnn.enabled
