"""Genomes: FASTA, 2bit, in memory or random, all read as base codes."""

from epidyn.genome.base import Genome
from epidyn.genome.codes import decode, encode, reverse_complement

__all__ = ["Genome", "decode", "encode", "reverse_complement"]
