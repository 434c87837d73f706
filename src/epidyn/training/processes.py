"""The processes of a run over several devices: none outlives another, and the first speaks for all.

Lightning starts one process a device, all with the same command. It watches them, too, but ends the first one
without a word when another has died; so we take that over.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytorch_lightning as lightning
import torch

from epidyn.errors import EpidynError, WorkerError

log = logging.getLogger("epidyn")

_STATUS = 2
_EVERY = 0.1  # seconds between looks
_GRACE = 10.0  # seconds in which the first process should notice by itself that another is gone


def first_process() -> bool:
    """Tell whether this is the process that writes and speaks; Lightning starts the others with a rank."""
    return int(os.environ.get("LOCAL_RANK", "0")) == 0


@contextmanager
def together(trainer: lightning.Trainer) -> Iterator[None]:
    """Watch the other processes while the trainer fits.

    Raises
    ------
    WorkerError
        In the first process, if another one has died. Where this one waits for it for ever, it says so and ends.
    """
    if not first_process():
        with _behind_the_first():
            yield
        return
    procs: list[subprocess.Popen[bytes]] | None = getattr(trainer.strategy.launcher, "procs", None)
    if procs is None:  # one device
        yield
        return
    watch = _Watch(trainer)
    watch.start()
    try:
        yield
    except Exception as error:
        died = watch.died()
        if died is None:
            raise
        raise WorkerError(died) from error
    finally:
        watch.end()


class Terminable(lightning.Callback):
    """Keeps what this process does on SIGTERM; Lightning's own handler waits for the other processes for ever."""

    def __init__(self) -> None:
        self._before = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Put back what Lightning has just replaced, as it does in the main thread only."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._before)


class _Watch(threading.Thread):
    """Looks after the processes that the trainer's launcher starts."""

    def __init__(self, trainer: lightning.Trainer) -> None:
        super().__init__(daemon=True, name="epidyn-processes")
        self._trainer = trainer
        self._procs: list[subprocess.Popen[bytes]] = []
        self._ended = threading.Event()
        self._died = threading.Event()
        self._words = ""

    def run(self) -> None:
        while not self._ended.wait(_EVERY):
            # Taken from the launcher, whose own watch finds none and stops.
            taken = self._trainer.strategy.launcher.procs  # type: ignore[union-attr]
            self._procs += taken
            taken.clear()
            codes = [proc.poll() for proc in self._procs]
            if any(codes):
                self._words = _words(codes)
                self._died.set()
                self._kill()
                if not self._ended.wait(_GRACE):
                    log.error("Error: %s", self._words)
                    os._exit(_STATUS)
                return

    def died(self) -> str | None:
        """Return what to say of a process that died; None if all live. A death is seen within moments."""
        return self._words if self._died.wait(10 * _EVERY) else None

    def end(self) -> None:
        """Stop watching; processes still at work after a failure are ended, others end by themselves."""
        self._ended.set()
        self.join()
        if self._trainer.interrupted:
            self._kill()

    def _kill(self) -> None:
        for proc in self._procs:
            if proc.poll() is None:
                proc.kill()


def _words(codes: Sequence[int | None]) -> str:
    """Say which process died and how; ``codes`` are those that the processes after the first returned."""
    number, code = next((i, code) for i, code in enumerate(codes, start=2) if code)
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    return (
        f"process {number} of {len(codes) + 1} {how}, so training cannot go on. What was saved is kept: see why "
        "(is memory short?), then resume."
    )


@contextmanager
def _behind_the_first() -> Iterator[None]:
    """End this process without a word where another one is gone, or where all raise the same: the first speaks."""
    first = os.getppid()

    def follow() -> None:
        ended = threading.Event()
        while not ended.wait(_EVERY):
            if os.getppid() != first:
                os._exit(_STATUS)

    threading.Thread(target=follow, daemon=True, name="epidyn-first-process").start()
    try:
        yield
    except (EpidynError, KeyboardInterrupt):
        os._exit(_STATUS)
    except RuntimeError as error:
        if isinstance(error, torch.distributed.DistError) or "gloo" in str(error):  # the connection is lost
            os._exit(_STATUS)
        raise
