"""A genome and pairs with a known motif grammar.

Enhancers and promoters carry instances of known motifs; which pairs interact follows from what they carry by
one of three rules (presence, pairing, propensity; see :mod:`epidyn.simulate.grammar`), and everything planted
is written down. What a model can learn, and whether an explanation of it is right, is measured here.
"""

from epidyn.simulate.config import RULES, SimulationConfig, configure
from epidyn.simulate.generate import Simulation, simulate
from epidyn.simulate.write import FILES, write_simulation

__all__ = ["FILES", "RULES", "Simulation", "SimulationConfig", "configure", "simulate", "write_simulation"]
