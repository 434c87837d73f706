"""Choosing settings by their validation score: a study of trials that processes and machines share."""

from epidyn.tuning.run import tune
from epidyn.tuning.space import OBJECTIVES, PAPER, Space, read_space, usual_space

__all__ = ["OBJECTIVES", "PAPER", "Space", "read_space", "tune", "usual_space"]
