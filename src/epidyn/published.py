"""Reading the authors' weight files."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Mapping

import torch

from epidyn.errors import ModelFileError
from epidyn.files import require_file
from epidyn.model import Model


def read_published(path: str | os.PathLike[str]) -> Model:
    """Read the authors' state_dict from a torch file; nothing in the file can run code.

    Raises
    ------
    InputFileError
        If the file is missing or empty.
    ModelFileError
        If it is no torch file, holds more than tensors, or not this network's.
    """
    path = require_file(path, "weights")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch remarks on a file that it then refuses
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelFileError(
            f"weights {path} hold more than tensors, or are no torch file; only a state_dict is read, since "
            "anything else could run code. Save network.state_dict() and import that."
        ) from error
    except Exception as error:  # bytes that are no torch file raise KeyError, IndexError, struct.error and others
        raise ModelFileError(
            f"weights {path} are damaged or no torch file ({type(error).__name__}: {error}). Download them again."
        ) from error
    if not isinstance(state, Mapping):
        raise ModelFileError(f"weights {path} hold a {type(state).__name__}; a state_dict is needed.")
    try:
        return Model.from_published(state)
    except ModelFileError as error:
        raise ModelFileError(f"weights {path}: {error.headline}", error.rows) from error
