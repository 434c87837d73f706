"""Ctrl-C in the middle of an epoch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from epidyn import training
from epidyn.training.config import RunConfig
from epidyn.training.module import Journal


def test_says_how_to_go_on_and_can(
    tmp_path: Path,
    toy_config: Callable[..., RunConfig],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    ended = Journal.on_train_batch_end

    def interrupted(self: Journal, *args: object) -> None:
        ended(self, *args)
        if self.state.step == 9:
            raise KeyboardInterrupt

    config = toy_config(training={"epochs": 2})
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "on_train_batch_end", interrupted)
        # Lightning ignores further Ctrl-C for good; put the handler back.
        patch.setattr("pytorch_lightning.trainer.call.signal.signal", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            training.train(config, tmp_path / "run")
    assert f"stopped in epoch 2 of {tmp_path / 'run'}" in caplog.text
    training.resume(tmp_path / "run")
    assert (tmp_path / "run" / "model.safetensors").exists()
