"""Names and files that were made to harm: shown as they stand, refused with a message, never run."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from epidyn import Model, plots, progress, write_pairs
from epidyn.cli import main
from epidyn.described import aligned
from epidyn.errors import ConfigError, EpidynError, InputFileError, ModelFileError
from epidyn.interpret.effects import read_effects
from epidyn.model import Provenance
from epidyn.nn import EpiDynFusion
from epidyn.pairs import summarise
from epidyn.report.collect import collect
from epidyn.scan.locus import Locus, plot_locus
from epidyn.scan.merge import read_settings as read_scan_settings
from epidyn.scoring import NetworkScorer
from epidyn.training.config import make_config, parse_assignments, read_settings
from epidyn.tuning.study import StudyFile
from tests.nn.toys import small_config
from tests.scan.test_locus import scan  # noqa: F401 (a fixture)

FORMULA = r"a$\frac$b"  # half a formula: matplotlib raises where it is taken for one
ESCAPE = "\x1b]0;owned\x07"  # sets a terminal's title
HALF = "\ud800"  # half a character: no file of UTF-8 holds it
ENDLESS = ["9" * 5000, "[" * 100_000, '{"a":' * 100_000]


def pairs(**columns: str) -> pd.DataFrame:
    row = {"enhancer_chrom": "chr1", "enhancer_start": 100, "enhancer_end": 200}
    row |= {"promoter_chrom": "chr1", "promoter_start": 600, "promoter_end": 700, "label": 1, "cell_line": "K562"}
    return pd.DataFrame([row | columns])


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the figures that the test draws say, as matplotlib would read it."""
    found: list[str] = []
    save = plots.save

    def kept(figure: Figure, path: Path) -> None:
        save(figure, path)
        found.extend(text.get_text() for text in figure.findobj(Text))

    monkeypatch.setattr(plots, "save", kept)
    return found


