"""The network under Lightning: loss, optimiser, and the state that goes into a checkpoint."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytorch_lightning as lightning
import torch
from torch import Tensor
from torch.nn import functional as F

from epidyn import metrics
from epidyn.dataset import PairDataModule
from epidyn.errors import DivergenceError
from epidyn.nn import EpiDynFusion
from epidyn.progress import Advance
from epidyn.training.checkpoint import TrainingState
from epidyn.training.config import TrainingConfig
from epidyn.training.device import gpu_peak
from epidyn.training.randomness import STEP, seed_torch

log = logging.getLogger("epidyn")


class NetworkModule(lightning.LightningModule):
    """Binary cross-entropy on logits."""

    network: EpiDynFusion
    validated: list[tuple[Tensor, Tensor]]

    def __init__(self, network: EpiDynFusion, config: TrainingConfig) -> None:
        super().__init__()
        self.network = network
        self.config = config
        self.validated = []
        self._compute = torch.compile(network.forward) if config.compile else network.forward

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Return the mean loss of a batch."""
        logits = self._compute(batch["enhancer"], batch["promoter"])
        return F.binary_cross_entropy_with_logits(logits.float(), batch["label"])

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Keep logits and labels until the epoch's end; a device's share of the last batch may be empty."""
        if not len(batch["label"]):
            return
        logits = self.network(batch["enhancer"], batch["promoter"])
        self.validated.append((logits.float(), batch["label"]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser that the configuration names, over what is trained; all else is torch's default."""
        trained = (parameter for parameter in self.parameters() if parameter.requires_grad)
        chosen: type[torch.optim.Optimizer] = getattr(torch.optim, self.config.optimizer)
        return chosen(trained, lr=self.config.learning_rate)  # type: ignore[call-arg]


