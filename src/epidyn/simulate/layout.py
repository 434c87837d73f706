"""Where the elements of a chromosome lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from epidyn.simulate.config import SimulationConfig

Ints = npt.NDArray[np.int64]

# Bases between neighbouring windows, and before the first and after the last one: drawn from this range, both
# ends included. 500 is what the published oversampling shifts windows by, so no copy leaves its chromosome.
GAP = (500, 1500)


@dataclass(frozen=True, eq=False)
class Layout:
    """Elements of one chromosome, 0-based half-open; enhancers and promoters in no particular order.

    Parameters
    ----------
    size
        Bases of the chromosome.
    enhancer_start, enhancer_end
        Shape ``(enhancers,)``.
    promoter_start, promoter_end
        Shape ``(promoters,)``.
    """

    size: int
    enhancer_start: Ints
    enhancer_end: Ints
    promoter_start: Ints
    promoter_end: Ints


def lay_out(rng: np.random.Generator, config: SimulationConfig, enhancers: int, promoters: int) -> Layout:
    """Give every element a place, so that no two windows overlap and all lie inside the chromosome.

    The order along the chromosome is random and knows nothing of pairs and labels, so distance says nothing
    about the label.
    """
    counts = (enhancers, promoters)
    windows = np.repeat(np.array([config.enhancer_length, config.promoter_length], dtype=np.int64), counts)
    lengths = np.concatenate(
        [
            rng.integers(*config.element_lengths(role), size=count, endpoint=True)
            for role, count in zip(("enhancer", "promoter"), counts, strict=True)
        ]
    )
    order = rng.permutation(len(windows))
    gaps = rng.integers(*GAP, size=len(windows) + 1, endpoint=True)
    ends = np.cumsum(gaps[:-1] + windows[order])
    window_start = np.empty_like(windows)
    window_start[order] = ends - windows[order]
    # windows.central reads start as 1-based, so its window begins a base before this one: still in the gap.
    start = window_start + (windows - lengths) // 2
    end = start + lengths
    return Layout(int(ends[-1] + gaps[-1]), start[:enhancers], end[:enhancers], start[enhancers:], end[enhancers:])
