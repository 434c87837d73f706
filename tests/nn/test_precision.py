from __future__ import annotations

import torch

from epidyn.nn.precision import full_float32


def test_allows_no_tf32_inside_and_leaves_the_setting_as_it_was():
    before = torch.backends.cudnn.allow_tf32
    with full_float32():
        assert not torch.backends.cudnn.allow_tf32
        assert torch.backends.cudnn.enabled
    assert torch.backends.cudnn.allow_tf32 == before
