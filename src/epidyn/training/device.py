"""Where a run computes, and how precisely."""

from __future__ import annotations

from typing import Literal

import torch

from epidyn.errors import ConfigError
from epidyn.training.config import RunConfig, TrainingConfig


def check_device(config: RunConfig) -> None:
    """Refuse what this machine cannot do, before any work.

    Raises
    ------
    ConfigError
        If the machine lacks the devices, they lack the precision or the kind of convolution, or a batch cannot be
        shared out over them.
    """
    settings = config.training
    if settings.batch_size < 2 * settings.devices:
        raise ConfigError(
            f"--batch-size {settings.batch_size} over --devices {settings.devices}: batch norm "
            "needs at least 2 samples on each device. Raise the one or lower the other."
        )
    if settings.accelerator == "gpu" and not torch.cuda.is_available():
        raise ConfigError("--accelerator gpu: this machine has no CUDA device. Use cpu or auto.")
    if on_gpu(settings):
        _check_gpu(settings)
    elif settings.precision == "bf16":
        raise ConfigError(
            "--precision bf16 is for a GPU; this run computes on the CPU, where it is slower than 32 and less "
            "exact. Use 32 or auto."
        )
    elif settings.compile:
        raise ConfigError(
            "--compile is for a GPU, and this run computes on the CPU, where the network has faster code of its "
            "own. Leave it out."
        )


def _check_gpu(settings: TrainingConfig) -> None:
    if settings.devices > torch.cuda.device_count():
        raise ConfigError(f"--devices {settings.devices}: this machine has {torch.cuda.device_count()}.")
    if settings.precision == "bf16" and not _computes_bf16():
        raise ConfigError(f"--precision bf16: {torch.cuda.get_device_name()} does not compute it. Use 32 or auto.")
    if settings.conv == "fft":
        raise ConfigError("--conv fft is for the CPU, and this run computes on a GPU. Use auto or direct.")


def on_gpu(settings: TrainingConfig) -> bool:
    """Tell whether a run computes on CUDA devices."""
    return settings.accelerator != "cpu" and torch.cuda.is_available()


def device_name(settings: TrainingConfig) -> str:
    """Return the name of the GPU, or ``cpu``."""
    return torch.cuda.get_device_name() if on_gpu(settings) else "cpu"


def restart_gpu_peak(settings: TrainingConfig) -> None:
    """Begin to measure the memory of the GPU anew, if the run computes on one."""
    if on_gpu(settings):
        torch.cuda.reset_peak_memory_stats()


def gpu_peak(settings: TrainingConfig) -> int | None:
    """Return the most bytes that tensors took of the GPU since it was begun to measure; None without one."""
    return torch.cuda.max_memory_allocated() if on_gpu(settings) else None


def precision(settings: TrainingConfig) -> Literal["32", "bf16"]:
    """Return the precision that a run has; ``auto`` is bf16 on a GPU that computes it, otherwise 32."""
    if settings.precision != "auto":
        return settings.precision
    return "bf16" if on_gpu(settings) and _computes_bf16() else "32"


def _computes_bf16() -> bool:
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))