class Journal(lightning.Callback):
    """Keeps the state of a run: counts, history, best epoch, early stopping; saves it every few minutes.

    Lightning sees each epoch, or the rest of a resumed one, as an epoch of its own, so its own restart logic is
    not used: going on means loading the state and asking the data module for the batches that are left.

    Parameters
    ----------
    module
        What is trained.
    state
        Where the run is; changed in place.
    data
        The data module, told which batches come next.
    config
        Epochs, steps, patience and minutes between saves.
    save
        Called with the state when it is to be written; on the first process only.
    steps_per_epoch
        Batches of a whole epoch.
    advance
        Moves the progress bar by steps.
    """

    def __init__(
        self,
        module: NetworkModule,
        state: TrainingState,
        data: PairDataModule,
        config: TrainingConfig,
        save: Callable[[TrainingState], None],
        steps_per_epoch: int,
        advance: Advance,
    ) -> None:
        self.module, self.state, self.data, self.config = module, state, data, config
        self._write = save
        self.steps_per_epoch = steps_per_epoch
        self.advance = advance
        # One accumulator an epoch, on the device, saved and restored as it is: a resumed run adds up the same
        # numbers in the same order.
        self._loss_sum = torch.tensor(state.loss_sum, dtype=torch.float64)
        # The first step without a finite loss, 0 if none; on the device, too, as asking at each step would make a
        # GPU wait.
        self._first_bad = torch.tensor(0)
        self._clock = self._written = time.monotonic()
        self._go_on()

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Load the optimiser's state, which exists only now."""
        if self.state.optimizer:
            trainer.optimizers[0].load_state_dict(self.state.optimizer)
        self._loss_sum = self._loss_sum.to(pl_module.device)
        self._first_bad = self._first_bad.to(pl_module.device)
        self._clock = self._written = time.monotonic()

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Make what the step draws a function of its number."""
        seed_torch(self.config.seed, STEP, self.state.step, trainer.global_rank)

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Count the step, and save if it is time; the last step of an epoch is saved after its validation."""
        state, samples = self.state, len(batch["label"])
        loss = outputs["loss"].detach()
        self._loss_sum += loss.double() * samples
        state.loss_count += samples
        state.batch += 1
        state.step += 1
        self._first_bad.add_(state.step * ((self._first_bad == 0) & ~torch.isfinite(loss)))
        if state.step == 1:
            log.info("the first step is done")
        due = (time.monotonic() - self._written) / 60 >= self.config.save_minutes
        if trainer.world_size == 1 and (due or pl_module.device.type == "cpu"):
            self._refuse_divergence(int(self._first_bad))
        if due and state.batch < self._last_batch:
            self._save(trainer)
        self.advance(1, f"epoch {state.epoch + 1}, step {state.step:,}")

    def on_validation_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """End the epoch: history, best weights, whether to stop, and a save."""
        state = self.state
        self._tick()
        loss = self._record(trainer)
        if loss < state.best_loss:
            state.best_loss, state.best_epoch, state.waited = loss, state.epoch + 1, 0
            state.best_weights = _copied(self.module.network.state_dict())
        else:
            state.waited += 1
        state.epoch, state.batch, state.loss_count = state.epoch + 1, 0, 0
        self._loss_sum.zero_()
        out_of_steps = self.config.max_steps is not None and state.step >= self.config.max_steps
        state.finished = state.waited >= self.config.patience or state.epoch >= self.config.epochs or out_of_steps
        trainer.should_stop = state.finished
        self._save(trainer)
        self._go_on()

    def _record(self, trainer: lightning.Trainer) -> float:
        """Add the epoch to the history; return its validation loss."""
        self._refuse_divergence(max(_from_all(int(self._first_bad))))
        logits, labels = _gathered(self.module)
        if not torch.isfinite(logits).all():
            raise DivergenceError(
                f"training diverged in epoch {self.state.epoch + 1}: after step {self.state.step} the network's "
                "scores of the validation part are no finite numbers. Lower --learning-rate."
            )
        loss = balanced_loss(logits, labels, prevalence=float(self.data.data.train.label.mean(dtype="float64")))
        loss_sum, count = _summed(float(self._loss_sum), self.state.loss_count)
        row = {
            "epoch": self.state.epoch + 1,
            "step": self.state.step,
            "seconds": round(self.state.seconds, 3),
            "train_loss": loss_sum / count,
            "val_loss": loss,
            "val_auroc": metrics.auroc(labels.numpy(), logits.numpy()),
            "val_aupr": metrics.aupr(labels.numpy(), logits.numpy()),
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
        }
        self.state.history.append(row)
        log.info(
            "epoch %(epoch)d: train_loss %(train_loss).4f, val_loss %(val_loss).4f, val_auroc %(val_auroc).4f, "
            "val_aupr %(val_aupr).4f, %(seconds).0f s",
            row,
        )
        return loss

    def _refuse_divergence(self, step: int) -> None:
        """Raise DivergenceError if there was a step, counted from 1, whose loss is no finite number."""
        if step:
            batch = self.state.batch - (self.state.step - step)
            raise DivergenceError(
                f"training diverged in epoch {self.state.epoch + 1}, batch {batch} of {self.steps_per_epoch} "
                f"(step {step} of the run): the loss is no finite number. Lower --learning-rate."
            )

    def _save(self, trainer: lightning.Trainer) -> None:
        """Bring the state up to date and hand it to be written."""
        self._tick()
        peak = gpu_peak(self.config)
        if peak is not None:
            self.state.gpu_bytes = max(peak, self.state.gpu_bytes or 0)
        self.state.loss_sum = float(self._loss_sum)
        self.state.weights = _copied(self.module.network.state_dict())
        self.state.optimizer = trainer.optimizers[0].state_dict()
        if trainer.is_global_zero:
            self._write(self.state)
        self._written = time.monotonic()

    def _tick(self) -> None:
        now = time.monotonic()
        self.state.seconds += now - self._clock
        self._clock = now

    def _go_on(self) -> None:
        """Ask for the batches of this epoch that are left, as far as ``max_steps`` allows."""
        self._last_batch = self.steps_per_epoch
        if self.config.max_steps is not None:
            left = self.config.max_steps - self.state.step
            self._last_batch = min(self._last_batch, self.state.batch + left)
        self.data.go_to(self.state.epoch, self.state.batch, self._last_batch)


def balanced_loss(logits: Tensor, labels: Tensor, *, prevalence: float) -> float:
    """Return the binary cross-entropy as if positives had the share ``prevalence``, that of training.

    A held-out chromosome may have another share of positives; unweighted, a model that is right about the training
    set's prevalence would be marked down for it. Both labels must occur.
    """
    losses = F.binary_cross_entropy_with_logits(logits, labels.double(), reduction="none")
    positive = labels == 1
    return float(prevalence * losses[positive].mean() + (1 - prevalence) * losses[~positive].mean())


def _copied(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in state.items()}


def _gathered(module: NetworkModule) -> tuple[Tensor, Tensor]:
    """Return all logits (float64) and labels of the validation, from every device, and forget them."""
    own = tuple(torch.cat([torch.empty(0), *(kept[part].cpu() for kept in module.validated)]) for part in (0, 1))
    module.validated = []
    logits, labels = zip(*_from_all(own), strict=True)
    return torch.cat(logits).double(), torch.cat(labels)


def _summed(*values: float) -> list[float]:
    """Return each value summed over the processes of the run."""
    return [float(total) for total in np.sum(_from_all(values), axis=0)]


def _from_all(value: Any) -> list[Any]:
    if not torch.distributed.is_initialized():
        return [value]
    values = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(values, value)
    return values
