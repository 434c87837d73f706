"""The network, learning: Lightning's loop, with a state that a resume goes on from."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as lightning

from epidyn import progress
from epidyn.dataset import PairDataModule, batches_per_epoch
from epidyn.errors import ConfigError, ModelFileError
from epidyn.nn.precision import full_float32
from epidyn.scoring import NetworkScorer
from epidyn.training.checkpoint import Save, TrainingState
from epidyn.training.config import RunConfig
from epidyn.training.device import on_gpu, precision, restart_gpu_peak
from epidyn.training.inputs import RunInputs, initial_network
from epidyn.training.module import Journal, NetworkModule
from epidyn.training.processes import Terminable, together
from epidyn.training.randomness import borrowed_generators

log = logging.getLogger("epidyn")

_PRECISION: dict[str, Any] = {"32": "32-true", "bf16": "bf16-mixed"}


class NetworkLearner:
    """Trains the network; see :class:`epidyn.training.learners.Learner`."""

    def __init__(self, config: RunConfig) -> None:
        self._settings = config.training
        self.network, self.origin = initial_network(config)

    def restore(self, state: TrainingState) -> None:
        """Take up the weights of a state."""
        try:
            self.network.load_state_dict(state.weights)
        except RuntimeError as error:
            raise ModelFileError("the checkpoint does not fit the network.") from error

    def learn(self, inputs: RunInputs, state: TrainingState, save: Save) -> None:
        """Train from where the state is; saved at the end of an epoch, and in between by ``save_minutes``."""
        settings, network = self._settings, self.network
        log.info("%s with learning rate %g", settings.optimizer, settings.learning_rate)
        if "stem" in self.origin:
            log.info("the stem starts from %s", self.origin["stem"])
        samples = len(inputs.data.train)
        steps = batches_per_epoch(samples, settings.batch_size, smallest=2 * settings.devices)
        if steps == 0:
            raise ConfigError(
                f"the training set has {samples} window pairs, too few for a batch over these devices."
            )
        total = steps * settings.epochs if settings.max_steps is None else settings.max_steps
        data = PairDataModule(
            inputs.data,
            batch_size=settings.batch_size,
            seed=settings.seed,
            rc_augment=settings.rc_augment,
            pin_memory=on_gpu(settings),
        )

        state.precision = precision(settings)
        network.conv = settings.conv
        with borrowed_generators(), full_float32(), _quiet_lightning(), progress.bar("Training", total) as advance:
            advance(state.step)
            module = NetworkModule(network, settings)
            journal = Journal(module, state, data, settings, save, steps, advance)
            trainer = lightning.Trainer(
                accelerator="gpu" if on_gpu(settings) else "cpu",
                devices=settings.devices,
                strategy="ddp" if settings.devices > 1 else "auto",
                precision=_PRECISION[precision(settings)],
                max_epochs=settings.epochs - state.epoch,
                reload_dataloaders_every_n_epochs=1,
                use_distributed_sampler=False,
                num_sanity_val_steps=0,
                callbacks=[journal, Terminable()],
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
            restart_gpu_peak(settings)
            try:
                with together(trainer):
                    trainer.fit(module, datamodule=data)
            except SystemExit as stop:
                # What Lightning makes of Ctrl-C.
                if not isinstance(stop.__context__, KeyboardInterrupt):
                    raise
                raise KeyboardInterrupt from stop

    def scorer(self, state: TrainingState) -> NetworkScorer:
        """Return the network with the weights of the best epoch, on the CPU."""
        self.network.load_state_dict(state.best_weights)
        return NetworkScorer(self.network.cpu().eval())

    def best(self, state: TrainingState) -> dict[str, float]:
        """Return the row of what is kept."""
        return state.best_row()

    def words(self, state: TrainingState) -> str:
        """Return what was kept."""
        return f"epoch {state.best_epoch} of {state.epoch}"


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep Lightning's banners and advice off the screen; what the user must know, we say."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # The loader yields whole batches from memory, faster than any network takes them (docs/performance.md).
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*GPU available but not used.*")
        # Lightning's own use of a part of torch that is to go.
        warnings.filterwarnings("ignore", message=".*treespec.*LeafSpec.*")
        try:
            yield
        finally:
            logger.setLevel(level)
