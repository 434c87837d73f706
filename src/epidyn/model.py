"""A model: what scores pairs, with where it came from. One file, one life, whatever kind of model it is."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from epidyn import __version__, windows
from epidyn.averaging import AveragedScorer
from epidyn.calibration import Calibration, prevalence_shift, sigmoid
from epidyn.described import Rows, html_table, plain, visible
from epidyn.elements import (
    ROLES,
    Codes,
    ElementStore,
    WindowRequest,
    distances,
    locate,
    refuse_windows_outside,
    refuse_without_distance,
)
from epidyn.errors import ConfigError, ModelFileError, ShapeError
from epidyn.files import atomic_path, require_file
from epidyn.genome import Genome
from epidyn.motif_pairs import MotifPairsScorer
from epidyn.nn import EpiDynFusion
from epidyn.nn.published import from_published
from epidyn.pairs import REQUIRED, TripletGenome, validate
from epidyn.scoring import (
    DEFAULT_BATCH_SIZE,
    Logits,
    NetworkScorer,
    Scorer,
    check_batch_size,
    complaints,
    window_logits,
)
from epidyn.stems import DEFAULT_STEM_MEMORY, StemCache

FORMAT_VERSION = 1
# The kinds of models, as model files name them.
SCORERS: dict[str, type[Scorer]] = {
    scorer.kind: scorer for scorer in (NetworkScorer, MotifPairsScorer, AveragedScorer)
}
# What files of this format that were written before it was known lack.
_ADDED = {"starting_model": "null", "motifs": "null", "stem": "null"}
_LONGEST_VERSION = 9  # digits


class Provenance(BaseModel):
    """Where a model came from; what is not known is None.

    ``training_intervals`` are :func:`epidyn.elements.interval_hashes` of the training rows, as base64 of
    little-endian uint64; ``training_prevalence`` is the share of positives that training saw, copies counted.
    ``motifs`` are those that a model of motif pairs was chosen from, ``stem`` those that a network's filters
    started as. ``cell_lines`` are those of ``pairs``; ``starting_model`` has those of the model that training
    started from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    training: dict[str, Any] | None = None
    kmer_vectors: str | None = None
    motifs: str | None = None
    stem: str | None = None
    pairs: list[dict[str, str]] | None = None
    genome: dict[str, str] | None = None
    regime: str | None = None
    cell_lines: list[str] | None = None
    starting_model: dict[str, Any] | None = None
    split: dict[str, Any] | None = None
    training_intervals: str | None = None
    training_prevalence: float | None = Field(None, gt=0, lt=1)
    metrics: dict[str, Any] | None = None
    calibration: Calibration | None = None
    version: str = __version__

    @field_validator("training_intervals")
    @classmethod
    def _packed(cls, packed: str | None) -> str | None:
        if len(base64.b64decode(packed or "", validate=True)) % 8:  # binascii.Error is a ValueError
            raise ValueError("no base64 of 64-bit numbers")
        return packed

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

    def describe(self) -> Rows:
        """Return names and values of all that is known of the model, as ``epidyn info`` prints them."""
        origin = self.provenance
        known = origin.model_dump(
            exclude={"training_intervals", "training", "metrics", "calibration"}, exclude_none=True
        )
        shared = known.get("split", {}).pop("leakage", None)
        rows = [*self._build(), *((name.replace("_", " "), plain(value)) for name, value in known.items())]
        if origin.calibration is not None:
            rows += _calibration_rows(origin.calibration)
        if shared is not None:
            rows.append(("leakage", _leakage(shared)))
        if isinstance(shared, dict):
            rows += [(f"leakage.{name}", plain(value)) for name, value in shared.items() if name != "summary"]
        rows.append(("training elements", f"{len(origin.interval_hashes()):,} known by hash"))
        rows += [(part, plain(scores)) for part, scores in (origin.metrics or {}).items() if scores]
        rows += [(f"training.{name}", plain(value)) for name, value in (origin.training or {}).items()]
        return [*rows, *((f"{self.scorer.kind}.{name}", words) for name, words in self.scorer.describe())]

    def summary(self) -> Rows:
        """Return names and values of what matters most of the model, as a notebook shows them."""
        origin = self.provenance
        rows = self._build()
        if origin.cell_lines:
            rows.append(("cell lines", ", ".join(origin.cell_lines)))
        if origin.regime is not None:
            rows.append(("regime", origin.regime))
        split = dict(origin.split or {})
        shared = split.pop("leakage", None)
        if split:
            rows.append(("split", plain(split)))
        if shared is not None:
            rows.append(("leakage", _leakage(shared)))
        if origin.training_prevalence is not None:
            rows.append(("training prevalence", plain(origin.training_prevalence)))
        for part, scores in (origin.metrics or {}).items():
            rows += [(part, _ranking(scores))] if scores else []
        if origin.calibration is not None:
            rows.append(("calibration", origin.calibration.words()))
        return rows

    def _build(self) -> Rows:
        lengths = ", ".join(f"{role} {length:,} bp" for role, length in self.scorer.lengths.items())
        parameters = sum(tensor.numel() for tensor in self.scorer.tensors().values())
        return [("kind", self.scorer.kind), ("windows", lengths), ("parameters", f"{parameters:,}")]

    def __repr__(self) -> str:
        return visible(f"<Model {'; '.join(f'{name}: {value}' for name, value in self.summary())}>")

    def _repr_html_(self) -> str:
        return html_table("Model", self.summary())

    @property
    def network(self) -> EpiDynFusion:
        """The network, if the model is one.

        Raises
        ------
        ConfigError
            If the model is of another kind.
        """
        if not isinstance(self.scorer, NetworkScorer):
            raise ConfigError(f"this needs a model of kind 'network'; it is one of kind {self.scorer.kind!r}.")
        return self.scorer.network

    @property
    def motif_pairs(self) -> MotifPairsScorer:
        """The terms and motifs, if it is a model of motif pairs.

        Raises
        ------
        ConfigError
            If the model is of another kind.
        """
        if not isinstance(self.scorer, MotifPairsScorer):
            raise ConfigError(f"this needs a model of kind 'motif-pairs'; it is one of kind {self.scorer.kind!r}.")
        return self.scorer

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
        with torch.random.fork_rng(devices=[]):  # the initial weights are replaced; the draws leave no trace
            network = from_published(state)
        return cls(NetworkScorer(network.eval()), Provenance(kmer_vectors="as published weights hold them"))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a model file, whole or not at all."""
        metadata = {"format": str(FORMAT_VERSION), "kind": self.scorer.kind}
        metadata[self.scorer.kind] = json.dumps(self.scorer.configuration())
        metadata |= {name: json.dumps(value) for name, value in self.provenance.model_dump().items()}
        with atomic_path(path) as beside:
            # Written by us: the library's own writer has no word for a full disk.
            beside.write_bytes(_with_sorted_metadata(to_bytes(self.scorer.tensors(), metadata=metadata)))

    def predict(
        self,
        pairs: pd.DataFrame,
        genome: Genome,
        *,
        batch_size: int = DEFAULT_BATCH_SIZE,
        rc_average: bool = False,
        prevalence: float | None = None,
        stem_memory: int = DEFAULT_STEM_MEMORY,
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
            Share of interacting pairs where the probabilities are to hold; by default that of the pairs it was
            calibrated on, or, if it was not, the training set's.
        stem_memory
            Bytes for stems, each computed once an element while they fit; the result does not depend on it.

        Returns
        -------
        float32 array (n,)
            In the order of the rows.
        """
        columns = [name for name in REQUIRED if name in pairs]
        needed = validate(pairs[columns], "pairs", same_chromosome=not isinstance(genome, TripletGenome))
        stems = StemCache(self.scorer, stem_memory)
        logits = self.predict_logits(needed, genome, batch_size=batch_size, rc_average=rc_average, stems=stems)
        return self.probabilities(logits, prevalence)

    def predict_logits(
        self,
        pairs: pd.DataFrame,
        genome: Genome,
        *,
        batch_size: int = DEFAULT_BATCH_SIZE,
        rc_average: bool = False,
        stems: StemCache | None = None,
    ) -> Logits:
        """Return the logit of each pair, float32 (n,), in the order of the rows; see :meth:`predict`.

        ``stems`` keeps the scorer's stems from call to call, for a table in chunks.
        """
        located = locate(pairs, genome)
        requests, starts = {}, {}
        for role in ROLES:
            start, end = pairs[f"{role}_start"].to_numpy(), pairs[f"{role}_end"].to_numpy()
            length = self.scorer.lengths[role]
            starts[role] = first = windows.central(start, end, length, located[role].size)
            requests[role] = WindowRequest(located[role].chrom, start, end, first, first, length)
        refuse_windows_outside(pairs, requests, {role: located[role].size for role in ROLES})
        store = ElementStore.fill(genome, requests)
        rows = np.arange(len(pairs))
        positions = {role: store.positions(role, rows, starts[role]) for role in ROLES}
        of_distance = self.distance_logits(pairs)
        of_windows = window_logits(
            self.scorer,
            store,
            positions["enhancer"],
            positions["promoter"],
            batch_size=batch_size,
            rc_average=rc_average,
            stems=stems,
        )
        return of_windows + of_distance

    def distance_logits(self, pairs: pd.DataFrame) -> Logits:
        """Return what the distance between its elements adds to each pair's logit, float32 (n,).

        Zeros for a model that does not look at it.

        Raises
        ------
        ConfigError
            If the model looks at it and a pair has none, since its elements are on two chromosomes or sequences.
        """
        if self.scorer.reads_distance:
            refuse_without_distance(pairs)
        return self.scorer.of_distance(distances(pairs))

    def predict_codes(
        self, enhancer_codes: Codes, promoter_codes: Codes, *, batch_size: int = DEFAULT_BATCH_SIZE
    ) -> npt.NDArray[np.float32]:
        """Return probabilities of base codes, uint8 (n, length) each, as float32 (n,).

        Raises
        ------
        ShapeError
            If the arrays are of another type or shape.
        ConfigError
            If ``batch_size`` is below 1, or the model reads the distance between the elements.
        """
        for role, codes in zip(ROLES, (enhancer_codes, promoter_codes), strict=True):
            length = self.scorer.lengths[role]
            if codes.dtype != np.uint8 or codes.ndim != 2 or codes.shape[1] != length:
                raise ShapeError(f"{role} codes: uint8 (n, {length}) is needed, got {codes.dtype} {codes.shape}.")
        if len(enhancer_codes) != len(promoter_codes):
            raise ShapeError(f"{len(enhancer_codes)} enhancers and {len(promoter_codes)} promoters make no pairs.")
        check_batch_size(batch_size)
        if self.scorer.reads_distance:
            raise ConfigError("this model reads the distance between two elements, which bases alone do not have.")
        batches = [
            self.scorer.score(
                self.scorer.encode("enhancer", enhancer_codes[at : at + batch_size]),
                self.scorer.encode("promoter", promoter_codes[at : at + batch_size]),
            )
            for at in range(0, len(enhancer_codes), batch_size)
        ]
        return self.probabilities(np.concatenate(batches) if batches else np.empty(0, dtype=np.float32))

    def probabilities(self, logits: Logits, prevalence: float | None = None) -> npt.NDArray[np.float32]:
        """Return probabilities of logits, float32 (n,), calibrated if the model is; see :meth:`predict`.

        Raises
        ------
        ConfigError
            As :meth:`logit_shift`.
        """
        calibration = self.provenance.calibration
        log_odds = logits if calibration is None else calibration.log_odds(logits)
        return sigmoid(log_odds + self.logit_shift(prevalence))

    def logit_shift(self, prevalence: float | None) -> float:
        """Return what ``prevalence`` adds to the log-odds of all pairs; 0 for None.

        Raises
        ------
        ConfigError
            If ``prevalence`` is none, or the model does not know what its log-odds hold at.
        """
        if prevalence is None:
            return 0.0
        if self.provenance.calibration is not None:
            return prevalence_shift(self.provenance.calibration.prevalence, prevalence)
        trained = self.provenance.training_prevalence
        if trained is None:
            raise ConfigError("this model does not know its training prevalence, so --prevalence cannot be used.")
        return prevalence_shift(trained, prevalence)

    @classmethod
    def _from_parts(cls, metadata: dict[str, str], tensors: dict[str, Tensor]) -> Model:
        version = metadata.get("format", "")
        if not version.isdecimal() or len(version) > _LONGEST_VERSION:
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
            values = {name: json.loads((_ADDED | metadata)[name]) for name in (kind, *Provenance.model_fields)}
            provenance = Provenance.model_validate({name: values[name] for name in Provenance.model_fields})
        except ValidationError as error:  # a ValueError, too
            raise ModelFileError("its metadata cannot be used:", complaints(error)) from error
        except (KeyError, ValueError, RecursionError) as error:  # no JSON, or numbers or nesting without end
            raise ModelFileError(f"its metadata is damaged ({error}).") from error
        return cls(SCORERS[kind].restore(values[kind], tensors), provenance)


