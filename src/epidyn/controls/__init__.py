"""Controls: changes to the data after which an honest model must score chance."""

from epidyn.controls.labels import shuffle_labels
from epidyn.controls.sequence import SequenceShuffle, shuffle_dinucleotides

__all__ = ["SequenceShuffle", "shuffle_dinucleotides", "shuffle_labels"]
