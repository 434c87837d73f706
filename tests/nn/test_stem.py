from __future__ import annotations

import torch

from epidyn.nn.stem import Stem


def test_is_convolution_relu_maximum():
    torch.manual_seed(0)
    stem, x = Stem(3, 4, 5, 2), torch.randn(2, 3, 12)
    out = stem(x)
    assert out.shape == (2, 4, 4)
    weight, bias = stem.convolution.weight, stem.convolution.bias
    for position in range(4):
        pooled = [
            torch.relu((x[:, None, :, start : start + 5] * weight).sum((2, 3)) + bias)
            for start in (2 * position, 2 * position + 1)
        ]
        torch.testing.assert_close(out[:, :, position], torch.maximum(*pooled))
