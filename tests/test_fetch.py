"""Fetching from a server on loopback that cuts, stalls, corrupts, and forgets what a range is."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import epidyn
from epidyn import fetch as fetching
from epidyn.errors import DownloadError, GenomeError, OutputError
from epidyn.fetch import RESOURCES, Patience, Resource, cache_folder, fetch, is_itself, located, named
from epidyn.genome.sizes import BUILT_IN
from epidyn.kmers import read_vectors
from tests.loopback import Script, serving

CONTENT = np.random.default_rng(3).bytes(1_000_003)
HASTE = Patience(connect=5, read=0.3, attempts=3, pause=0)
SOME = Resource("some", "group/some.bin", "", hashlib.sha256(CONTENT).hexdigest(), "")


@pytest.fixture
def server() -> Iterator[tuple[str, Script]]:
    script = Script(CONTENT)
    with serving(script) as url:
        yield url, script


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EPIDYN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def left(cache: Path) -> set[str]:
    return {path.name for path in (cache / "group").iterdir()}


def test_a_file_is_fetched_once(server: tuple[str, Script], cache: Path):
    url, script = server
    path = fetch(SOME, mirror=url, patience=HASTE)
    assert path == cache / "group" / "some.bin"
    assert path.read_bytes() == CONTENT
    assert fetch(SOME, mirror="http://127.0.0.1:9", patience=HASTE) == path
    assert script.asked == [""]
    assert left(cache) <= {"some.bin", "some.bin.json", "some.bin.lock"}


@pytest.mark.parametrize("how", ["", "stall"])
def test_a_cut_or_stalled_download_goes_on_where_it_was(server: tuple[str, Script], how: str):
    url, script = server
    script.cuts = [(300_000, how), (1, how), (200_000, how)]
    assert fetch(SOME, mirror=url, patience=HASTE).read_bytes() == CONTENT
    assert script.asked[0] == ""
    begins = [int(each.removeprefix("bytes=").removesuffix("-")) for each in script.asked[1:]]
    assert begins == sorted(begins)
    assert 500_001 - 3 * 2**14 <= begins[-1] <= 500_001


def test_another_process_goes_on_too(server: tuple[str, Script], cache: Path):
    url, script = server
    script.cuts = [(400_000, "")]
    with pytest.raises(DownloadError, match=r"it was cut.*What came is kept"):
        fetch(SOME, mirror=url, patience=Patience(attempts=0, pause=0))
    assert left(cache) >= {"some.bin.part"}
    assert not (cache / "group" / "some.bin").exists()
    assert fetch(SOME, mirror=url, patience=HASTE).read_bytes() == CONTENT
    first, second = script.asked
    assert not first
    assert 400_000 - 2**14 <= int(second.removeprefix("bytes=").removesuffix("-")) <= 400_000


def test_killed_before_the_file_has_its_name_nothing_is_fetched_again_and_nothing_stays(
    server: tuple[str, Script], cache: Path, monkeypatch: pytest.MonkeyPatch
):
    url, script = server

    replace = Path.replace

    def killed(path: Path, target: Path) -> Path:
        if path.name == "some.bin.part":
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            fetch(SOME, mirror=url, patience=HASTE)
    assert left(cache) <= {"some.bin.part", "some.bin.json", "some.bin.lock"}
    assert fetch(SOME, mirror=url, patience=HASTE).read_bytes() == CONTENT
    assert script.asked == ["", f"bytes={len(CONTENT)}-"]
    assert left(cache) <= {"some.bin", "some.bin.json", "some.bin.lock"}


def test_what_was_whole_but_not_yet_named_is_not_fetched_again(server: tuple[str, Script], cache: Path):
    url, script = server
    (cache / "group").mkdir(parents=True)
    (cache / "group" / "some.bin.part").write_bytes(CONTENT)
    assert fetch(SOME, mirror=url, patience=HASTE).read_bytes() == CONTENT
    assert script.asked == ["bytes=1000003-"]


@pytest.mark.parametrize("changed", ["etag", "ranges", "shorter"])
def test_a_server_that_cannot_go_on_begins_anew(server: tuple[str, Script], cache: Path, changed: str):
    url, script = server
    (cache / "group").mkdir(parents=True)
    part = cache / "group" / "some.bin.part"
    part.write_bytes(b"old" * 1000 if changed != "shorter" else CONTENT + b"more")
    part.with_name("some.bin.part.etag").write_text('"other"' if changed == "etag" else '"one"')
    script.ranges = changed != "ranges"
    assert fetch(SOME, mirror=url, patience=HASTE).read_bytes() == CONTENT


def test_corrupt_bytes_are_thrown_away(server: tuple[str, Script], cache: Path):
    url, script = server
    script.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    got = hashlib.sha256(script.content).hexdigest()
    with pytest.raises(DownloadError, match=f"SHA-256 is {got}, expected is {SOME.sha256}"):
        fetch(SOME, mirror=url, patience=HASTE)
    assert left(cache) <= {"some.bin.lock"}
    script.content = CONTENT
    assert fetch(SOME, mirror=url, patience=HASTE).read_bytes() == CONTENT


def test_a_fetched_file_that_changed_is_fetched_again(
    server: tuple[str, Script], caplog: pytest.LogCaptureFixture
):
    url, _ = server
    path = fetch(SOME, mirror=url, patience=HASTE)
    path.write_bytes(CONTENT[:-1] + b"?")
    with caplog.at_level(logging.WARNING, "epidyn"):
        assert fetch(SOME, mirror=url, patience=HASTE).read_bytes() == CONTENT
    assert "is not what was fetched as some" in caplog.text


def test_without_a_published_digest_it_is_held_to_what_was_fetched(server: tuple[str, Script], cache: Path):
    url, _ = server
    free = Resource("free", "group/free.bin", "", None, "")
    path = fetch(free, mirror=url, patience=HASTE)
    assert is_itself(path, free)
    path.write_bytes(b"x" * len(CONTENT))
    assert not is_itself(path, free)
    (cache / "group" / "free.bin.json").unlink()
    assert is_itself(path, free)  # put there by hand


def test_a_large_file_is_hashed_again_only_if_it_changed(
    server: tuple[str, Script], monkeypatch: pytest.MonkeyPatch
):
    url, _ = server
    path = fetch(SOME, mirror=url, patience=HASTE)
    monkeypatch.setattr(fetching, "_HASHED_ALWAYS", 1000)
    hashed: list[Path] = []
    monkeypatch.setattr(fetching, "sha256", lambda path: hashed.append(path) or "other")
    assert is_itself(path, SOME)
    assert hashed == []
    path.write_bytes(CONTENT[:-1] + b"?")
    assert not is_itself(path, SOME)
    assert hashed == [path]


def test_a_busy_server_is_asked_again_and_a_refusal_is_told(server: tuple[str, Script]):
    url, script = server
    script.statuses = [503, 500]
    assert fetch(SOME, mirror=url, patience=HASTE).read_bytes() == CONTENT
    script.statuses = [404]
    other = Resource("other", "group/other.bin", "", None, "")
    with pytest.raises(DownloadError, match=r"other.bin cannot be fetched: 404.*--from"):
        fetch(other, mirror=url, patience=HASTE)
    assert len(script.asked) == 4


def test_no_network_is_told_with_the_cure(cache: Path):
    with pytest.raises(DownloadError, match="cannot be reached: connection refused") as caught:
        fetch(SOME, mirror="http://127.0.0.1:9", patience=HASTE)
    assert str(cache / "group" / "some.bin") in str(caught.value)
    assert "--from" in str(caught.value)


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EPIDYN_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="EPIDYN_CACHE"):
        fetch(SOME, mirror="http://127.0.0.1:9", patience=HASTE)


def test_names():
    assert [each.name for each in named("targetfinder", "NHEK", "K562")] == [
        "targetfinder:NHEK",
        "targetfinder:K562",
    ]
    assert len(named("bengi")) == len(named("targetfinder")) == 6
    assert [each.name for each in named("hg19")] == ["hg19"]
    for words in (("hg20",), ("targetfinder", "MCF7"), ("hg19", "chr1")):
        with pytest.raises(DownloadError, match=r"no data called.*targetfinder:GM12878.*hg19"):
            named(*words)
    assert len({each.file for each in RESOURCES.values()}) == len(RESOURCES)
    assert all(each.url.startswith("https://") for each in RESOURCES.values())


def test_the_cache_is_the_systems_unless_it_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("EPIDYN_CACHE")
    assert cache_folder().name == "epidyn"


def test_a_name_works_wherever_a_file_does(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    table = b"enhancer_name,promoter_name,label\nK562|chr1:100-200,K562|chr1:900-990,1\n"
    vectors = np.zeros((4097, 3))
    genome = b">chr1\n" + b"ACGT" * 500 + b"\n"
    files = {"targetfinder:K562": table, "hg19": genome}
    np.save(tmp_path / "v.npy", vectors)
    files["dna2vec"] = (tmp_path / "v.npy").read_bytes()
    for name, content in files.items():
        known = RESOURCES[name]
        digest = hashlib.sha256(content).hexdigest()
        monkeypatch.setitem(RESOURCES, name, Resource(name, known.file, known.url, digest, ""))
        (cache / known.file).parent.mkdir(parents=True)
        (cache / known.file).write_bytes(content)
    assert len(epidyn.read_pairs("targetfinder:K562")) == 1
    assert read_vectors("dna2vec").shape == (4097, 3)
    assert located("hg19") == cache / "hg19" / "hg19.2bit"
    with pytest.raises(GenomeError, match=r"(?s)hg19.2bit is not hg19.*chr1: 2000 \(expected 249250621\)"):
        epidyn.Genome.open("hg19")
    sizes = {"chr1": 2000}
    monkeypatch.setitem(BUILT_IN, "hg19", sizes)
    assert epidyn.Genome.open("hg19").sizes == sizes
    monkeypatch.chdir(tmp_path)
    Path("hg19").write_text(">chr7\nACGT\n")
    assert located("hg19") == Path("hg19")
    assert epidyn.Genome.open("hg19").sizes == {"chr7": 4}


def test_real_files_have_the_digests_we_ask_for(data: Path):
    """What lies at hand of the published files."""
    if not data.is_dir():
        pytest.skip(f"no real data at {data}")
    for name, resource in RESOURCES.items():
        if name.startswith("bengi:") or name == "dna2vec":
            path = data / resource.file
            assert hashlib.sha256(path.read_bytes()).hexdigest() == resource.sha256, name