def _calibration_rows(calibration: Calibration) -> Rows:
    """Return the map in words, not the points of an isotonic one, and what it was fitted on."""
    known = calibration.model_dump(
        exclude={"method", "slope", "intercept", "logits", "probabilities"}, exclude_none=True
    )
    return [
        ("calibration", calibration.words()),
        ("calibration.prevalence", plain(calibration.prevalence)),
        *((f"calibration.{name}", plain(value)) for name, value in known.items()),
    ]


def _leakage(shared: object) -> str:
    """Return what a split shares in one sentence."""
    return plain(shared["summary"] if isinstance(shared, dict) and "summary" in shared else shared)


def _ranking(scores: object) -> str:
    """Return AUROC, AUPR and the number of pairs, as far as they are known."""
    if not isinstance(scores, dict):
        return plain(scores)
    names = {"auroc": "AUROC", "aupr": "AUPR", "val_auroc": "AUROC", "val_aupr": "AUPR", "pairs": "pairs"}
    return plain({names[name]: value for name, value in scores.items() if name in names and value is not None})


def _with_sorted_metadata(content: bytes) -> bytes:
    """Return a safetensors file with its metadata in order of its keys, so that equal models are equal files.

    The library writes it in an order that differs from run to run. The file begins with the length of its header,
    eight bytes little-endian, then the header, JSON padded with spaces to a multiple of eight.
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[end:]
