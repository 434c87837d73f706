from __future__ import annotations

import pytest

from epidyn.report.experiments import EXPERIMENTS, OURS, REGIMES
from epidyn.report.published import read_published


@pytest.fixture(scope="module")
def values() -> dict[tuple[str, str, str, str], tuple[float, float | None]]:
    return {(e.experiment, e.what, e.line, e.measure): (e.value, e.sd) for e in read_published()}


def test_every_number_is_there_once(values):
    assert len(read_published()) == len(values) == 421


def test_numbers_of_the_article(values):
    """Read off the article's pages by eye, not off the file."""
    assert values["cross-line", "GM12878", "HUVEC", "auroc"] == (0.613, None)
    assert values["loco", OURS, "IMR90", "auroc"] == (0.668, 0.086)
    assert values["regimes", REGIMES["fine-tuned"], "NHEK", "aupr"] == (0.924, None)
    assert values["sizes", "training copies", "HeLa-S3", "pairs"] == (31320, None)
    assert values["bengi", OURS, "K562", "aupr"] == (0.568, None)
    assert values["complexity", OURS, "mean", "minutes"] == (33.2, None)


def test_every_number_is_of_an_experiment_and_measure_that_the_report_has():
    for each in read_published():
        assert each.measure in EXPERIMENTS[each.experiment].tables, each


def test_what_is_not_ours_to_run_is_another_authors_model():
    """All else has a row that a run can fill."""
    for each in read_published():
        assert each.rerun == (each.what in EXPERIMENTS[each.experiment].expected), each
