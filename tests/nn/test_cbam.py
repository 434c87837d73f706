from __future__ import annotations

import torch

from epidyn.nn.cbam import CBAM


def test_against_the_formula_element_by_element():
    torch.manual_seed(2)
    block, x = CBAM(6, 2, 3), torch.randn(2, 6, 5)
    first, second, kernel = (
        block.channel[0].weight[..., 0],
        block.channel[2].weight[..., 0],
        block.spatial.weight[0],
    )
    for sample in range(2):
        squeeze = sum(second @ torch.relu(first @ pooled) for pooled in (x[sample].amax(1), x[sample].mean(1)))
        reweighted = x[sample] * torch.sigmoid(squeeze)[:, None]
        profile = torch.stack([reweighted.amax(0), reweighted.mean(0)])
        padded = torch.nn.functional.pad(profile, (1, 1))
        attention = torch.stack([(padded[:, i : i + 3] * kernel).sum() for i in range(5)])
        torch.testing.assert_close(block(x)[sample], reweighted * torch.sigmoid(attention))


def test_has_no_biases():
    assert [name for name, _ in CBAM(6, 2, 3).named_parameters()] == [
        "channel.0.weight",
        "channel.2.weight",
        "spatial.weight",
    ]
