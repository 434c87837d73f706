"""The folder that ``epidyn explain`` writes: which pairs, and what each perturbation did to their score."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from epidyn.elements import ROLES
from epidyn.errors import InputFileError
from epidyn.files import open_text, require_file

FORMAT_VERSION = 1
PAIRS, EFFECTS, SETTINGS = "pairs.tsv", "effects.tsv.gz", "explain.json"
METHODS = ("mask", "saturation", "gradient", "integrated")

_KINDS = {"explained": int, "width": int, "windows": dict, "pairs": dict, "genome": dict, "model": dict}
_COLUMNS: dict[str, str] = {
    "pair": "int64",
    "role": "str",
    "chrom": "str",
    "start": "int64",
    "end": "int64",
    "offset": "int64",
    "effect": "float64",
    "probability_effect": "float64",
}
_LETTERS = {"ref": "str", "alt": "str"}
CHUNK_ROWS = 262_144


def effect_columns(method: str) -> list[str]:
    """Return the columns of the effects of a method; saturation mutagenesis says which base became which."""
    return list(_columns(method))


def _columns(method: str) -> dict[str, str]:
    return _COLUMNS | (_LETTERS if method == "saturation" else {})


@dataclass(frozen=True)
class EffectsFolder:
    """A folder of effects; its effects are read in chunks.

    Attributes
    ----------
    path
        The folder.
    settings
        What ``explain.json`` says.
    pairs
        The explained pairs: ``pair``, the pair columns, ``logit`` and ``probability``.
    """

    path: Path
    settings: dict[str, Any]
    pairs: pd.DataFrame

    def effects(self, rows: int = CHUNK_ROWS) -> Iterator[pd.DataFrame]:
        """Yield the effects, ``rows`` at a time.

        Raises
        ------
        InputFileError
            If the file is damaged, lacks a column, holds what is no number or role, or pairs not in ``pairs``.
        """
        path, columns = self.path / EFFECTS, _columns(self.settings["method"])
        known = set(self.pairs["pair"])
        with open_text(path, "effects") as handle:
            try:
                reader = pd.read_csv(handle, sep="\t", dtype=columns, keep_default_na=False, chunksize=rows)
                for chunk in reader:
                    _check(chunk, columns, known, path)
                    yield chunk
            except (ValueError, TypeError) as error:
                if isinstance(error, InputFileError | UnicodeDecodeError):
                    raise
                raise InputFileError(
                    f"effects {path} cannot be read ({error}). Run `epidyn explain` again."
                ) from error


def read_effects(folder: str | os.PathLike[str]) -> EffectsFolder:
    """Open a folder that ``epidyn explain`` wrote.

    Raises
    ------
    InputFileError
        If a file is missing or damaged, or the folder is of a later format or no such folder.
    """
    path = Path(folder)
    settings = _read_settings(require_file(path / SETTINGS, "settings of epidyn explain"))
    pairs_path = require_file(path / PAIRS, "explained pairs")
    require_file(path / EFFECTS, "effects")
    with open_text(pairs_path, "explained pairs") as handle:
        try:
            pairs = pd.read_csv(handle, sep="\t", dtype=str, keep_default_na=False)
            pairs = pairs.astype({"pair": "int64", "logit": "float64", "probability": "float64"})
        except (ValueError, KeyError) as error:
            raise InputFileError(
                f"explained pairs {pairs_path} cannot be read ({error}). Run `epidyn explain` again."
            ) from error
    return EffectsFolder(path, settings, pairs)


def window_starts(effects: pd.DataFrame, settings: Mapping[str, Any]) -> pd.Series[int]:
    """Return where the window of each row begins, 0-based; below 0 where it sticks out of its chromosome.

    Of a mask that sticks out with it, ``start`` is 0, and only its end says where it lies.
    """
    width = 1 if settings["method"] == "saturation" else int(settings.get("width", 0))
    begin = effects["start"].where(effects["start"] > 0, effects["end"] - width) if width else effects["start"]
    return begin - effects["offset"]


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        version, method = settings["format"], settings["method"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputFileError(
            f"{path} is none of `epidyn explain` ({error!r}). Give the folder it wrote."
        ) from error
    if version != FORMAT_VERSION or method not in METHODS:
        raise InputFileError(
            f"{path}: format {version!r}, method {method!r}; this epidyn reads format {FORMAT_VERSION} and the "
            f"methods {', '.join(METHODS)}. Run `epidyn explain` again."
        )
    for name, kind in _KINDS.items():
        if name in settings and not isinstance(settings[name], kind):
            raise InputFileError(
                f"{path}: {name} is {settings[name]!r}, which is damaged. Run `epidyn explain` again."
            )
    return dict(settings)


def _check(chunk: pd.DataFrame, columns: dict[str, str], known: set[int], path: Path) -> None:
    missing = [name for name in columns if name not in chunk]
    if missing:
        raise InputFileError(f"effects {path} lack the columns {', '.join(missing)}. Run `epidyn explain` again.")
    numbers = chunk[["effect", "probability_effect"]].to_numpy()
    bad = ~(np.isfinite(numbers).all(axis=1) & chunk["role"].isin(ROLES) & chunk["pair"].isin(known))
    if bad.any():
        raise InputFileError(
            f"effects {path}: {int(bad.sum())} rows have no finite effect, no role ({', '.join(ROLES)}), "
            f"or a pair that {PAIRS} lacks (rows count from 0). Run `epidyn explain` again.",
            [f"row {row}: {chunk.loc[row, ['pair', 'role', 'effect']].to_dict()}" for row in chunk.index[bad]],
        )
