"""Filters that start as motifs: the same scores as the motifs give, and the same life as any other start."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from epidyn import Model, training
from epidyn.errors import ConfigError, InputFileError
from epidyn.matrices import BACKGROUND, Matrix
from epidyn.nn import EpiDynFusion
from epidyn.training.checkpoint import TrainingState
from epidyn.training.config import RunConfig, departures, make_config
from epidyn.training.motif_stem import RARITY, representatives, start_from_motifs
from tests.nn.toys import small_config

Build = Callable[..., RunConfig]
WIDTHS = (5, 7, 4)  # the promoter's kernel is 8, the enhancer's 11


def motif(name: str, consensus: str, sure: float = 0.94) -> Matrix:
    frequencies = np.full((len(consensus), 4), (1 - sure) / 3)
    frequencies[np.arange(len(consensus)), ["ACGT".index(base) for base in consensus]] = sure
    return Matrix(name, name, "own", frequencies)


PALINDROME = motif("palindrome", "ACGCGT")
MOTIFS = [motif("first", "GATTACA"), motif("second", "CCTGA"), PALINDROME]


def network(**settings: object) -> EpiDynFusion:
    torch.manual_seed(4)
    return EpiDynFusion(small_config(**{"vector_size": 100, **settings})).double()


def started(matrices: list[Matrix], **settings: object) -> tuple[EpiDynFusion, int]:
    made = network(**settings)
    return made, start_from_motifs(made, matrices)


def slow_channel(codes: np.ndarray, matrix: Matrix, turned: bool, kernel: int, pool: int) -> np.ndarray:
    """One filter's output, site by site: log-odds less a threshold, ReLU, and the maximum of each pool."""
    weights = matrix.log_odds()[::-1, ::-1] if turned else matrix.log_odds()
    width = len(weights)
    random = np.random.default_rng(0).choice(4, size=400_000, p=BACKGROUND)
    scores = [sum(weights[at, random[place + at]] for at in range(width)) for place in range(400_000 - width + 1)]
    threshold = np.quantile(scores, 1 - 1 / RARITY)
    best = weights.max(axis=1).sum()
    first = (kernel - width) // 2
    places = range(len(codes) - kernel + 1)
    sites = [sum(weights[at, codes[place + first + at]] for at in range(width)) for place in places]
    found = np.maximum((np.array(sites) - threshold) / (best - threshold), 0)
    return found[: len(found) // pool * pool].reshape(-1, pool).max(axis=1)


@pytest.mark.parametrize("role", ["enhancer", "promoter"])
def test_filters_score_motifs_as_the_slow_way_does(role: str):
    made, count = started(MOTIFS)
    assert count == 3
    kernel, pool, length = {"enhancer": (11, 5, 83), "promoter": (8, 3, 61)}[role]
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 4, length).astype(np.uint8)
    codes[30:37] = ["ACGT".index(base) for base in "GATTACA"]
    encode = made.encode_enhancer if role == "enhancer" else made.encode_promoter
    features = encode(torch.from_numpy(codes[None]))[0].detach().numpy()
    order = representatives(MOTIFS, 12)
    filters = [(each, turned) for each in order for turned in ((False,) if each is PALINDROME else (False, True))]
    assert len(filters) == 5
    # The first bases have no 6-mer, and a pool that looks at them is another matter.
    known = -(-5 // pool)
    for channel, (matrix, turned) in enumerate(filters):
        expected = slow_channel(codes, matrix, turned, kernel, pool)
        assert features[channel, known:] == pytest.approx(expected[known:], abs=1e-6)
        if matrix.name == "first":
            assert features[channel].max() == pytest.approx(0 if turned else 1, abs=1 if turned else 1e-6)
    plain = network().encode_enhancer if role == "enhancer" else network().encode_promoter
    others = plain(torch.from_numpy(codes[None]))[0].detach().numpy()
    assert (features[5:] == others[5:]).all()  # the filters that are left
    assert (features[:5] != others[:5]).any(axis=1).all()


def test_a_short_kernel_has_the_columns_that_matter():
    sure, unsure = motif("m", "GATTACATG"), np.full((3, 4), 0.25)
    wide = Matrix("wide", "wide", "own", np.concatenate([unsure, sure.frequencies[:8], unsure]))
    made, _ = started([wide])
    codes = np.full((1, 61), 4, dtype=np.uint8)
    codes[0, 20:50] = np.random.default_rng(0).integers(0, 4, 30)
    codes[0, 31:39] = ["ACGT".index(base) for base in "GATTACAT"]
    found = made.encode_promoter(torch.from_numpy(codes)).detach().numpy()[0, 0]
    assert found.max() == pytest.approx(1, abs=1e-6)


def test_representatives_stand_for_different_motifs():
    near = [motif(f"a{number}", "GATTACATTG", 0.94 - 0.02 * number) for number in range(4)]
    other = [motif("b", "CCTGAGGCCA"), motif("c", "TTTTATATAT")]
    chosen = [each.name for each in representatives([*near, *other], 3)]
    assert chosen[0].startswith("a")  # that which most are like
    assert set(chosen[1:]) == {"b", "c"}
    assert len(representatives(near, 9)) == 4


def test_a_motif_wider_than_what_is_compared_or_without_a_say_leaves_the_others_their_choice():
    near = [motif(f"a{number}", "GATTACATTG", 0.94 - 0.02 * number) for number in range(3)]
    odd = [motif("wide", "ACGTTGCA" * 30), Matrix("flat", "flat", "own", np.tile(BACKGROUND, (6, 1)))]
    chosen = [each.name for each in representatives([*odd, *near], 5)]
    assert chosen[0].startswith("a")
    assert chosen[-1] == "flat"  # stands for nothing, not even itself
    made, count = started(odd)
    assert count == 2
    assert all(torch.isfinite(each).all() for each in made.state_dict().values())


@pytest.mark.parametrize("consensus", ["G", "GAT", "GATA"])
def test_a_short_motif_has_its_best_site_at_one(consensus: str):
    made, _ = started([motif("short", consensus)])
    codes = np.full((1, 61), 4, dtype=np.uint8)
    codes[0, 20:50] = 1
    codes[0, 31 : 31 + len(consensus)] = ["ACGT".index(base) for base in consensus]
    found = made.encode_promoter(torch.from_numpy(codes)).detach().numpy()[0, 0]
    assert found.max() == pytest.approx(1, abs=1e-6)


def test_more_motifs_than_filters_fill_them_all():
    rng = np.random.default_rng(2)
    many = [Matrix(f"m{n}", f"m{n}", "own", rng.dirichlet([0.2] * 4, 6)) for n in range(30)]
    made, count = started(many)
    assert count == 6  # twelve channels, a filter a strand
    weights = made.enhancer_stem.convolution.weight.detach().numpy()
    assert (weights[:, :, 0] == 0).all()  # outside the motif


def test_vectors_that_hold_no_bases_are_said_to(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING, logger="epidyn"):
        started(MOTIFS)
        assert not caplog.records
        started(MOTIFS, vector_size=5)
    assert "far from its motifs" in caplog.text


@pytest.fixture
def own(tmp_path: Path) -> Path:
    lines = ["MEME version 4", "ALPHABET= ACGT"]
    for each in MOTIFS:
        lines += [f"MOTIF {each.id} {each.name}", "letter-probability matrix:"]
        lines += [" ".join(f"{share:.6f}" for share in row) for row in each.frequencies]
    path = tmp_path / "own.meme"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_run_starts_from_them_and_says_so(toy_config: Build, own: Path, tmp_path: Path):
    config = toy_config(training={"init_stem": str(own), "epochs": 2}, network={"vector_size": 100})
    model = training.train(config, tmp_path / "run")
    assert "the stem starts from 3 motifs of own.meme (3, sha256 " in (tmp_path / "run" / "log.txt").read_text()
    loaded = Model.load(tmp_path / "run" / "model.safetensors")
    assert loaded.provenance.stem.startswith("3 motifs of own.meme")
    assert dict(loaded.describe())["stem"] == loaded.provenance.stem
    plain = training.train(toy_config(training={"epochs": 2}, network={"vector_size": 100}), tmp_path / "plain")
    assert plain.provenance.stem is None
    weights = [each.network.enhancer_stem.convolution.weight for each in (model, plain)]
    assert not torch.equal(*weights)
    assert any("training.init_stem" in line for line in departures(published(config)))


def published(config: RunConfig) -> RunConfig:
    return config.model_copy(update={"training": config.training.model_copy(update={"protocol": "published"})})


def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    toy_config: Build, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    class StoppedError(Exception):
        pass

    config = toy_config(training={"init_stem": str(own), "epochs": 2}, network={"vector_size": 100})
    training.train(config, tmp_path / "whole")
    save = TrainingState.save

    def save_and_stop(self: TrainingState, path: Path) -> None:
        save(self, path)
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(TrainingState, "save", save_and_stop)
        for name in ("run", "changed"):
            with pytest.raises(StoppedError):
                training.train(config, tmp_path / name)
    training.resume(tmp_path / "run")
    whole, run = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "run"))
    assert whole == run
    own.write_text(own.read_text().replace("0.94", "0.93", 1))
    with pytest.raises(ConfigError, match="motifs of the stem"):
        training.resume(tmp_path / "changed")
    settings = config.model_dump(exclude_none=True)
    for stem in ("jaspar", None):  # where a file is may change, but not whether there is one
        settings["training"]["init_stem"] = stem
        (tmp_path / "changed" / "config.toml").write_text(make_config(settings).to_toml())
        with pytest.raises(ConfigError, match="begun with other motifs of the stem"):
            training.resume(tmp_path / "changed")


