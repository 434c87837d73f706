"""6-mer vectors learned from a genome by skip-gram, as dna2vec does, and whether like words have like vectors."""

from epidyn.kmer_training.run import write_vectors
from epidyn.kmer_training.sanity import Sanity, neighbour_agreement, sanity
from epidyn.kmer_training.skipgram import Settings, Trained, train_vectors

__all__ = ["Sanity", "Settings", "Trained", "neighbour_agreement", "sanity", "train_vectors", "write_vectors"]
