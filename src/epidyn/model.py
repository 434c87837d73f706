"""A model: what scores pairs, with where it came from. One file, one life, whatever kind of model it is."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from epidyn import __version__, progress, windows
from epidyn.calibration import prevalence_shift, sigmoid
from epidyn.elements import ROLES, ElementStore, Role, WindowRequest, locate
from epidyn.errors import ConfigError, ModelFileError, ShapeError
from epidyn.files import atomic_path, require_file
from epidyn.genome import Genome, reverse_complement
from epidyn.nn import EpiDynFusion, NetworkConfig
from epidyn.nn.published import from_published

FORMAT_VERSION = 1
DEFAULT_BATCH_SIZE = 64

Codes = npt.NDArray[np.uint8]
Logits = npt.NDArray[np.float32]


class Scorer(Protocol):
    """What a kind of model must do; everything else about a model is the same for all kinds."""

    kind: ClassVar[str]

    @property
    def lengths(self) -> dict[Role, int]:
        """Window lengths in bases."""
        ...

    def logits(self, enhancer: Codes, promoter: Codes) -> Logits:
        """Score one batch: uint8 (batch, length) each, to float32 (batch,)."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Return what the model file holds."""
        ...

    def configuration(self) -> dict[str, Any]:
        """Return settings as plain values, enough to rebuild the scorer with its tensors."""
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

    def logits(self, enhancer: Codes, promoter: Codes) -> Logits:
        """Score one batch in evaluation mode; the network's mode is put back."""
        device = next(self.network.parameters()).device
        with _evaluating(self.network), torch.inference_mode():
            scores = self.network(torch.from_numpy(enhancer).to(device), torch.from_numpy(promoter).to(device))
        logits: Logits = scores.float().cpu().numpy()
        return logits

    def tensors(self) -> dict[str, Tensor]:
        """Return the network's state_dict, on the CPU."""
        return {name: value.detach().cpu().contiguous() for name, value in self.network.state_dict().items()}

    def configuration(self) -> dict[str, Any]:
        """Return the network's configuration."""
        return self.network.config.model_dump()

    @classmethod
    def restore(cls, configuration: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """Rebuild the network."""
        try:
            config = NetworkConfig.model_validate(configuration)
        except ValidationError as error:
            raise ModelFileError("its network configuration cannot be used:", _complaints(error)) from error
        with torch.random.fork_rng(devices=[]):  # the initial weights are replaced; the draws leave no trace
            network = EpiDynFusion(config)
        wanted = {name: value.shape for name, value in network.state_dict().items()}
        found = {name: value.shape for name, value in tensors.items()}
        if wanted != found:
            differing = sorted(
                name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)
            )
            raise ModelFileError("its weights do not fit its network configuration:", differing)
        network.load_state_dict(tensors)
        return cls(network.eval())


SCORERS: dict[str, type[Scorer]] = {scorer.kind: scorer for scorer in (NetworkScorer,)}


