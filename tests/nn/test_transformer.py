from __future__ import annotations

import math

import torch

from epidyn.nn.transformer import TransformerLayer, sinusoidal_positions


def layer(**changes) -> TransformerLayer:
    settings = {"dropout": 0.0, "attention_dropout": 0.0, "positional_encoding": False, **changes}
    return TransformerLayer(12, 3, 17, **settings)


def test_starts_like_the_stock_layer():
    torch.manual_seed(0)
    bound = math.sqrt(6 / (300 + 100))
    attention = TransformerLayer(100, 10, 256, dropout=0.1, attention_dropout=0.1, positional_encoding=False)
    assert attention.attention_in.weight.abs().max() <= bound
    assert math.isclose(attention.attention_in.weight.std().item(), bound / math.sqrt(3), rel_tol=0.02)
    assert not attention.attention_in.bias.any()
    assert not attention.attention_out.bias.any()


def test_attention_dropout_acts_only_in_training():
    torch.manual_seed(0)
    x = torch.randn(2, 5, 12)
    dropping = layer(attention_dropout=0.5)
    assert not torch.equal(dropping(x), dropping(x))
    dropping.eval()
    assert torch.equal(dropping(x), dropping(x))


def test_without_positions_order_does_not_matter_and_with_them_it_does():
    torch.manual_seed(0)
    x, order = torch.randn(2, 5, 12), torch.tensor([3, 0, 4, 1, 2])
    for positional, same in ((False, True), (True, False)):
        one = layer(positional_encoding=positional)
        assert torch.allclose(one(x)[:, order], one(x[:, order]), atol=1e-6) is same


def test_sinusoidal_positions():
    encoding = sinusoidal_positions(4, 5, torch.device("cpu"), torch.float32)
    assert encoding.shape == (4, 5)
    for position in range(4):
        for channel in range(5):
            angle = position / 10_000 ** ((channel - channel % 2) / 5)
            expected = math.cos(angle) if channel % 2 else math.sin(angle)
            assert math.isclose(encoding[position, channel].item(), expected, abs_tol=1e-6)
