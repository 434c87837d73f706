"""Scores of sequences by binding motifs: fast, exact, on both strands."""

from epidyn.motif_scores.scanner import ALL, BEST, POWER, MotifScanner, SitesCount

__all__ = ["ALL", "BEST", "POWER", "MotifScanner", "SitesCount"]
