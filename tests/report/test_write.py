from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from epidyn.audit import audit, write_audit
from epidyn.errors import OutputError
from epidyn.pairs import read_pairs
from epidyn.report import write_report
from epidyn.report.collect import collect
from epidyn.report.rows import tidy
from tests.audit.test_report import HOSTILE, Page
from tests.report.folders import vary, vary_folds
from tests.report.test_rows import SPECIFIC, one

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def audited(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit of the pairs as if they were NHEK's."""
    folder = tmp_path_factory.mktemp("audit") / "NHEK"
    write_audit(audit(read_pairs(simulated / "pairs.csv"), splits=2), folder)
    report = json.loads((folder / "audit.json").read_text())
    report["facts"]["cell_lines"] = ["NHEK"]
    (folder / "audit.json").write_text(json.dumps(report))
    return folder


@pytest.fixture(scope="module")
def runs(real_run: Path, real_folds: Path, audited: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Runs that every figure can be drawn of."""
    folder = tmp_path_factory.mktemp("runs")
    for line in ("NHEK", "K562"):
        for seed in (0, 1):
            vary(real_run, folder / line / f"{seed}", line=line, seed=seed, auroc=0.9 + seed / 50)
        general = {"training": {"regime": "general"}}
        vary(real_run, folder / line / "general", line=line, settings=general)
        vary_folds(real_folds, folder / line / "loco", line=line)
    return [folder, audited]


@pytest.fixture(scope="module")
def report(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    page = write_report(runs, tmp_path_factory.mktemp("out") / "report")
    return page.parent


def test_the_folder_holds_page_tables_and_figures(report: Path):
    assert sorted(path.name for path in report.iterdir()) == ["figures", "report.csv", "report.html", "report.md"]
    figures = sorted(path.name for path in (report / "figures").iterdir())
    assert figures == [
        "architecture.png",
        "cross_line.png",
        "curves_regimes_epi_dynfusion_gen.png",
        "curves_regimes_epi_dynfusion_spe.png",
        "fusion.png",
        "general_less_specific.png",
        "loco.png",
        "optimisers.png",
        "oversampling.png",
        "regimes.png",
    ]
    assert all((report / "figures" / name).read_bytes().startswith(PNG) for name in figures)


def test_the_page_needs_no_other_file_and_runs_nothing(report: Path):
    html = (report / "report.html").read_text()
    page = Page(html)
    sources = [
        value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href")
    ]
    images = [source for source in sources if source and source.startswith("data:image/png;base64,")]
    assert len(images) == 10
    assert all(source in images or (source or "").startswith("#") for source in sources)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert not re.search(r"url\(|@import|https?://", html)


def test_the_page_shows_ours_published_difference_and_what_was_not_run(report: Path):
    text = Page((report / "report.html").read_text()).text
    assert "0.910" in text  # the mean of 0.90 and 0.92
    assert "published 0.987" in text
    assert "difference -0.077" in text
    assert "not run" in text
    assert "published, not rerun" in text
    assert "reads no DNA" in text
    assert "missing for K562" in text  # it was not audited


def test_markdown_and_csv_say_the_same(report: Path):
    with (report / "report.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    header = "experiment,table,line,what,measure,kind,ours,low,high,seeds,published,difference,prevalence,sd"
    assert (report / "report.csv").read_text().startswith(header)
    key = ("regimes", "NHEK", SPECIFIC, "auroc")
    (row,) = [r for r in rows if (r["experiment"], r["line"], r["what"], r["measure"]) == key]
    assert (row["table"], row["seeds"], row["ours"], row["published"]) == ("Table 9", "2", "0.91", "0.987")
    assert float(row["difference"]) == pytest.approx(0.91 - 0.987)
    # t(0.975, 1) times sd over the root of 2, from a printed table
    assert float(row["high"]) - 0.91 == pytest.approx(12.7062 * 0.01, abs=1e-4)
    assert all((r["ours"] == "") == (r["kind"] in ("not run", "published, not rerun")) for r in rows)
    markdown = (report / "report.md").read_text()
    assert "0.910 (0.783 to 1.037, 2 seeds); published 0.987; -0.077" in markdown
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in markdown.splitlines() if line.startswith("|  |")]
    assert widths
    assert all(width >= 8 for width in widths)


def test_baselines_stand_beside_every_random_split_of_their_line(runs: list[Path], audited: Path):
    rows = tidy(collect(runs))
    found = json.loads((audited / "audit.json").read_text())["baselines"]
    identity = next(each for each in found if each["name"] == "identity")
    for experiment in ("architecture", "fusion", "oversampling", "optimisers", "regimes", "general"):
        row = one(rows, experiment, "identity")
        assert (row.kind, row.ours, row.seeds, row.published) == (
            "baseline",
            identity["random"]["auroc"]["mean"],
            2,
            None,
        )
    loco = one(rows, "loco", "identity")
    assert (loco.ours, loco.sd) == (identity["held_out"]["auroc"]["mean"], identity["held_out"]["auroc"]["sd"])
    baselines = {(row.experiment, row.line) for row in rows if row.kind == "baseline"}
    assert ("comparison", "NHEK") not in baselines  # nothing of ours is there
    assert {line for _, line in baselines} == {"NHEK"}


def test_an_audit_of_several_lines_is_left_out_and_named(real_run: Path, audited: Path, tmp_path: Path):
    report = json.loads((audited / "audit.json").read_text())
    report["facts"]["cell_lines"] = ["K562", "NHEK"]
    (tmp_path / "audit.json").write_text(json.dumps(report))
    assert "several cell lines" in collect([real_run, tmp_path]).notes[0]


def test_hostile_names_are_text(real_run: Path, tmp_path: Path):
    folder = tmp_path / "<img src=x onerror=alert(3)>"
    vary(real_run, folder / "a", line=HOSTILE)
    vary(real_run, folder / "b", line=HOSTILE)  # named in a note
    page = write_report([folder], tmp_path / "out")
    html = page.read_text()
    parsed = Page(html)
    assert HOSTILE in parsed.text
    assert "onerror=alert(3)" in parsed.text
    assert not [tag for tag, attributes in parsed.tags if tag == "script" or "onerror" in attributes]
    markdown = page.with_name("report.md").read_text()
    assert "<script" not in markdown
    assert "<img" not in markdown


def test_a_line_named_by_marks_of_markdown_and_of_formulas_stays_as_it_is(real_run: Path, tmp_path: Path):
    page = write_report([vary(real_run, tmp_path / "run", line="a|b*c $\\frac$")], tmp_path / "out")
    heads = [line for line in page.with_name("report.md").read_text().splitlines() if line.startswith("|  |")]
    assert any(r"a\|b\*c" in head for head in heads)


def test_runs_that_are_not_as_published_are_said_to_be(real_run: Path, tmp_path: Path):
    vary(real_run, tmp_path / "short", seed=1, settings={"training": {"max_steps": 3, "epochs": 30}})
    vary(real_run, tmp_path / "none", settings={"training": {"copies": 0}, "network": {"cbam": False}})
    page = write_report([tmp_path], tmp_path / "out")
    notes = page.with_name("report.md").read_text().partition("## Sizes")[0]
    assert "training.max\\_steps: 3 (published: none), 1 of 2" in notes
    assert "training.epochs: 1 (published: 30), 1 of 2" in notes
    assert "network.channels: 12 (published: 100), all" in notes
    assert "cbam:" not in notes
    assert "copies:" not in notes


def test_an_earlier_report_is_replaced_only_by_force(real_run: Path, tmp_path: Path):
    out = tmp_path / "out"
    write_report([real_run], out)
    (out / "figures" / "of_an_earlier_report.png").write_bytes(PNG)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        write_report([real_run], out)
    write_report([real_run], out, force=True)
    assert not (out / "figures" / "of_an_earlier_report.png").exists()
    assert (out / "notes.txt").read_text() == "mine"


def test_bad_input_leaves_no_report(real_run: Path, tmp_path: Path):
    with pytest.raises(OSError, match="does not exist"):
        write_report([real_run, tmp_path / "no"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_same_runs_give_the_same_files(runs: list[Path], report: Path, tmp_path: Path):
    again = write_report(runs, tmp_path / "again").parent
    for name in ("report.csv", "report.md"):
        assert (again / name).read_bytes() == (report / name).read_bytes()
