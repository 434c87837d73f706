"""The article's numbers: Zhang, Jia, Sun, Wei (2025) EPI-DynFusion, Front. Genet. 16:1614222."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib import resources

SOURCE = (
    "Zhang A, Jia J, Sun M, Wei X (2025) EPI-DynFusion. Frontiers in Genetics 16:1614222, "
    "doi 10.3389/fgene.2025.1614222 (CC BY)"
)

# Models of other authors, whose numbers this package takes from the article and does not compute.
OTHER_MODELS = frozenset(
    {
        *("EPI-DLMH", "EPI-Mind", "EPI-Mind-best", "EPI-Trans", "EPI-Trans-best", "EPIHC", "EPIVAN", "EPI-VAN"),
        *("LOCO-EPI", "PEP-WORD", "RAEPI", "SIMCNN", "SPEID", "TF-EPI"),
    }
)

# The second word of what the file calls a table, and the experiment that it belongs to.
_EXPERIMENT = {
    "sizes": "sizes",
    "ablation": "architecture",
    "oversampling": "oversampling",
    "cross-line": "cross-line",
    "general": "general",
    "regimes": "regimes",
    "LOCO": "loco",
    "BENGI": "bengi",
    "comparison": "comparison",
    "complexity": "complexity",
}


@dataclass(frozen=True)
class Published:
    """One number of the article.

    Attributes
    ----------
    experiment, what, line, measure
        Its place among :data:`epidyn.report.experiments.EXPERIMENTS`.
    value
        AUROC, AUPR, pairs, minutes or megabytes, as ``measure`` says.
    sd
        Over chromosomes, of a mean over them; otherwise None.
    """

    experiment: str
    what: str
    line: str
    measure: str
    value: float
    sd: float | None

    @property
    def rerun(self) -> bool:
        """Whether this package computes it too; other authors' models it does not."""
        return self.what not in OTHER_MODELS


def read_published() -> list[Published]:
    """Return all numbers, in the article's order."""
    text = (resources.files("epidyn") / "data" / "published_tables.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return [
        Published(
            _EXPERIMENT[row["table"].split(" ")[1]],
            row["row"],
            row["cell_line"],
            row["metric"],
            float(row["value"]),
            float(row["sd"]) if row["sd"] else None,
        )
        for row in rows
    ]
