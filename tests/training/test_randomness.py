from __future__ import annotations

import torch

from epidyn.training.randomness import borrowed_generators, seed_torch


def test_borrowed_generators_are_put_back():
    state = torch.get_rng_state()
    with borrowed_generators():
        seed_torch(1, 2)
        torch.rand(3)
    assert torch.equal(torch.get_rng_state(), state)


def test_each_key_counts():
    draws = []
    with borrowed_generators():
        for keys in ((1, 2, 3), (1, 2, 4), (2, 2, 3), (1, 3, 2), (1, 2, 3)):
            seed_torch(*keys)
            draws.append(torch.rand(4).tolist())
    assert draws[0] == draws[-1]
    assert len({tuple(draw) for draw in draws}) == 4