def test_the_file_may_have_moved(toy_config: Build, own: Path, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    other = tmp_path / "elsewhere" / "own.meme"
    other.write_bytes(own.read_bytes())
    models = []
    for number, path in enumerate((own, other)):
        config = toy_config(training={"init_stem": str(path), "max_steps": 1}, network={"vector_size": 100})
        training.train(config, tmp_path / f"run{number}")
        models.append((tmp_path / f"run{number}" / "model.safetensors").read_bytes())
    assert models[0] == models[1]


@pytest.mark.parametrize("name", ["jaspar", "JASPAR", "Jaspar"])
def test_the_database_is_known_in_any_spelling(toy_config: Build, name: str):
    assert toy_config(training={"init_stem": name}).training.init_stem == "jaspar"


def test_what_cannot_be_used_is_refused(toy_config: Build, tmp_path: Path):
    with pytest.raises(ConfigError, match="init_stem has no effect with init"):
        toy_config(training={"init_stem": "jaspar", "init": "m.safetensors"})
    with pytest.raises(ConfigError, match=r"training\.init_stem"):
        toy_config(training={"init_stem": "jaspar", "model": "motif-pairs"})
    with pytest.raises(InputFileError, match=r"none\.meme"):
        training.train(toy_config(training={"init_stem": str(tmp_path / "none.meme")}), tmp_path / "run")
    assert not (tmp_path / "run").exists()
