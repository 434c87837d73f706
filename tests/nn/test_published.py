from __future__ import annotations

import pytest
import torch

from epidyn.errors import ModelFileError
from epidyn.nn import EpiDynFusion
from epidyn.nn.published import from_published, published_name
from tests.nn.published import REFERENCE, published_state


def test_every_name_has_its_counterpart():
    ours = EpiDynFusion().state_dict()
    shapes = {published_name(name): list(value.shape) for name, value in ours.items()}
    assert shapes == REFERENCE["parameter_shapes"]


def test_an_unknown_name_has_none():
    with pytest.raises(KeyError):
        published_name("grub.weight")


def test_float64_tables_become_float32():
    network = from_published(published_state())
    assert {value.dtype for value in network.parameters()} == {torch.float32}
    assert network.config.attention_dropout == 0.1


def test_lists_everything_that_does_not_fit():
    state = published_state()
    del state["bn1.weight"]
    state["extra"] = torch.zeros(1)
    state["output_layer.weight"] = torch.zeros(2, 100)
    state["output_layer.bias"] = "no tensor"
    with pytest.raises(ModelFileError) as caught:
        from_published(state)
    assert caught.value.rows == (
        "missing: bn1.weight",
        "unknown: extra",
        "output_layer.weight: shape (2, 100), (1, 100) is needed",
        "output_layer.bias: a tensor is needed, found str",
    )
