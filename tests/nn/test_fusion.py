from __future__ import annotations

import pytest
import torch

from epidyn.nn.fusion import AttentionFusion, DynamicFusion, FixedFusion, GatedFusion, build_fusion
from tests.nn.toys import small_config

T, G = torch.randn(2, 5, 12), torch.randn(2, 5, 12)


def test_dynamic_is_two_independent_scalars():
    fusion = DynamicFusion(balanced=False)
    with torch.no_grad():
        fusion.transformer_gate.fill_(2.0)
        fusion.gru_gate.fill_(-1.0)
    expected = T / (1 + torch.tensor(-2.0).exp()) + G / (1 + torch.tensor(1.0).exp())
    torch.testing.assert_close(fusion(T, G), expected)


def test_balanced_gates_start_at_one_half():
    torch.testing.assert_close(DynamicFusion(balanced=True)(T, G), 0.5 * T + 0.5 * G)


def test_fixed_is_the_mean():
    torch.testing.assert_close(FixedFusion()(T, G), (T + G) / 2)


@pytest.mark.parametrize("fusion", [AttentionFusion(12), GatedFusion(12)])
def test_weights_that_sum_to_one_leave_equal_streams_alone(fusion: torch.nn.Module):
    torch.testing.assert_close(fusion(T, T), T)


def test_gate_depends_on_the_content():
    fusion = GatedFusion(12)
    share = (fusion(T, G) - G) / (T - G)
    assert share.std() > 1e-3
    assert ((share > 0) & (share < 1)).all()


def test_no_fusion_cannot_be_built():
    with pytest.raises(ValueError, match="none"):
        build_fusion(small_config(fusion="none"))
