"""The network: torch modules only, no files and no tables."""

from epidyn.nn.config import NetworkConfig
from epidyn.nn.network import EpiDynFusion

__all__ = ["EpiDynFusion", "NetworkConfig"]
