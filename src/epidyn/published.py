"""Reading the authors' weight files."""

from __future__ import annotations

import os
from collections.abc import Mapping

from epidyn.errors import ModelFileError
from epidyn.model import Model
from epidyn.torchfiles import load_tensors


def read_published(path: str | os.PathLike[str]) -> Model:
    """Read the authors' state_dict from a torch file; nothing in the file can run code.

    Raises
    ------
    InputFileError
        If the file is missing or empty.
    ModelFileError
        If it is no torch file, holds more than tensors, or not this network's.
    """
    state = load_tensors(path, "weights", cure="Copy it again, or save a state_dict.")
    if not isinstance(state, Mapping):
        raise ModelFileError(f"weights {path} hold a {type(state).__name__}; a state_dict is needed.")
    try:
        return Model.from_published(state)
    except ModelFileError as error:
        raise ModelFileError(f"weights {path}: {error.headline}", error.rows) from error
