"""The mean effect by position in the window, as the article's supplementary figures S1 to S6 show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from epidyn import plots
from epidyn.elements import ROLES, Role
from epidyn.interpret.effects import EffectsFolder

PROFILES: dict[Role, str] = {role: f"mean_effect_{role}.png" for role in ROLES}
_GROUP = ["pair", "role", "offset"]
_NORMAL = 1.96


def mean_profiles(effects: Iterable[pd.DataFrame]) -> dict[Role, pd.DataFrame]:
    """Return for each role the effects by position: ``offset``, ``mean``, ``error`` and ``pairs``.

    ``mean`` is over pairs of the effect on the logit; several changes at one position of a pair are one by their
    mean. ``error`` is the standard error over pairs, NaN where there is one. Memory is that of the positions.

    Parameters
    ----------
    effects
        Chunks, rows of one position of one pair after one another.
    """
    sums: pd.DataFrame | None = None
    for chunk in _whole_positions(effects):
        each = chunk.groupby(_GROUP, sort=False)["effect"].mean().reset_index()
        moments = each.assign(square=each["effect"] ** 2, pairs=1).groupby(["role", "offset"])
        part = moments[["effect", "square", "pairs"]].sum()
        sums = part if sums is None else sums.add(part, fill_value=0)
    if sums is None:
        return {}
    found = sums.reset_index()
    mean, pairs = found["effect"] / found["pairs"], found["pairs"]
    spread = np.maximum(found["square"] - pairs * mean**2, 0) / (pairs - 1).where(pairs > 1)
    table = pd.DataFrame({"mean": mean, "error": np.sqrt(spread / pairs), "pairs": pairs.astype("int64")})
    table.insert(0, "offset", found["offset"])
    return {
        role: table[found["role"] == role].reset_index(drop=True) for role in ROLES if role in set(found["role"])
    }


def write_profiles(folder: EffectsFolder, out: Path) -> None:
    """Draw ``mean_effect_ROLE.png`` for each explained role, with a 95% interval over pairs."""
    for role, profile in mean_profiles(folder.effects()).items():
        length, width = int(folder.settings["windows"][role]), _width(folder)
        draw_profile(profile, length, width, role, out / PROFILES[role])


def draw_profile(profile: pd.DataFrame, length: int, width: int, role: str, path: Path) -> None:
    """Draw one profile as PNG; positions are those of the middle of a change of ``width`` bases."""
    figure, (axes,) = plots.panels(1, 3.2, width=8.5)
    at = profile["offset"] + width / 2 - length / 2
    error = _NORMAL * profile["error"].fillna(0)
    axes.fill_between(at, profile["mean"] - error, profile["mean"] + error, color=plots.BLUE, alpha=0.25, lw=0)
    axes.plot(at, profile["mean"], color=plots.BLUE, linewidth=1)
    axes.axhline(0, color="0.4", linewidth=0.8)
    axes.axvline(0, color=plots.VERMILION, linewidth=0.8, linestyle="--")
    axes.set_xlim(-length / 2, length / 2)
    axes.set_xlabel(f"bases from the middle of the {role} window (dashed)")
    axes.set_ylabel("mean effect on the logit")
    axes.set_title(f"{role}: {int(profile['pairs'].max()):,} pairs, mean and 95% interval over pairs")
    plots.save(figure, path)


def _width(folder: EffectsFolder) -> int:
    return 1 if folder.settings["method"] == "saturation" else int(folder.settings["width"])


def _whole_positions(chunks: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Yield the chunks so that no position of a pair is in two of them."""
    held: pd.DataFrame | None = None
    for chunk in chunks:
        whole = chunk if held is None else pd.concat([held, chunk])
        last: npt.NDArray[np.bool_] = (whole[_GROUP] == whole[_GROUP].iloc[-1]).all(axis=1).to_numpy()
        held = whole[last]
        yield whole[~last]
    if held is not None:
        yield held