class Provenance(BaseModel):
    """Where a model came from; what is not known is None.

    ``training_intervals`` are :func:`epidyn.elements.interval_hashes` of the training rows, as base64 of
    little-endian uint64; ``training_prevalence`` is the share of positives that training saw, copies counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    training: dict[str, Any] | None = None
    kmer_vectors: str | None = None
    pairs: list[dict[str, str]] | None = None
    genome: dict[str, str] | None = None
    regime: str | None = None
    cell_lines: list[str] | None = None
    split: dict[str, Any] | None = None
    training_intervals: str | None = None
    training_prevalence: float | None = None
    metrics: dict[str, Any] | None = None
    calibration: dict[str, Any] | None = None
    version: str = __version__

    def interval_hashes(self) -> npt.NDArray[np.uint64]:
        """Return the hashes of the training intervals, sorted, uint64 (n,); empty if unknown."""
        return np.frombuffer(base64.b64decode(self.training_intervals or ""), dtype="<u8").astype(np.uint64)


def pack_hashes(hashes: npt.NDArray[np.uint64]) -> str:
    """Return interval hashes as :class:`Provenance` keeps them."""
    return base64.b64encode(hashes.astype("<u8").tobytes()).decode()


class Model:
    """A scorer with its provenance.

    Parameters
    ----------
    scorer
        What turns base codes into logits.
    provenance
        Where it came from.
    """

    def __init__(self, scorer: Scorer, provenance: Provenance | None = None) -> None:
        self.scorer = scorer
        self.provenance = provenance or Provenance()

    @property
    def network(self) -> EpiDynFusion:
        """The network, if the model is one.

        Raises
        ------
        ConfigError
            If the model is of another kind.
        """
        if not isinstance(self.scorer, NetworkScorer):
            raise ConfigError(f"a model of kind {self.scorer.kind!r} has no network.")
        return self.scorer.network

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """Read a model file. Nothing in it can run code.

        Raises
        ------
        InputFileError
            If it is missing or empty.
        ModelFileError
            If it is truncated, no safetensors, no model of ours, or of a later format.
        """
        path = require_file(path, "model")
        try:
            with safe_open(path, framework="pt") as handle:
                metadata = handle.metadata() or {}
                tensors = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118 (no mapping)
        except (SafetensorError, ValueError) as error:
            raise ModelFileError(
                f"model {path} is truncated or no safetensors file ({error}). Copy it again; "
                "published weights need `epidyn import`."
            ) from error
        try:
            return cls._from_parts(metadata, tensors)
        except ModelFileError as error:
            raise ModelFileError(f"model {path}: {error.headline}", error.rows) from error

    @classmethod
    def from_published(cls, state: Mapping[str, Tensor]) -> Model:
        """Build a model from the authors' state_dict.

        Raises
        ------
        ModelFileError
            If a name is missing or unknown or a shape is another; all are listed.
        """
        return cls(
            NetworkScorer(from_published(state).eval()),
            Provenance(kmer_vectors="as published weights hold them"),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a model file, whole or not at all."""
        metadata = {"format": str(FORMAT_VERSION), "kind": self.scorer.kind}
        metadata[self.scorer.kind] = json.dumps(self.scorer.configuration())
        metadata |= {name: json.dumps(value) for name, value in self.provenance.model_dump().items()}
        with atomic_path(path) as beside:
            save_file(self.scorer.tensors(), beside, metadata=metadata)

    def predict(
        self,
        pairs: pd.DataFrame,
        genome: Genome,
        *,
        batch_size: int = DEFAULT_BATCH_SIZE,
        rc_average: bool = False,
        prevalence: float | None = None,
    ) -> npt.NDArray[np.float32]:
        """Return the probability that each pair interacts.

        Parameters
        ----------
        pairs
            A pair table; its labels are not looked at.
        genome
            The genome that its coordinates belong to.
        batch_size
            Pairs scored at once; the result does not depend on it.
        rc_average
            Average the logit with that of both windows reverse-complemented.
        prevalence
            Share of interacting pairs where the probabilities are to hold; by default the training set's.

        Returns
        -------
        float32 array (n,)
            In the order of the rows.
        """
        logits = self.predict_logits(pairs, genome, batch_size=batch_size, rc_average=rc_average)
        return self.probabilities(logits, prevalence)

    def predict_logits(
        self,
        pairs: pd.DataFrame,
        genome: Genome,
        *,
        batch_size: int = DEFAULT_BATCH_SIZE,
        rc_average: bool = False,
    ) -> Logits:
        """Return the logit of each pair, float32 (n,), in the order of the rows; see :meth:`predict`."""
        located = locate(pairs, genome)
        requests, starts = {}, {}
        for role in ROLES:
            start, end = pairs[f"{role}_start"].to_numpy(), pairs[f"{role}_end"].to_numpy()
            length = self.scorer.lengths[role]
            starts[role] = first = windows.central(start, end, length, located[role].size)
            requests[role] = WindowRequest(located[role].chrom, start, end, first, first, length)
        store = ElementStore.fill(genome, requests)
        rows = np.arange(len(pairs))
        positions = {role: store.positions(role, rows, starts[role]) for role in ROLES}
        return window_logits(
            self.scorer,
            store,
            positions["enhancer"],
            positions["promoter"],
            batch_size=batch_size,
            rc_average=rc_average,
        )

    def predict_codes(
        self, enhancer_codes: Codes, promoter_codes: Codes, *, batch_size: int = DEFAULT_BATCH_SIZE
    ) -> npt.NDArray[np.float32]:
        """Return probabilities of base codes, uint8 (n, length) each, as float32 (n,).

        Raises
        ------
        ShapeError
            If the arrays are of another type or shape.
        """
        for role, codes in zip(ROLES, (enhancer_codes, promoter_codes), strict=True):
            length = self.scorer.lengths[role]
            if codes.dtype != np.uint8 or codes.ndim != 2 or codes.shape[1] != length:
                raise ShapeError(f"{role} codes: uint8 (n, {length}) is needed, got {codes.dtype} {codes.shape}.")
        if len(enhancer_codes) != len(promoter_codes):
            raise ShapeError(f"{len(enhancer_codes)} enhancers and {len(promoter_codes)} promoters make no pairs.")
        batches = [
            self.scorer.logits(enhancer_codes[at : at + batch_size], promoter_codes[at : at + batch_size])
            for at in range(0, len(enhancer_codes), batch_size)
        ]
        return self.probabilities(np.concatenate(batches) if batches else np.empty(0, dtype=np.float32))

    def probabilities(self, logits: Logits, prevalence: float | None = None) -> npt.NDArray[np.float32]:
        """Return probabilities of logits, float32 (n,), at ``prevalence`` or as trained.

        Raises
        ------
        ConfigError
            If ``prevalence`` is none, or the model does not know what it was trained at.
        """
        return sigmoid(logits + self.logit_shift(prevalence))

    def logit_shift(self, prevalence: float | None) -> float:
        """Return what ``prevalence`` adds to a logit; 0 for None."""
        if prevalence is None:
            return 0.0
        trained = self.provenance.training_prevalence
        if trained is None:
            raise ConfigError("this model does not know its training prevalence, so --prevalence cannot be used.")
        return prevalence_shift(trained, prevalence)

    @classmethod
    def _from_parts(cls, metadata: dict[str, str], tensors: dict[str, Tensor]) -> Model:
        version = metadata.get("format", "")
        if not version.isdigit():
            raise ModelFileError("it is no epidyn model: its metadata has no format version.")
        if int(version) > FORMAT_VERSION:
            raise ModelFileError(
                f"its format is {version}; this epidyn ({__version__}) reads up to {FORMAT_VERSION}. "
                "Install a newer one."
            )
        kind = metadata.get("kind", "")
        if kind not in SCORERS:
            raise ModelFileError(f"its kind is {kind!r}; known are {', '.join(SCORERS)}.")
        try:
            values = {name: json.loads(metadata[name]) for name in (kind, *Provenance.model_fields)}
            provenance = Provenance.model_validate({name: values[name] for name in Provenance.model_fields})
        except (KeyError, json.JSONDecodeError) as error:
            raise ModelFileError(f"its metadata is damaged ({error}).") from error
        except ValidationError as error:
            raise ModelFileError("its metadata cannot be used:", _complaints(error)) from error
        return cls(SCORERS[kind].restore(values[kind], tensors), provenance)


