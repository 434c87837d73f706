"""Scores of sequences by binding motifs: fast, exact, on both strands."""

from epidyn.motif_scores.scanner import MotifScanner

__all__ = ["MotifScanner"]
