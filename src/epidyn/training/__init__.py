"""Training: a run folder from a pair table and a genome; resumed after a kill at any moment."""

from epidyn.training.config import RunConfig
from epidyn.training.run import resume, train, train_or_resume, validate

__all__ = ["RunConfig", "resume", "train", "train_or_resume", "validate"]
