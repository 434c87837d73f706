"""Training: a run folder from a pair table and a genome; resumed after a kill at any moment."""

from epidyn.training.config import RunConfig
from epidyn.training.run import resume, train, train_or_resume, validate
from epidyn.training.triplets import export_triplets

__all__ = ["RunConfig", "export_triplets", "resume", "train", "train_or_resume", "validate"]