def window_logits(
    scorer: Scorer,
    store: ElementStore,
    enhancer: npt.NDArray[np.int64],
    promoter: npt.NDArray[np.int64],
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    rc_average: bool = False,
) -> Logits:
    """Score pairs of windows of a store; the same pair of windows is scored once.

    Parameters
    ----------
    scorer, store
        What scores, and where the windows are.
    enhancer, promoter
        Positions in the store, int64 (n,).
    batch_size
        Pairs scored at once, at least 1.
    rc_average
        Average with the logit of both windows reverse-complemented.

    Returns
    -------
    float32 array (n,)
        In the order given.
    """
    if batch_size < 1:
        raise ConfigError(f"--batch-size is {batch_size}; it must be 1 or more.")
    distinct, inverse = np.unique(np.stack([enhancer, promoter], axis=1), axis=0, return_inverse=True)
    logits = np.empty(len(distinct), dtype=np.float32)
    with progress.bar("Scoring pairs", len(distinct)) as advance:
        for at in range(0, len(distinct), batch_size):
            batch = slice(at, at + batch_size)
            codes = [store.codes(role, distinct[batch, column]) for column, role in enumerate(ROLES)]
            logits[batch] = scorer.logits(*codes)
            if rc_average:
                turned = scorer.logits(*(np.ascontiguousarray(reverse_complement(each)) for each in codes))
                logits[batch] = (logits[batch] + turned) / 2
            advance(len(codes[0]))
    return logits[inverse.reshape(-1)]


@contextmanager
def _evaluating(network: torch.nn.Module) -> Iterator[None]:
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def _complaints(error: ValidationError) -> list[str]:
    return [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
