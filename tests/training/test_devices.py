"""Which device, precision and memory a run has; test_processes.py has runs over several."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from epidyn.errors import ConfigError
from epidyn.training.config import RunConfig
from epidyn.training.device import check_device, gpu_peak, precision, restart_gpu_peak


@pytest.mark.parametrize(("batch_size", "devices"), [(3, 2), (7, 4)])
def test_a_batch_must_leave_two_samples_a_device(toy_config, batch_size: int, devices: int):
    config: RunConfig = toy_config(
        training={"batch_size": batch_size, "devices": devices, "accelerator": "cpu"},
    )
    with pytest.raises(ConfigError, match="at least 2 samples on each device"):
        check_device(config)


@pytest.fixture
def a_gpu(monkeypatch: pytest.MonkeyPatch):
    """A machine that says it has one old GPU; nothing is computed on it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla P100")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)


@pytest.mark.usefixtures("a_gpu")
@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"precision": "bf16"}, "--precision bf16: Tesla P100 does not compute it. Use 32 or auto"),
        ({"conv": "fft"}, "--conv fft is for the CPU"),
        ({"devices": 2}, "--devices 2: this machine has 1"),
    ],
)
def test_refuses_what_the_gpu_lacks(toy_config, settings: dict, complaint: str):
    with pytest.raises(ConfigError, match=complaint):
        check_device(toy_config(training={"accelerator": "auto", **settings}))
    if not {"devices", "precision"} & set(settings):
        check_device(toy_config(training={"accelerator": "cpu", **settings}))


def test_refuses_bf16_on_the_cpu(toy_config):
    with pytest.raises(ConfigError, match="--precision bf16 is for a GPU; this run computes on the CPU"):
        check_device(toy_config(training={"accelerator": "cpu", "precision": "bf16"}))


def test_refuses_to_compile_on_the_cpu(toy_config):
    with pytest.raises(ConfigError, match="--compile is for a GPU"):
        check_device(toy_config(training={"accelerator": "cpu", "compile": True}))


def test_precision_follows_the_device(toy_config, monkeypatch: pytest.MonkeyPatch):
    settings = toy_config(training={"accelerator": "auto"}).training
    assert settings.precision == "auto"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert precision(settings) == "32"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for computes, expected in ((True, "bf16"), (False, "32")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, c=computes: c)
        assert precision(settings) == expected
    assert precision(toy_config(training={"precision": "bf16"}).training) == "bf16"
    assert precision(toy_config(training={"precision": 32}).training) == "32"


def test_the_most_memory_of_the_gpu_is_kept_over_a_resume(
    toy_config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Three saves of one process, then what a second one adds; nothing is computed on a GPU."""
    from epidyn import training
    from epidyn.training.checkpoint import TrainingState

    peaks = iter([100, 700, 300, 200, 400])
    kept: list[int | None] = []
    save = TrainingState.save

    def stopping(self: TrainingState, path: Path) -> None:
        kept.append(self.gpu_bytes)
        save(self, path)
        if len(kept) == 3:
            raise InterruptedError

    monkeypatch.setattr(TrainingState, "save", stopping)
    monkeypatch.setattr("epidyn.training.module.gpu_peak", lambda settings: next(peaks))
    monkeypatch.setattr("epidyn.training.run.gpu_peak", lambda settings: 50)
    with pytest.raises(InterruptedError):
        training.train(toy_config(training={"epochs": 5}), tmp_path / "run")
    training.resume(tmp_path / "run")
    assert kept == [100, 700, 700, 700, 700]
    memory = json.loads((tmp_path / "run" / "metrics.json").read_text())["memory"]
    assert (memory["training_peak_gpu_bytes"], memory["test_peak_gpu_bytes"]) == (700, 50)


def test_gpu_memory_is_measured_from_anew_where_there_is_one(toy_config, monkeypatch: pytest.MonkeyPatch):
    restarts: list[None] = []
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 123)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: restarts.append(None))
    for there, peak in ((True, 123), (False, None)):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        settings = toy_config().training
        restart_gpu_peak(settings)
        assert gpu_peak(settings) == peak
    assert len(restarts) == 1
