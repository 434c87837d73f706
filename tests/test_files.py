from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
from pathlib import Path

import pandas as pd
import pytest

from epidyn.errors import InputFileError, OutputError
from epidyn.files import (
    atomic_path,
    clear_partials,
    is_gzip,
    open_text,
    prepare_output_folder,
    refuse_output,
    require_file,
    sha256,
    write_json,
    write_table,
    write_text,
)

TEXT = "enhancer,promoter\nähnlich,中\n"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "scores.tsv"
    path.write_text("old")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_link_stays_and_its_file_is_replaced(target: Path):
    (target.parent / "elsewhere").mkdir()
    link = target.parent / "elsewhere" / "link.tsv"
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert names(target.parent) == ["elsewhere", "scores.tsv"]


def test_a_link_to_nothing_makes_its_file(tmp_path: Path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"


@pytest.mark.parametrize("force", [True, False])
def test_a_pipe_or_a_device_stays(tmp_path: Path, force: bool):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/null")):
        with pytest.raises(OutputError, match=f"{path}.*a pipe or a device"):
            refuse_output(path, [], force=force)
        with pytest.raises(OutputError, match=f"{path}.*a pipe or a device"):
            write_text(path, "new")
    assert names(tmp_path) == ["pipe"]
    assert pipe.is_fifo()


def write_half(target: Path, failure: BaseException) -> None:
    with atomic_path(target) as beside:
        beside.write_text("half")
        raise failure


def read(path: Path) -> str:
    with open_text(path, "pair table") as handle:
        return handle.read()


def test_the_file_appears_when_the_block_ends(target: Path):
    with atomic_path(target) as beside:
        assert beside.parent == target.parent
        beside.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert names(target.parent) == ["scores.tsv"]


@pytest.mark.parametrize("failure", [ValueError("a bug"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_beside_it(target: Path, failure: BaseException):
    with pytest.raises(type(failure)) as caught:
        write_half(target, failure)
    assert caught.value is failure
    assert target.read_text() == "old"
    assert names(target.parent) == ["scores.tsv"]


def test_a_failure_leaves_nothing_where_nothing_was(tmp_path: Path):
    with pytest.raises(ZeroDivisionError):
        write_half(tmp_path / "new.tsv", ZeroDivisionError())
    assert names(tmp_path) == []


def test_a_full_disk_while_writing_names_the_target(target: Path):
    with pytest.raises(OutputError, match=r"scores\.tsv: No space left on device") as caught:
        write_half(target, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/some/.partial"))
    assert ".partial" not in str(caught.value)
    assert target.read_text() == "old"
    assert names(target.parent) == ["scores.tsv"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_while_closing_names_the_target(target: Path, monkeypatch: pytest.MonkeyPatch, call: str):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os if call == "fsync" else Path, call, full)
    with pytest.raises(OutputError, match=r"scores\.tsv: No space left"):
        write_text(target, "new")
    monkeypatch.undo()
    assert target.read_text() == "old"
    assert names(target.parent) == ["scores.tsv"]


def test_an_error_without_a_number_is_told_in_its_own_words(target: Path):
    with pytest.raises(OutputError, match="the pipe broke"), atomic_path(target):
        raise OSError("the pipe broke")


def test_what_kills_left_of_a_file_is_cleared_and_of_no_other(tmp_path: Path):
    for name in (".s[1].tsv.7.partial", ".s[1].tsv.93.partial", ".s1.tsv.7.partial", ".s[1].tsv", "s[1].tsv"):
        (tmp_path / name).write_text("half")
    clear_partials([tmp_path / "s[1].tsv"])
    assert names(tmp_path) == [".s1.tsv.7.partial", ".s[1].tsv", "s[1].tsv"]


@pytest.mark.parametrize("failure", [InputFileError("pairs.csv is empty."), OutputError("no room")])
def test_our_own_errors_pass_through(target: Path, failure: OSError):
    with pytest.raises(type(failure)) as caught, atomic_path(target):
        raise failure
    assert caught.value is failure


def test_a_block_that_writes_nothing_is_an_error(target: Path):
    with pytest.raises(OutputError, match=r"scores\.tsv"), atomic_path(target):
        pass
    assert target.read_text() == "old"


def test_a_folder_that_is_not_there_is_named_before_the_work(tmp_path: Path):
    with pytest.raises(OutputError, match=r"no folder .*nowhere"), atomic_path(tmp_path / "nowhere" / "x.tsv"):
        pytest.fail("the block ran")
    assert names(tmp_path) == []


def test_a_folder_is_no_target(tmp_path: Path):
    (tmp_path / "run").mkdir()
    with pytest.raises(OutputError, match="is a folder"), atomic_path(tmp_path / "run"):
        pytest.fail("the block ran")


@pytest.mark.parametrize("length", [250, 300])
def test_a_name_that_is_too_long_is_our_error(tmp_path: Path, length: int):
    with pytest.raises(OutputError, match="name too long"):
        write_text(tmp_path / ("x" * length), TEXT)


def test_text_is_written_as_utf8(tmp_path: Path):
    write_text(tmp_path / "note.txt", TEXT)
    assert (tmp_path / "note.txt").read_bytes() == TEXT.encode("utf-8")


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("name", ["pairs.csv", "pairs.csv.gz"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_text_is_read_by_content_whatever_the_name(tmp_path: Path, name: str, gzipped: bool, encoding: str):
    content = TEXT.encode(encoding)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if gzipped else content)
    assert is_gzip(path) is gzipped
    assert read(path) == TEXT


@pytest.mark.parametrize("kept", [5, 30, -1])
def test_a_truncated_gzip_is_told(tmp_path: Path, kept: int):
    path = tmp_path / "pairs.csv.gz"
    path.write_bytes(gzip.compress(TEXT.encode() * 40)[:kept])
    with pytest.raises(InputFileError, match=r"pair table .*pairs\.csv\.gz is a truncated gzip"):
        read(path)


@pytest.mark.parametrize("place", ["method", "body", "checksum", "behind"])
def test_a_damaged_gzip_is_told(tmp_path: Path, place: str):
    content = bytearray(gzip.compress(TEXT.encode() * 40))
    if place == "behind":
        content += b"rubbish"
    else:
        content[{"method": 2, "body": 12, "checksum": -6}[place]] ^= 0xFF
    path = tmp_path / "pairs.csv.gz"
    path.write_bytes(content)
    with pytest.raises(InputFileError, match=r"pair table .*pairs\.csv\.gz is a damaged gzip"):
        read(path)


@pytest.mark.parametrize("before", [0, 20_000])
def test_text_that_is_no_utf8_is_told_with_the_byte(tmp_path: Path, before: int):
    path = tmp_path / "pairs.csv"
    path.write_bytes(b"a" * before + "Präfix".encode("latin-1"))
    with pytest.raises(InputFileError, match=r"pairs\.csv is no UTF-8 text: it holds the byte 0xe4"):
        read(path)


def test_only_reading_errors_are_taken_for_the_file_s(tmp_path: Path):
    path = tmp_path / "pairs.csv"
    path.write_text(TEXT)
    with pytest.raises(KeyError), open_text(path, "pair table"):
        raise KeyError("a bug")


def test_files_that_cannot_be_read_are_told_apart(tmp_path: Path):
    (tmp_path / "empty.csv").touch()
    with pytest.raises(InputFileError, match=r"pair table .*empty\.csv is empty"):
        read(tmp_path / "empty.csv")
    with pytest.raises(InputFileError, match=r"pair table .*nowhere\.csv does not exist"):
        read(tmp_path / "nowhere.csv")
    with pytest.raises(InputFileError, match=r"is a folder"):
        read(tmp_path)


def test_a_file_without_rights_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "pairs.csv"
    path.write_text(TEXT)

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(InputFileError, match=r"model .*pairs\.csv cannot be read: Permission denied"):
        require_file(path, "model")


def test_sha256_is_of_the_bytes(tmp_path: Path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    path.write_bytes(bytes(range(256)) * 5000)
    assert sha256(str(path)) == hashlib.sha256(bytes(range(256)) * 5000).hexdigest()


@pytest.mark.parametrize("force", [False, True])
def test_an_output_folder_is_made_with_its_parents(tmp_path: Path, force: bool):
    folder = prepare_output_folder(tmp_path / "runs" / "first", force=force, own=["log.txt"])
    assert folder == tmp_path / "runs" / "first"
    assert names(folder) == []
    assert prepare_output_folder(folder, force=False, own=[]) == folder


def test_a_folder_that_holds_something_needs_force(tmp_path: Path):
    for name in ("log.txt", "notes.md"):
        (tmp_path / name).write_text(name)
    with pytest.raises(OutputError, match=r"not empty.*--force"):
        prepare_output_folder(tmp_path, force=False, own=["log.txt"])
    assert names(tmp_path) == ["log.txt", "notes.md"]


def test_force_removes_our_own_files_and_no_other(tmp_path: Path):
    (tmp_path / "figures").mkdir()
    for name in ("log.txt", "notes.md", "figures/log.txt"):
        (tmp_path / name).write_text(name)
    prepare_output_folder(tmp_path, force=True, own=["log.txt", "split.tsv"])
    assert names(tmp_path) == ["figures", "notes.md"]
    assert names(tmp_path / "figures") == ["log.txt"]


@pytest.mark.parametrize("force", [False, True])
def test_a_file_is_no_output_folder(target: Path, force: bool):
    with pytest.raises(OutputError, match=r"scores\.tsv exists and is no folder"):
        prepare_output_folder(target, force=force, own=[])
    with pytest.raises(OutputError, match="cannot write"):
        prepare_output_folder(target / "run", force=force, own=[])
    assert target.read_text() == "old"


def test_a_folder_that_takes_no_files_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refused(**_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    with pytest.raises(OutputError, match="Read-only file system"):
        prepare_output_folder(tmp_path / "run", force=False, own=[])


def test_an_existing_file_needs_force(tmp_path: Path):
    refuse_output(tmp_path / "new", (), force=False)
    (tmp_path / "old").write_text("x")
    with pytest.raises(OutputError, match="--force"):
        refuse_output(tmp_path / "old", (), force=False)
    refuse_output(tmp_path / "old", (tmp_path / "missing",), force=True)


def test_an_input_is_never_written_over(tmp_path: Path):
    (tmp_path / "model").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "model")
    with pytest.raises(OutputError, match="is an input of this command"):
        refuse_output(tmp_path / "link", (tmp_path / "model",), force=True)


def test_json_holds_no_nan(tmp_path: Path):
    write_json(tmp_path / "m.json", {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "m.json", {"a": float("nan")})
    assert json.loads((tmp_path / "m.json").read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]


def test_tables_by_their_name(tmp_path: Path):
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [0.123456789, 1]})
    write_table(tmp_path / "t.csv", table)
    write_table(tmp_path / "t.tsv", table, "%.3g")
    assert (tmp_path / "t.csv").read_text() == "a,b,c\n1,x,0.123456789\n2,y,1.0\n"
    assert (tmp_path / "t.tsv").read_text() == "a\tb\tc\n1\tx\t0.123\n2\ty\t1\n"


def test_a_pipe_is_no_file(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputFileError, match=r"pipe is a pipe or a device, which is read once only\. Give a file"):
        require_file(tmp_path / "pipe", "settings")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_a_name_that_no_file_can_have_is_an_error_of_ours(name: str):
    with pytest.raises(InputFileError, match=r"cannot be opened: .*Check the path"):
        require_file(name, "pair table")
