"""The second kind of model: which motifs at the enhancer go with which at the promoter."""

from epidyn.motif_pairs.cache import ScoreCache
from epidyn.motif_pairs.features import COMPOSITION, ElementFeatures
from epidyn.motif_pairs.fitting import SCREENED, Sample, fit
from epidyn.motif_pairs.scorer import DISTANCE, MotifPairsConfig, MotifPairsScorer
from epidyn.motif_pairs.terms import DistanceTerm, Term, Terms

__all__ = [
    "COMPOSITION",
    "DISTANCE",
    "SCREENED",
    "DistanceTerm",
    "ElementFeatures",
    "MotifPairsConfig",
    "MotifPairsScorer",
    "Sample",
    "ScoreCache",
    "Term",
    "Terms",
    "fit",
]
