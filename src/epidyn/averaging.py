"""Network and motif pairs together: the average of what either says of a pair, each on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from epidyn.calibration import sigmoid
from epidyn.described import Rows, plain
from epidyn.elements import Codes, Role
from epidyn.errors import ModelFileError
from epidyn.motif_pairs import MotifPairsScorer
from epidyn.scoring import Logits, NetworkScorer, Scorer, complaints

Floats = npt.NDArray[np.float64]

WEIGHTS = np.linspace(0, 1, 21)  # of the network
_RIDGE = 100.0  # inverse strength of the penalty on a slope, in standard deviations of the logits


class Line(BaseModel):
    """What a logit becomes: ``slope * logit + intercept``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slope: float = Field(ge=0, allow_inf_nan=False)
    intercept: float = Field(allow_inf_nan=False)

    def __call__(self, logits: npt.NDArray[np.floating]) -> Floats:
        """Return log-odds, float64, of logits."""
        return self.slope * np.asarray(logits, dtype=np.float64) + self.intercept


class Mixture(BaseModel):
    """How two models are averaged: a line for the logits of either, and the network's weight, 0 to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: float = Field(ge=0, le=1)
    network: Line
    motif_pairs: Line

    def __call__(self, network: npt.NDArray[np.floating], motif_pairs: npt.NDArray[np.floating]) -> Floats:
        """Return the log-odds, float64 (n,), of the logits of both, (n,) each."""
        return self.weight * self.network(network) + (1 - self.weight) * self.motif_pairs(motif_pairs)


def fit_mixture(
    network: npt.NDArray[np.floating],
    motif_pairs: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    *,
    prevalence: float,
) -> tuple[Mixture, float]:
    """Choose lines and weight on pairs that neither model was trained on.

    The lines are logistic regressions with a weak penalty; a model that does not rank these pairs gets a slope of
    0. The weight, one of 21, is that of lowest log loss. All of it as if positives had the share ``prevalence``.

    Parameters
    ----------
    network, motif_pairs
        Logits of the pairs, (n,).
    labels
        0 or 1, (n,); both occur.
    prevalence
        Where the log-odds are to hold.

    Returns
    -------
    Mixture
    float
        Its log loss on these pairs.
    """
    from sklearn.metrics import log_loss  # takes its time to load

    positive = labels == 1
    shares = np.where(positive, prevalence / positive.sum(), (1 - prevalence) / (~positive).sum())
    lines = [
        _line(np.asarray(each, dtype=np.float64), labels, shares, prevalence) for each in (network, motif_pairs)
    ]
    found = [Mixture(weight=float(weight), network=lines[0], motif_pairs=lines[1]) for weight in WEIGHTS]
    losses = [
        log_loss(labels, sigmoid(each(network, motif_pairs)).astype(np.float64), sample_weight=shares)
        for each in found
    ]
    best = int(np.argmin(losses))
    return found[best], float(losses[best])


def _line(logits: Floats, labels: npt.NDArray[np.integer], shares: Floats, prevalence: float) -> Line:
    from sklearn.linear_model import LogisticRegression

    flat = Line(slope=0.0, intercept=float(np.log(prevalence / (1 - prevalence))))
    spread = logits.std()
    if spread == 0:
        return flat
    middle = logits.mean()
    fitted = LogisticRegression(C=_RIDGE).fit(
        ((logits - middle) / spread)[:, None], labels, sample_weight=shares * len(labels)
    )
    slope = float(fitted.coef_[0, 0] / spread)
    return flat if slope <= 0 else Line(slope=slope, intercept=float(fitted.intercept_[0] - slope * middle))


class _Saved(BaseModel):
    model_config = ConfigDict(extra="forbid")

    network: dict[str, Any]
    motif_pairs: dict[str, Any]
    mixture: Mixture


class AveragedScorer:
    """Scores pairs by both models; a stem is that of the network and, behind it, that of the motif pairs.

    Parameters
    ----------
    network, motif_pairs
        Of the same window lengths.
    mixture
        How they are averaged.
    """

    kind: ClassVar[str] = "both"

    def __init__(self, network: NetworkScorer, motif_pairs: MotifPairsScorer, mixture: Mixture) -> None:
        self.network, self.motif_pairs, self.mixture = network, motif_pairs, mixture

    @property
    def lengths(self) -> dict[Role, int]:
        """Window lengths in bases."""
        return self.network.lengths

    @property
    def stem_bytes(self) -> dict[Role, int]:
        """Bytes of one stem of both."""
        features = len(self.motif_pairs.features.names) * self._size
        return {role: count + features for role, count in self.network.stem_bytes.items()}

    @property
    def _size(self) -> int:
        return next(self.network.network.parameters()).element_size()

    def to(self, device: torch.device) -> None:
        """Move the network; motifs are read by the CPU."""
        self.network.to(device)

    def encode(self, role: Role, codes: Codes) -> Tensor:
        """Return stems, (n, values), of base codes, uint8 (n, length)."""
        stems = self.network.encode(role, codes).flatten(1)
        return torch.cat([stems, self.motif_pairs.encode(role, codes).to(stems)], dim=1)

    def score(self, enhancer: Tensor, promoter: Tensor) -> Logits:
        """Return the averaged log-odds of a batch of pairs, float32 (n,)."""
        features = len(self.motif_pairs.features.names)
        config = self.network.network.config
        positions = (config.enhancer_positions, config.promoter_positions)
        stems, scores = [], []
        for stem, count in zip((enhancer, promoter), positions, strict=True):
            values = stem.shape[1] - features
            stems.append(stem[:, :values].reshape(len(stem), config.channels, count))
            scores.append(stem[:, values:].double().cpu())
        return self.mixture(self.network.score(*stems), self.motif_pairs.score(*scores)).astype(np.float32)

    @property
    def reads_distance(self) -> bool:
        """Whether the motif pairs look at the distance."""
        return self.motif_pairs.reads_distance

    def of_distance(self, distance: npt.NDArray[np.number]) -> Logits:
        """Return what the distance adds to the averaged log-odds of pairs."""
        share = (1 - self.mixture.weight) * self.mixture.motif_pairs.slope
        return (share * self.motif_pairs.of_distance(distance)).astype(np.float32)

    def parts(self) -> Mapping[str, Scorer]:
        """Return both models, and the terms of motifs by themselves."""
        return {"network": self.network, "motif_pairs": self.motif_pairs, **self.motif_pairs.parts()}

    def tensors(self) -> dict[str, Tensor]:
        """Return what both hold, each under its own name."""
        parts: dict[str, Scorer] = {"network": self.network, "motif_pairs": self.motif_pairs}
        return {
            f"{part}.{name}": value for part, scorer in parts.items() for name, value in scorer.tensors().items()
        }

    def configuration(self) -> dict[str, Any]:
        """Return the settings of both, and how they are averaged."""
        return {
            "network": self.network.configuration(),
            "motif_pairs": self.motif_pairs.configuration(),
            "mixture": self.mixture.model_dump(),
        }

    def describe(self) -> Rows:
        """Return how they are averaged, then what either says of itself."""
        rows = [("weight of the network", plain(self.mixture.weight))]
        for name, line in (("network", self.mixture.network), ("motif pairs", self.mixture.motif_pairs)):
            rows.append((f"{name}, log-odds", f"{line.slope:.4g} x logit {line.intercept:+.4g}"))
        parts = (("network", self.network.describe()), ("motif pairs", self.motif_pairs.describe()))
        return [*rows, *((f"{part}, {name}", value) for part, described in parts for name, value in described)]

    @classmethod
    def restore(cls, configuration: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """Rebuild; raises ModelFileError if the parts do not fit."""
        try:
            saved = _Saved.model_validate(configuration)
        except ValidationError as error:
            raise ModelFileError("its configuration of two models cannot be used:", complaints(error)) from error
        parts: dict[str, dict[str, Tensor]] = {"network": {}, "motif_pairs": {}}
        for name, value in tensors.items():
            part, _, rest = name.partition(".")
            if part not in parts:
                raise ModelFileError(f"its tensor {name!r} belongs to neither of its two models.")
            parts[part][rest] = value
        network = NetworkScorer.restore(saved.network, parts["network"])
        motif_pairs = MotifPairsScorer.restore(saved.motif_pairs, parts["motif_pairs"])
        if network.lengths != motif_pairs.lengths:
            raise ModelFileError(f"its models read other windows: {network.lengths} and {motif_pairs.lengths}.")
        return cls(network, motif_pairs, saved.mixture)
