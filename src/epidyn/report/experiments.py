"""The article's experiments, and which of them a run belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from epidyn.nn import NetworkConfig
from epidyn.windows import DEFAULT_COPIES

LINES = ("GM12878", "HUVEC", "HeLa-S3", "IMR90", "K562", "NHEK")
HIC_LINES = ("GM12878", "HMEC", "HeLa-S3", "IMR90", "K562", "NHEK")
MEAN = "mean"

OTHER_KINDS = {"motif-pairs": "motif pairs", "both": "network and motif pairs"}  # than the article's network
OURS = "EPI-DynFusion"
REGIMES = {"specific": f"{OURS}-spe", "general": f"{OURS}-gen", "fine-tuned": f"{OURS}-best"}
FULL = "CNN + Transformer + BiGRU + DynFusion + CBAM"
FUSIONS = {
    "fixed": "fixed weights",
    "concatenation": "concatenation",
    "attention": "attention",
    "dynamic": "dynamic",
}
STRICT = ", strict pooling"
SCORES = ("auroc", "aupr")


@dataclass(frozen=True)
class Experiment:
    """One experiment of the article, or a group of runs that it does not have.

    Attributes
    ----------
    name, title
        The short name of the CSV file, and the heading.
    about
        One sentence: what is compared.
    tables
        Where the article has it, by measure.
    expected
        The rows that a whole reproduction has, in order; those not found are shown as not run.
    lines
        The columns that it has, likewise.
    random_split
        Whether the scores are of a random split, so that sequence-free baselines belong beside them.
    """

    name: str
    title: str
    about: str
    tables: Mapping[str, str]
    expected: tuple[str, ...] = ()
    lines: tuple[str, ...] = LINES
    random_split: bool = False


def _scores(auroc: str, aupr: str) -> dict[str, str]:
    return dict(zip(SCORES, (auroc, aupr), strict=True))


_ALL = (
    Experiment(
        "sizes",
        "Sizes",
        "Pairs of training and test. Training positives are counted once, with validation; copies as asked for.",
        {"pairs": "Table 1"},
        ("training positives", "training copies", "training negatives", "test positives", "test negatives"),
    ),
    Experiment(
        "architecture",
        "Architectures",
        "What each part of the network adds; random split, each line by itself.",
        _scores("Table 3", "Table 2"),
        (
            "CNN",
            "CNN + Transformer",
            "CNN + CBAM",
            "CNN + BiGRU",
            "CNN + Transformer + BiGRU",
            "CNN + Transformer + BiGRU + CBAM",
            "CNN + Transformer + BiGRU + DynFusion",
            FULL,
        ),
        random_split=True,
    ),
    Experiment(
        "fusion",
        "Fusions",
        "How the transformer's and the GRU's stream are joined, in the full network; random split.",
        _scores("Figure 8", "Figure 8"),
        tuple(FUSIONS.values()),
        random_split=True,
    ),
    Experiment(
        "oversampling",
        "Oversampling",
        "Shifted copies of each training positive; random split.",
        _scores("Section 5.3, Suppl. 10 and 11", "Section 5.3, Suppl. 10 and 11"),
        ("0x", "5x", "10x", "15x", "20x", "25x"),
        (*LINES, MEAN),
        random_split=True,
    ),
    Experiment(
        "optimisers",
        "Optimisers",
        "The full network under each optimiser; random split.",
        _scores("Suppl. 8 and 9", "Suppl. 8 and 9"),
        ("NAdam", "Adam", "RMSprop"),
        random_split=True,
    ),
    Experiment(
        "cross-line",
        "Across cell lines",
        "A row is the line that the model was trained on, a column the line whose test pairs it scores.",
        _scores("Table 4", "Table 5"),
        LINES,
    ),
    Experiment(
        "general",
        "The general model",
        "One model of all lines, tested on each; random split.",
        _scores("Table 7", "Table 7"),
        (REGIMES["general"],),
        random_split=True,
    ),
    Experiment(
        "regimes",
        "Regimes",
        "Specific (spe: one line), general (gen: all lines) and fine-tuned (best: general, then one line); random "
        "split.",
        _scores("Table 9", "Table 8"),
        tuple(REGIMES.values()),
        random_split=True,
    ),
    Experiment(
        "loco",
        "One chromosome left out at a time",
        "Mean over the chromosomes that have both labels. Nothing of a test pair's elements is in training.",
        _scores("Table 6", "not in the article"),
        (OURS,),
    ),
    Experiment(
        "bengi",
        "BENGI",
        "The Hi-C benchmarks of BENGI; random split 9:1.",
        _scores("Figures 13 and 14", "Figures 13 and 14"),
        (OURS,),
        HIC_LINES,
        random_split=True,
    ),
    Experiment(
        "comparison",
        "Comparison with other models",
        "The other models' numbers are the article's, published, not rerun; random split.",
        _scores("Table 11", "Table 10"),
        (REGIMES["fine-tuned"],),
        random_split=True,
    ),
    Experiment(
        "complexity",
        "Time and memory",
        "Of training and test, as each run recorded them on its own machine; the article's on one RTX 4080.",
        {
            "minutes": "Section 5.5, Suppl. 12 to 15",
            "megabytes": "Section 5.5, Suppl. 12 to 15",
            "test_seconds": "Suppl. 12 to 15",
            "process_megabytes": "not in the article",
        },
        (OURS, "CNN + Transformer"),
        (*LINES, MEAN),
    ),
    Experiment(
        "other-splits",
        "Other splits",
        "Runs under a split that the article does not have.",
        _scores("not in the article", "not in the article"),
        lines=(),
    ),
    Experiment(
        "other",
        "Other runs",
        "Runs whose settings are those of none of the article's experiments.",
        _scores("not in the article", "not in the article"),
        lines=(),
    ),
)
EXPERIMENTS = {each.name: each for each in _ALL}


@dataclass(frozen=True)
class Traits:
    """What decides to which experiments a run belongs.

    Attributes
    ----------
    network
        Its network; None if it is a model of another kind, which the article has none of.
    copies, default_copies
        Shifted copies of a training positive, and whether their number is the rule's or the published 20.
    line
        The cell line of its pairs, or several joined by commas.
    optimizer, regime, split
        By name; ``split`` as the run recorded it: ``random``, ``loco``, ``chromosome`` ...
    folds
        Whether it is a cross-validation, not one run.
    bengi
        Whether its pairs are one of BENGI's benchmarks.
    strict
        Whether it was kept from the elements that another of its lines tests.
    kind
        Of model; ``network`` is None of any other than that.
    distance
        Whether it may read the distance between the elements.
    """

    network: NetworkConfig | None
    line: str
    copies: int
    default_copies: bool
    optimizer: str
    regime: str
    split: str
    folds: bool = False
    bengi: bool = False
    strict: bool = False
    kind: str = "network"
    distance: bool = False


@dataclass(frozen=True)
class Place:
    """A row of an experiment."""

    experiment: str
    what: str


def architecture(network: NetworkConfig) -> str:
    """Return the network's name in the article's way of naming; another fusion than the dynamic one is said."""
    parts = ["CNN"]
    parts += ["Transformer"] * network.transformer + ["BiGRU"] * network.gru
    if network.fuses:
        parts.append("DynFusion" if network.fusion == "dynamic" else f"{network.fusion} fusion")
    return " + ".join(parts + ["CBAM"] * network.cbam)


def is_default_copies(copies: int | str) -> bool:
    """Tell whether this setting asks for the number of copies that experiments on other things keep to."""
    return copies in ("balanced", DEFAULT_COPIES)


def places(traits: Traits) -> tuple[Place, ...]:
    """Return the rows that a run belongs to; one run may serve several experiments, each belongs somewhere."""
    other = OTHER_KINDS.get(traits.kind, "") + " and distance" * traits.distance
    name = other if traits.network is None else architecture(traits.network)
    usual = traits.optimizer == "NAdam" and traits.default_copies
    if traits.split != "random":
        return (_held_out(traits, name, usual),)
    if traits.network is None:
        found = []
    elif traits.bengi:
        found = [Place("bengi", OURS)] if name == FULL and usual and traits.regime == "specific" else []
    elif traits.regime == "specific":
        found = _specific(traits, traits.network, name, usual)
    elif name == FULL and usual:
        extra = {"general": "general", "fine-tuned": "comparison"}[traits.regime]
        what = REGIMES[traits.regime] + STRICT * traits.strict
        found = [Place("regimes", what), Place(extra, what)]
    else:
        found = []
    return tuple(found) or (Place("other", _described(traits, name)),)


def _specific(traits: Traits, network: NetworkConfig, name: str, usual: bool) -> list[Place]:
    """Return the rows of a run on one line under the random split."""
    found = []
    if usual:
        fusion = network.fusion
        plain = fusion in ("dynamic", "none") or not network.fuses
        if plain:
            found.append(Place("architecture", name))
        if network.fuses and network.cbam:
            found.append(Place("fusion", FUSIONS.get(fusion, fusion)))
        if name in (FULL, "CNN + Transformer"):
            found.append(Place("complexity", OURS if name == FULL else name))
    if name == FULL and traits.optimizer == "NAdam":
        found.append(Place("oversampling", f"{traits.copies}x"))
    if name == FULL and traits.default_copies:
        found.append(Place("optimisers", traits.optimizer))
    if name == FULL and usual:
        found += [Place("regimes", REGIMES["specific"]), Place("cross-line", traits.line)]
    return found


def _held_out(traits: Traits, name: str, usual: bool) -> Place:
    if traits.split == "loco" and traits.folds and name == FULL and usual and not traits.bengi:
        what = OURS if traits.regime == "specific" else REGIMES[traits.regime]
        return Place("loco", what + STRICT * traits.strict)
    return Place("other-splits", f"{traits.split}: {_described(traits, name)}")


def _described(traits: Traits, name: str) -> str:
    """Return a run in words: its network, and whatever is not as usual."""
    parts = [OURS if name == FULL else name]
    if traits.optimizer != "NAdam":
        parts.append(traits.optimizer)
    if not traits.default_copies:
        parts.append(f"{traits.copies}x")
    if traits.regime != "specific":
        parts.append(traits.regime)
    if traits.bengi:
        parts.append("BENGI")
    return ", ".join(parts) + STRICT * traits.strict