@pytest.fixture(scope="module")
def a_model(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and weights of a model file."""
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    Model(NetworkScorer(EpiDynFusion(small_config()).eval())).save(path)
    with safe_open(path, framework="pt") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)


def test_a_fold_named_by_half_a_formula_is_drawn_as_it_stands(texts: list[str], tmp_path: Path):
    table = pd.DataFrame(
        {"fold": [FORMULA, "chr2"], "auroc": [0.5, 0.7], "aupr": [0.3, 0.6], "prevalence": [0.2] * 2}
    )
    plots.folds(table, tmp_path / "folds.png")
    assert r"a\$\frac\$b" in texts


def test_a_gene_named_by_half_a_formula_is_drawn_as_it_stands(scan: Path, texts: list[str], tmp_path: Path):  # noqa: F811
    ids = f'gene_id "ENSG1"; gene_name "{FORMULA}";'
    (tmp_path / "genes.gtf").write_text(f"chr1\tx\tgene\t300\t400\t.\t+\t.\t{ids}\n")
    plot_locus(scan, Locus("chr1", 0, 1000), tmp_path / "genes.gtf")
    assert any(r"a\$\frac\$b" in text for text in texts)


@pytest.mark.parametrize("name", ["[/]", "[/x]", "[bold]x"])
def test_a_fold_named_by_markup_is_shown_as_it_stands(name: str, monkeypatch: pytest.MonkeyPatch):
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress.bar(f"Reading {name}", 2) as advance:
        advance(1, name)
    assert stream.getvalue().count(name) >= 2


def test_a_terminal_is_shown_names_and_does_not_obey_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_pairs(pairs(cell_line=ESCAPE, enhancer_chrom=ESCAPE, promoter_chrom=ESCAPE), tmp_path / "p.csv")
    assert main(["info", str(tmp_path / "p.csv")]) == 0
    assert main(["info", str(tmp_path / f"{ESCAPE}none.csv")]) == 2
    shown, said = capsys.readouterr()
    assert r"\x1b]0;owned\x07" in shown
    assert r"\x1b]0;owned\x07none.csv does not exist" in said
    assert not set("\x1b\x07") & set(shown + said)


def test_a_notebook_gets_no_control_characters():
    shown = summarise(pairs(cell_line=f"<b>{ESCAPE}"))._repr_html_()
    assert r"&lt;b&gt;\x1b]0;owned\x07" in shown


def test_a_model_that_says_what_no_terminal_can_print(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    hostile = {"__class__": "os.system", "../../x": f"{HALF}{ESCAPE}<script>"}
    network = EpiDynFusion(small_config()).eval()
    path = tmp_path / "m.safetensors"
    Model(NetworkScorer(network), Provenance(split=hostile)).save(path)
    assert main(["info", str(path)]) == 0
    assert r"__class__ os.system, ../../x \ud800\x1b]0;owned\x07<script>" in capsys.readouterr().out
    model = Model.load(path)
    for text in (repr(model), model._repr_html_()):
        assert r"\ud800\x1b]0;owned\x07" in text
        text.encode("utf-8")
    assert "<script>" not in model._repr_html_()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just(HALF + ESCAPE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
# What the library itself looks into; of the rest any value is shown as it is.
LEAKAGE = st.fixed_dictionaries({"leakage": ANYTHING})
SCORES = st.dictionaries(st.sampled_from(["test", "validation"]), st.fixed_dictionaries({"auroc": ANYTHING}))


@given(name=st.sampled_from(sorted(Provenance.model_fields)), value=ANYTHING | LEAKAGE | SCORES)
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_model_file_says_is_shown_or_refused(
    a_model: tuple[dict[str, str], dict[str, Tensor]], tmp_path: Path, name: str, value: object
):
    metadata, tensors = a_model
    path = tmp_path / "m.safetensors"
    save_file(tensors, path, metadata={**metadata, name: json.dumps(value)})
    try:
        model = Model.load(path)
    except ModelFileError as error:
        said = str(error)
    else:
        said = aligned(model.describe()) + repr(model) + model._repr_html_()
    assert said.encode("utf-8")
    assert "\x1b" not in said


def a_scan(folder: Path, content: str) -> None:
    (folder / "scan.tsv.gz.json").write_text(content)
    read_scan_settings(folder / "scan.tsv.gz")


def effects(folder: Path, content: str) -> None:
    for name in ("effects.tsv.gz", "pairs.tsv"):
        (folder / name).write_text("pair\n")
    (folder / "explain.json").write_text(content)
    read_effects(folder)


def a_run(folder: Path, content: str) -> None:
    (folder / "audit.json").write_text(content)
    collect([folder])


def settings(folder: Path, content: str) -> None:
    (folder / "c.toml").write_text(f"[training]\nseed = {content}")
    read_settings(folder / "c.toml")


def a_study(folder: Path, content: str) -> None:
    (folder / "s.journal").write_text(content)
    StudyFile(folder / "s.journal", "val_loss").check()


READERS = {
    a_scan: "scan.tsv.gz.json",
    effects: "explain.json",
    a_run: "audit.json",
    settings: "c.toml",
    a_study: "s.journal",
}


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("content", ENDLESS, ids=["digits", "list", "table"])
def test_text_without_end_is_refused_by_the_name_of_its_file(
    read: Callable[[Path, str], None], content: str, tmp_path: Path
):
    with pytest.raises(EpidynError) as caught:
        read(tmp_path, content)
    assert READERS[read] in str(caught.value)


def test_a_number_is_no_study(tmp_path: Path):
    with pytest.raises(InputFileError, match=r"s\.journal is no journal of Optuna"):
        a_study(tmp_path, "5")


@pytest.mark.parametrize("content", ENDLESS, ids=["digits", "list", "table"])
def test_a_setting_without_end_is_refused(content: str):
    with pytest.raises(ConfigError, match=r"training\.seed"):
        make_config(parse_assignments([f"training.seed={content}", "data.pairs=p.csv", "data.genome=g.fa"]))
