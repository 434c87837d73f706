"""What turns base codes into logits: one small interface, whatever kind of model stands behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import ValidationError
from torch import Tensor

from epidyn import progress
from epidyn.described import Rows, plain
from epidyn.elements import ROLES, Codes, ElementStore, Ints, Role
from epidyn.errors import ConfigError, ModelFileError
from epidyn.kmers import VOCABULARY
from epidyn.nn import EpiDynFusion, NetworkConfig
from epidyn.nn.precision import full_float32
from epidyn.stems import Encoder, StemCache, Windows, blocks

DEFAULT_BATCH_SIZE = 64

Logits = npt.NDArray[np.float32]


class Scorer(Encoder, Protocol):
    """What a kind of model must do; everything else about a model is the same for all kinds.

    It reads each element alone (:meth:`encode`) and then pairs of what it made of them (:meth:`score`). A pair's
    logit is the sum of that and of :meth:`of_distance`.
    """

    kind: ClassVar[str]

    @property
    def lengths(self) -> dict[Role, int]:
        """Window lengths in bases."""
        ...

    def to(self, device: torch.device) -> None:
        """Compute there from now on; raises ConfigError if this kind cannot."""
        ...

    def score(self, enhancer: Tensor, promoter: Tensor) -> Logits:
        """Score one batch of pairs: stems (batch, ...) of either role, to float32 (batch,)."""
        ...

    @property
    def reads_distance(self) -> bool:
        """Whether a pair's score depends on the distance between its elements, not on their windows alone."""
        ...

    def of_distance(self, distance: npt.NDArray[np.number]) -> Logits:
        """Return what the distance between midpoints, in bases, (n,), adds to scores, float32 (n,)."""
        ...

    def parts(self) -> Mapping[str, Scorer]:
        """Return what in it can score pairs alone, by name: reports say of each how much it carries."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Return what the model file holds."""
        ...

    def configuration(self) -> dict[str, Any]:
        """Return settings as plain values, enough to rebuild the scorer with its tensors."""
        ...

    def describe(self) -> Rows:
        """Return names and values of its settings and of what it found, as a user reads them."""
        ...

    @classmethod
    def restore(cls, configuration: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """Rebuild; raises ModelFileError if the parts do not fit."""
        ...


class NetworkScorer:
    """The network as a scorer; runs where the network's weights are."""

    kind: ClassVar[str] = "network"

    def __init__(self, network: EpiDynFusion) -> None:
        self.network = network

    @property
    def lengths(self) -> dict[Role, int]:
        """Window lengths in bases."""
        return {
            "enhancer": self.network.config.enhancer_length,
            "promoter": self.network.config.promoter_length,
        }

    @property
    def stem_bytes(self) -> dict[Role, int]:
        """Bytes of one stem: channels times positions."""
        config = self.network.config
        channel = config.channels * self._weight.element_size()
        return {"enhancer": channel * config.enhancer_positions, "promoter": channel * config.promoter_positions}

    def to(self, device: torch.device) -> None:
        """Move the network."""
        self.network.to(device)

    def encode(self, role: Role, codes: Codes) -> Tensor:
        """Return stems, (n, channels, positions), of codes, uint8 (n, length), in evaluation mode."""
        # torch takes no array with negative strides, and warns of one that is read-only.
        given = torch.from_numpy(np.require(codes, requirements=["C", "W"])).to(self._weight.device)
        with evaluating(self.network):
            if role == "enhancer":
                return self.network.encode_enhancer(given)
            return self.network.encode_promoter(given)

    def score(self, enhancer: Tensor, promoter: Tensor) -> Logits:
        """Score one batch in evaluation mode."""
        with evaluating(self.network):
            logits: Logits = self.network.score(enhancer, promoter).float().cpu().numpy()
        return logits

    @property
    def reads_distance(self) -> bool:
        """False: the network reads bases alone."""
        return False

    def of_distance(self, distance: npt.NDArray[np.number]) -> Logits:
        """Return zeros."""
        return np.zeros(len(distance), dtype=np.float32)

    def parts(self) -> Mapping[str, Scorer]:
        """Return nothing."""
        return {}

    @property
    def _weight(self) -> Tensor:
        return next(self.network.parameters())

    def tensors(self) -> dict[str, Tensor]:
        """Return the network's state_dict, on the CPU."""
        return {name: value.detach().cpu().contiguous() for name, value in self.network.state_dict().items()}

    def configuration(self) -> dict[str, Any]:
        """Return the network's configuration."""
        return self.network.config.model_dump()

    def describe(self) -> Rows:
        """Return the network's settings."""
        return [(name, plain(value)) for name, value in self.configuration().items()]

    @classmethod
    def restore(cls, configuration: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """Rebuild the network."""
        try:
            config = NetworkConfig.model_validate(configuration)
        except ValidationError as error:
            raise ModelFileError("its network configuration cannot be used:", complaints(error)) from error
        wanted = _shapes(config, tensors)
        found = {name: value.shape for name, value in tensors.items()}
        if wanted != found:
            differing = sorted(
                name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)
            )
            raise ModelFileError("its weights do not fit its network configuration:", differing)
        with torch.random.fork_rng(devices=[]):  # the initial weights are replaced; the draws leave no trace
            network = EpiDynFusion(config)
        network.load_state_dict(tensors)
        return cls(network.eval())


def _shapes(config: NetworkConfig, tensors: dict[str, Tensor]) -> dict[str, torch.Size]:
    """Return the shapes of a network's weights by name; no memory is taken for what ``tensors`` cannot fill.

    Raises
    ------
    ModelFileError
        If the k-mer vectors or the layers of the GRU are more than there are weights.
    """
    table = (VOCABULARY, config.vector_size)
    if all(tuple(tensor.shape) != table for tensor in tensors.values()):
        raise ModelFileError(
            f"its weights do not fit its network configuration: none has the shape {table} of k-mer vectors."
        )
    if config.gru and config.gru_layers > len(tensors):
        raise ModelFileError(
            f"its weights do not fit its network configuration: {len(tensors)} weights are too few for "
            f"{config.gru_layers} layers of the GRU."
        )
    with torch.device("meta"):  # shapes alone
        network = EpiDynFusion(config, np.zeros(table, dtype=np.float32))
    return {name: value.shape for name, value in network.state_dict().items()}


def window_logits(
    scorer: Scorer,
    store: ElementStore,
    enhancer: Ints,
    promoter: Ints,
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    rc_average: bool = False,
    stems: StemCache | None = None,
) -> Logits:
    """Score pairs of windows of a store; the same pair of windows is scored once.

    Without what the distance between the elements adds (:meth:`Scorer.of_distance`).

    Parameters
    ----------
    scorer, store
        What scores, and where the windows are.
    enhancer, promoter
        Positions in the store, int64 (n,).
    batch_size
        Pairs scored, and windows encoded, at once; at least 1.
    rc_average
        Average with the logit of both windows reverse-complemented.
    stems
        Where the stems of this very scorer are kept from call to call; by default for this one.

    Returns
    -------
    float32 array (n,)
        In the order given.

    Raises
    ------
    ValueError
        If ``stems`` are those of another scorer.
    """
    check_batch_size(batch_size)
    if stems is None:
        stems = StemCache(scorer)
    elif stems.encoder is not scorer:
        raise ValueError("these stems are of another model; give a StemCache of the model that scores.")
    positions = dict(zip(ROLES, (enhancer, promoter), strict=True))
    ways = [
        {role: Windows(store, role, at, turned=turned) for role, at in positions.items()}
        for turned in ((False, True) if rc_average else (False,))
    ]
    first, second = (ways[0][role] for role in ROLES)
    distinct, inverse = np.unique(first.number * len(second) + second.number, return_inverse=True)
    numbers: dict[Role, Ints] = dict(zip(ROLES, np.divmod(distinct, max(len(second), 1)), strict=True))
    logits = np.zeros(len(distinct), dtype=np.float32)
    with progress.bar("Scoring pairs", len(ways) * len(distinct)) as advance:
        for windows in ways:
            for block in blocks(numbers, stems.room):
                held = stems.hold(windows, block.windows, batch_size=batch_size)
                slots = {
                    role: held[role][np.searchsorted(block.windows[role], numbers[role][block.pairs])]
                    for role in ROLES
                }
                for at in range(0, len(block.pairs), batch_size):
                    batch = slice(at, at + batch_size)
                    gathered = (stems.gather(role, slots[role][batch]) for role in ROLES)
                    logits[block.pairs[batch]] += scorer.score(*gathered)
                    advance(len(block.pairs[batch]))
    logits /= len(ways)
    refuse_unfinite(logits)
    return logits[inverse]


def refuse_unfinite(logits: Logits) -> None:
    """Raise ModelFileError if any score, (n,), is no finite number."""
    if not np.isfinite(logits).all():
        raise ModelFileError(
            f"the model gives {(~np.isfinite(logits)).sum()} of {len(logits)} pairs a score that is no finite "
            "number; its weights are damaged or its training diverged. Use another model."
        )


def check_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise ConfigError(f"--batch-size is {batch_size}; it must be 1 or more.")


@contextmanager
def evaluating(network: torch.nn.Module) -> Iterator[None]:
    """Compute in evaluation mode, without gradients; the network's mode is put back."""
    training = network.training
    network.eval()
    try:
        with full_float32(), torch.inference_mode():
            yield
    finally:
        network.train(training)


def complaints(error: ValidationError) -> list[str]:
    """Return one line a fault of a pydantic validation."""
    return [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
