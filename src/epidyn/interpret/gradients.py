"""Estimates of what masking bases does, from gradients: a quick look at a few calls of the network an element.

A mask of N turns the vectors of the 6-mers that touch it into that of token 0. To first order the logit falls by
the gradient times that change, summed over those 6-mers. **Gradient times input** takes the gradient at the
element as it is; **integrated gradients** (Sundararajan et al. 2017) its mean on the straight way from an element
of N alone, so that the 6-mers' shares add up to the difference of the two logits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from epidyn.elements import Codes, Role
from epidyn.errors import ConfigError
from epidyn.interpret.mutagenesis import Perturbations
from epidyn.kmers import K
from epidyn.nn import EpiDynFusion
from epidyn.nn.precision import full_float32

INTEGRATION_POINTS = 32

Floats = npt.NDArray[np.float64]


def kmer_shares(network: EpiDynFusion, codes: dict[Role, Codes], role: Role, points: int = 1) -> Floats:
    """Return each token's share of the logit, relative to a token of N, float64 (length of the window,).

    Parameters
    ----------
    network
        Evaluation mode is set while it computes and put back; no parameter gets a gradient.
    codes
        The pair's windows, uint8 (length,) for each role.
    role
        The element whose 6-mers are looked at; the other stays as it is.
    points
        1 for gradient times input, else how many points of the way gradients are averaged over.

    Raises
    ------
    ConfigError
        If ``points`` is below 1.
    """
    if points < 1:
        raise ConfigError(f"points is {points}; it must be 1 or more.")
    training, device = network.training, network.output.weight.device
    given = {each: torch.from_numpy(np.array(window))[None].to(device) for each, window in codes.items()}
    network.eval()
    try:
        with full_float32():
            with torch.no_grad():
                vectors = _embed(network, role, given[role])
                baseline = _embed(network, role, torch.full_like(given[role], 4))
                others: dict[Role, Tensor] = {
                    "enhancer": network.encode_enhancer(given["enhancer"]),
                    "promoter": network.encode_promoter(given["promoter"]),
                }
            change = vectors - baseline
            places = (np.arange(points) + 0.5) / points if points > 1 else [1.0]
            shares = torch.zeros(vectors.shape[2], dtype=torch.float64, device=device)
            for place in places:
                shares += (_gradient(network, role, baseline + place * change, others) * change).sum(dim=(0, 1))
    finally:
        network.train(training)
    result: Floats = (shares / points).cpu().numpy()
    return result


def estimated_effects(shares: Floats, masks: Perturbations) -> Floats:
    """Return the estimated fall of the logit under each mask, float64 (n,), of :func:`kmer_shares`."""
    below = np.concatenate([[0.0], np.cumsum(shares)])
    last = np.minimum(masks.offset + masks.width + K - 1, len(shares))
    effects: Floats = below[last] - below[masks.offset]
    return effects


def _embed(network: EpiDynFusion, role: Role, codes: Tensor) -> Tensor:
    return network.embed_enhancer(codes) if role == "enhancer" else network.embed_promoter(codes)


def _gradient(network: EpiDynFusion, role: Role, vectors: Tensor, stems: dict[Role, Tensor]) -> Tensor:
    """Return the gradient of the logit by k-mer vectors (1, vector_size, length); the same shape."""
    vectors = vectors.detach().requires_grad_()
    stem = network.stem_enhancer if role == "enhancer" else network.stem_promoter
    changed = {**stems, role: stem(vectors)}
    logit = network.score(changed["enhancer"], changed["promoter"]).sum()
    return torch.autograd.grad(logit, vectors)[0]
