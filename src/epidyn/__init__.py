"""epidyn: enhancer-promoter interactions from DNA sequence, and how far to trust them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from epidyn import kmers, metrics, nn, pairs, windows
    from epidyn.errors import EpidynError
    from epidyn.genome import Genome
    from epidyn.model import Model
    from epidyn.pairs import read_pairs, write_pairs

_WHERE = {
    "EpidynError": "epidyn.errors",
    "Genome": "epidyn.genome",
    "Model": "epidyn.model",
    "read_pairs": "epidyn.pairs",
    "write_pairs": "epidyn.pairs",
}
_MODULES = ("kmers", "metrics", "nn", "pairs", "windows")

__all__ = [
    "EpidynError",
    "Genome",
    "Model",
    "__version__",
    "kmers",
    "metrics",
    "nn",
    "pairs",
    "read_pairs",
    "windows",
    "write_pairs",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that ``import epidyn`` stays quick."""
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"epidyn.{name}")
    raise AttributeError(f"module 'epidyn' has no attribute {name!r}")
