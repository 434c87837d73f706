"""Patterns in the contributions of saturation mutagenesis, as TF-MoDISco-lite finds them (extra ``modisco``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from epidyn import progress
from epidyn.compiled import calling_numba
from epidyn.elements import Role
from epidyn.errors import ConfigError
from epidyn.interpret.arrays import Contributions

MAX_POSITIONS = 20_000_000  # about 1 GB at 50 bytes a position
MAX_SEQLETS = 2_000
_SLIDING, _FLANK = 21, 10  # modisco-lite's seqlets: the window that is scored, and what is added on either side
_TRIM = 0.3  # a pattern ends where its contribution falls below this share of its highest, as in modisco's report

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pattern:
    """A motif that raises or lowers scores.

    Attributes
    ----------
    sign
        1 if its bases raise the logit, -1 if they lower it.
    frequencies
        Of the bases in its seqlets, float64 (width, 4), columns A, C, G, T.
    contributions
        Mean contribution of each base to the logit, float64 (width, 4).
    seqlets
        The number of places it was found at.
    """

    sign: Literal[1, -1]
    frequencies: Floats
    contributions: Floats
    seqlets: int


def find_patterns(
    given: Contributions,
    role: Role,
    *,
    max_seqlets: int = MAX_SEQLETS,
    leiden_runs: int = 50,
    max_positions: int = MAX_POSITIONS,
) -> list[Pattern]:
    """Run TF-MoDISco-lite on the contributions of one element.

    Parameters
    ----------
    given
        As :func:`epidyn.interpret.arrays.contributions` gathers them.
    role
        Whose windows they are, for messages.
    max_seqlets
        So many of those that raise the score are clustered, and of those that lower it; time follows the square.
    leiden_runs
        How many times the clustering is started anew; the best is taken.
    max_positions
        Windows times their length that memory is allowed for, 50 bytes each.

    Returns
    -------
    list of Pattern
        Those that raise the score first, either kind by falling number of seqlets; none where there are fewer than
        100 seqlets of a kind, as modisco-lite asks.

    Raises
    ------
    ConfigError
        If the extra is not installed, there are more positions, its windows are shorter than a seqlet, or their
        contributions are all alike.
    """
    _check(given, role, max_positions)
    with calling_numba(), progress.bar("Finding patterns", None):
        tfmodisco = _tfmodisco()
        try:
            raising, lowering = tfmodisco(
                given.onehot.astype(np.float32),
                given.hypothetical,
                sliding_window_size=_SLIDING,
                flank_size=_FLANK,
                max_seqlets_per_metacluster=max_seqlets,
                n_leiden_runs=leiden_runs,
            )
        except (ValueError, IndexError) as error:  # what it raises where all contributions are alike
            raise ConfigError(
                f"TF-MoDISco-lite cannot tell seqlets from the rest in {len(given.windows):,} windows of the "
                f"{role} ({error}). Explain more pairs."
            ) from error
    return [*_patterns(raising, 1), *_patterns(lowering, -1)]


def _tfmodisco() -> Callable[..., tuple[Any, Any]]:
    try:
        from modiscolite.tfmodisco import TFMoDISco
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--engine modisco needs {error.name}. Install it: pip install 'epidyn[modisco]'."
        ) from error
    function: Callable[..., tuple[Any, Any]] = TFMoDISco
    return function


def _check(given: Contributions, role: Role, most: int) -> None:
    count, length, _ = given.onehot.shape
    if length <= _SLIDING + 2 * _FLANK:
        raise ConfigError(
            f"windows of the {role} have {length} bases; TF-MoDISco-lite needs more than {_SLIDING + 2 * _FLANK}."
        )
    if count * length > most:
        raise ConfigError(
            f"{count:,} windows of the {role} are {count * length:,} positions, of which {most:,} are allowed for "
            "memory's sake. Explain fewer pairs with --top."
        )


def _patterns(found: list[Any] | None, sign: Literal[1, -1]) -> list[Pattern]:
    patterns = []
    for pattern in found or []:
        weight = np.abs(pattern.contrib_scores).sum(axis=1)
        strong = np.flatnonzero(weight >= _TRIM * weight.max())
        kept = slice(int(strong[0]), int(strong[-1]) + 1)
        patterns.append(Pattern(sign, pattern.sequence[kept], pattern.contrib_scores[kept], len(pattern.seqlets)))
    return patterns
