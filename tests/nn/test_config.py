from __future__ import annotations

import pytest
from pydantic import ValidationError

from epidyn.nn import NetworkConfig


def test_defaults_are_the_published_sizes():
    config = NetworkConfig()
    assert (config.enhancer_positions, config.promoter_positions) == (194, 194)
    assert config.fuses


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"chanels": 3}, "chanels"),
        (
            {"enhancer_length": 93},
            r"enhancer_length \(93\) is too short for enhancer_kernel \(80\) .* at least 94",
        ),
        ({"promoter_length": 69}, r"promoter_length \(69\) is too short for promoter_kernel"),
        ({"heads": 7}, "multiple of heads"),
        ({"channels": 15, "heads": 5}, "must be even"),
        ({"cbam_reduction": 101}, "cbam_reduction"),
        ({"cbam_kernel": 4}, "odd"),
        ({"dropout": 1.0}, "dropout"),
        ({"fusion": "magic"}, "fusion"),
    ],
)
def test_refuses(changes: dict, names: str):
    with pytest.raises(ValidationError, match=names):
        NetworkConfig(**changes)


def test_shortest_windows_that_leave_a_position():
    config = NetworkConfig(enhancer_length=94, promoter_length=70)
    assert (config.enhancer_positions, config.promoter_positions) == (1, 1)


def test_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        NetworkConfig().channels = 7


@pytest.mark.parametrize(
    ("changes", "fuses"),
    [({}, True), ({"fusion": "none"}, False), ({"gru": False}, False), ({"transformer": False}, False)],
)
def test_fuses_only_two_streams(changes: dict, fuses: bool):
    assert NetworkConfig(**changes).fuses is fuses
