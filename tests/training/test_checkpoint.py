from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from epidyn.errors import InputFileError, ModelFileError
from epidyn.training.checkpoint import TrainingState


def full_state() -> TrainingState:
    parameter = torch.nn.Parameter(torch.randn(3))
    optimizer = torch.optim.NAdam([parameter])
    parameter.sum().backward()
    optimizer.step()
    return TrainingState(
        epoch=2,
        batch=3,
        step=17,
        seconds=1.5,
        loss_sum=0.1 + 0.2,
        loss_count=39,
        history=[{"epoch": 1, "val_loss": 0.7}],
        best_loss=0.7,
        best_epoch=1,
        best_weights={"w": torch.randn(3)},
        waited=1,
        weights={"w": torch.randn(3)},
        optimizer=optimizer.state_dict(),
        inputs={"pairs": "abc"},
        settings="[data]",
    )


def test_round_trip(tmp_path: Path):
    state = full_state()
    state.save(tmp_path / "c.pt")
    again = TrainingState.load(tmp_path / "c.pt")
    for name in (
        "epoch",
        "batch",
        "step",
        "seconds",
        "loss_sum",
        "loss_count",
        "history",
        "best_loss",
        "inputs",
        "settings",
    ):
        assert getattr(again, name) == getattr(state, name)
    assert torch.equal(again.weights["w"], state.weights["w"])
    assert torch.equal(again.best_weights["w"], state.best_weights["w"])
    kept, found = state.optimizer["state"][0], again.optimizer["state"][0]
    assert all(torch.equal(kept[name], found[name]) for name in kept)


class Harmful:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_what_is_loaded_cannot_run_code(tmp_path: Path):
    torch.save({"history": [Harmful(tmp_path / "ran")]}, tmp_path / "c.pt")
    with pytest.raises(ModelFileError, match="could run code"):
        TrainingState.load(tmp_path / "c.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"no checkpoint", None])
def test_damaged(tmp_path: Path, content: bytes | None):
    full_state().save(tmp_path / "c.pt")
    whole = (tmp_path / "c.pt").read_bytes()
    (tmp_path / "c.pt").write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(ModelFileError, match="no torch file"):
        TrainingState.load(tmp_path / "c.pt")


def test_of_another_kind(tmp_path: Path):
    torch.save({"other": 1}, tmp_path / "c.pt")
    with pytest.raises(ModelFileError, match="of another kind"):
        TrainingState.load(tmp_path / "c.pt")
    with pytest.raises(InputFileError, match="does not exist"):
        TrainingState.load(tmp_path / "none.pt")
