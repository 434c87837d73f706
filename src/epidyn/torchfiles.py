"""Files of torch.save, read so that nothing in them can run code."""

from __future__ import annotations

import os
import pickle
import warnings
from typing import Any

import torch

from epidyn.errors import ModelFileError
from epidyn.files import require_file


def load_tensors(path: str | os.PathLike[str], what: str, *, cure: str) -> Any:
    """Return what a torch file holds: tensors and plain values, on the CPU.

    ``what`` names the file in messages, and ``cure`` says what to do about one that cannot be used.

    Raises
    ------
    InputFileError
        If the file is missing or empty.
    ModelFileError
        If it is damaged, no torch file, or holds anything that could run code.
    """
    path = require_file(path, what)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch remarks on a file that it then refuses
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelFileError(
            f"{what} {path}: it holds more than tensors, or is no torch file. Only tensors and plain values "
            f"are read, since anything else could run code. {cure}"
        ) from error
    except Exception as error:  # bytes that are no torch file raise KeyError, IndexError, struct.error and others
        raise ModelFileError(f"{what} {path}: it is damaged or no torch file. {cure}") from error
