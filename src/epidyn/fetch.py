"""Public data by name: fetched once into a cache, gone on with where a download was cut, verified at each use.

A name works wherever a file does: ``targetfinder:GM12878``, ``bengi:K562``, ``dna2vec``, ``hg19``.
"""

from __future__ import annotations

import json
import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epidyn import progress
from epidyn.errors import DownloadError, OutputError
from epidyn.files import clear_partials, sha256, write_json

if TYPE_CHECKING:
    import requests

log = logging.getLogger("epidyn")

CACHE_VARIABLE = "EPIDYN_CACHE"
_RAW = "https://raw.githubusercontent.com"
_TARGETFINDER = f"{_RAW}/shwhalen/targetfinder/114e927a511f8396ca17292597d107494818e40f/paper/targetfinder"
_BENGI = f"{_RAW}/chenkenbio/TransEPI/1bf63bdcc2004c855166f8777583dbd28e74ff24/data/BENGI"
_DNA2VEC = f"{_RAW}/hzy95/EPIVAN/dd9a6d6278b194c39414c5228bc432aeee79b6e9"
_CHUNK = 1 << 14  # what a cut loses at most
_HASHED_ALWAYS = 100_000_000  # bytes


@dataclass(frozen=True)
class Resource:
    """One file that can be fetched.

    Attributes
    ----------
    name
        What a user calls it.
    file
        Where it lies in the cache, and below the address of a mirror.
    url
        Where its owners publish it; pinned where they allow it.
    sha256
        Of its bytes; None where the owners publish a file that may be made anew.
    about
        What it is, and whose.
    """

    name: str
    file: str
    url: str
    sha256: str | None
    about: str


def _resources() -> dict[str, Resource]:
    targetfinder = {
        "GM12878": "1b4292b7b57fcf7d55ab6fdcf0d88478832a310a2f27a4a063bd650ad2a738de",
        "HUVEC": "bdbbd64d192031729ca9e3100869cea03214cb215ae7a6b4c250edf4465877e6",
        "HeLa-S3": "08557875b27c09684856fcd45c154a4e0aa790350d069d8cee3fc567afebfd28",
        "IMR90": "5b3e6ade6de2bd8cbb1bb475f3243fa876e4226ba564ad9f1f32440a11d579b1",
        "K562": "aa18e325d9661f3fb6e290d6f76fee784efa12192dd4e433fb526b2f6a2f27d9",
        "NHEK": "336ad6f04f505ed13c57910e0821517d22ba56c81bb51e52963b4567d83ffe3a",
    }
    bengi = {
        "GM12878": "4e51b31b5837712d1de9ce3882c279f1846d01475c4e7b581335f79719abc8be",
        "HMEC": "03476a32822d368e556ead196ba031ddff4919322fa65982b2dea3e46837a95a",
        "HeLa": "ab30082440b4670ea3435d0620a49f72394128d6190aeeeee6e0941327ca5b18",
        "IMR90": "9e2371bebf68e95a242c38aff8452f4bc0dc2c1d583c6ee7d4c7fae31ca442ec",
        "K562": "53549a123c622e3e8b6f0b0d344311e6b47456d5922a1ccf13fd91aee39fcec8",
        "NHEK": "8e37b2b78d8d0b69700582402a185f1c6c47099d2e94f9e49eb86051539d5639",
    }
    found = [
        Resource(
            f"targetfinder:{line}",
            f"targetfinder/{line}.csv",
            f"{_TARGETFINDER}/{line}/output-ep/predictions-gbm.csv",
            digest,
            "pairs, hg19: TargetFinder (Whalen et al. 2016; GPL-3)",
        )
        for line, digest in targetfinder.items()
    ]
    for line, digest in bengi.items():
        file = f"{line}.HiC-Benchmark.v3.tsv.gz"
        about = "pairs, hg19: BENGI v3, Hi-C (Moore et al. 2020), as TransEPI publishes them"
        found.append(Resource(f"bengi:{line}", f"bengi/{file}", f"{_BENGI}/{file}", digest, about))
    found += [
        Resource(
            "dna2vec",
            "dna2vec/embedding_matrix.npy",
            f"{_DNA2VEC}/embedding_matrix.npy",
            "a9aed6866abf14f56d600b0a7028019cd9403113ef00c6c46472e90c0cfe65e4",
            "6-mer vectors: dna2vec (Ng 2017; MIT), as EPIVAN ships them",
        ),
        Resource(
            "hg19",
            "hg19/hg19.2bit",
            "https://hgdownload.soe.ucsc.edu/goldenPath/hg19/bigZips/hg19.2bit",
            None,
            "genome, 2bit, 0.8 GB: UCSC hg19 (GRCh37)",
        ),
    ]
    return {each.name: each for each in found}


RESOURCES = _resources()


@dataclass(frozen=True)
class Patience:
    """How long a download is waited for.

    Attributes
    ----------
    connect, read
        Seconds without an answer, and without a byte, after which a connection is given up.
    attempts
        Connections in a row that brought nothing, after which the download is.
    pause
        Seconds before the second of these, twice as long before each further one.
    """

    connect: float = 15.0
    read: float = 30.0
    attempts: int = 5
    pause: float = 1.0


def named(*words: str) -> list[Resource]:
    """Return what a user means by words as ``epidyn fetch`` takes them: a group, and maybe lines of it.

    Raises
    ------
    DownloadError
        If there is none of that name; lists those there are.
    """
    group, *lines = words
    known = {name: each for name, each in RESOURCES.items() if name.partition(":")[0] == group}
    wanted = [f"{group}:{line}" for line in lines] or ([group] if group in RESOURCES else list(known))
    unknown = [name for name in wanted if name not in RESOURCES]
    if unknown or not wanted:
        raise DownloadError(
            f"there is no data called {', '.join(unknown) or group}. Known are {', '.join(RESOURCES)}."
        )
    return [RESOURCES[name] for name in wanted]


def cache_folder() -> Path:
    """Return where fetched files are kept: ``EPIDYN_CACHE``, or the system's folder for caches."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given).expanduser()
    import pooch

    return Path(pooch.os_cache("epidyn"))


def located(path: str | os.PathLike[str]) -> Path:
    """Return the file that a user names: a path as it is, or the verified file behind a name of ``RESOURCES``.

    A name is fetched if it is not there yet. A file of that very name wins.

    Raises
    ------
    DownloadError
        As :func:`fetch` raises it.
    """
    resource = RESOURCES.get(os.fspath(path))
    return Path(path) if resource is None or Path(path).exists() else fetch(resource)


def fetch(resource: Resource, *, mirror: str | None = None, patience: Patience | None = None) -> Path:
    """Return the file of a resource in the cache, verified; download it if it is not there or is not itself.

    Parameters
    ----------
    resource
        Of ``RESOURCES``.
    mirror
        Address below which files lie as in the cache; by default each owner's own.
    patience
        How long to wait.

    Raises
    ------
    DownloadError
        If it cannot be reached, does not exist there, or is another file than it should be.
    OutputError
        If the cache cannot be written to.
    """
    path = cache_folder() / resource.file
    url = resource.url if mirror is None else f"{mirror.rstrip('/')}/{resource.file}"
    if path.is_file() and is_itself(path, resource):
        return path
    import filelock

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(path.with_name(f"{path.name}.lock")):
            if path.is_file():
                if is_itself(path, resource):  # another process has fetched it meanwhile
                    return path
                log.warning("%s is not what was fetched as %s; it is fetched again", path, resource.name)
                path.unlink()
            part = _download(url, path, resource, patience or Patience())
            stamp = part.stat()
            record = {"sha256": sha256(part), "size": stamp.st_size, "modified": stamp.st_mtime_ns, "url": url}
            clear_partials([_record(path)])
            write_json(_record(path), record)
            part.replace(path)  # last, so that where the file is its record is, too
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}. Free space or rights there, or set {CACHE_VARIABLE} "
            "to another folder."
        ) from error
    return path


def is_itself(path: Path, resource: Resource) -> bool:
    """Tell whether a file is the one that was, or should have been, fetched.

    A small one is hashed each time; a large one only if size or time of change are others than when it was hashed.
    Without a published digest a file that was put there by hand is taken.
    """
    stamp = path.stat()
    record: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        record = json.loads(_record(path).read_text(encoding="utf-8"))
    unchanged = (record.get("size"), record.get("modified")) == (stamp.st_size, stamp.st_mtime_ns)
    expected = resource.sha256 or record.get("sha256")
    if expected is None or (unchanged and stamp.st_size > _HASHED_ALWAYS and record.get("sha256") == expected):
        return True
    return sha256(path) == expected


def _record(path: Path) -> Path:
    """Return where it is written what a file was when it was fetched."""
    return path.with_name(f"{path.name}.json")


def _download(url: str, path: Path, resource: Resource, patience: Patience) -> Path:
    """Download what is to be ``path``, going on where a cut was; return where it lies, whole and verified."""
    import requests

    part = path.with_name(f"{path.name}.part")
    cure = f"Fetch it where there is a network and copy it to {path}, or give --from with the address of a mirror."
    try:
        _Resuming(part, resource, patience).download(url)
    except requests.HTTPError as error:
        raise DownloadError(f"{url} cannot be fetched: {_reason(error)}. {cure}") from error
    except requests.RequestException as error:
        raise DownloadError(f"{url} cannot be reached: {_reason(error)}. What came is kept. {cure}") from error
    return part


@dataclass(frozen=True)
class _Resuming:
    """A downloader that keeps what it has in ``part`` and asks for the rest of it."""

    part: Path
    resource: Resource
    patience: Patience

    def download(self, url: str) -> None:
        """Fill ``part`` and verify it; RequestException if not all of it comes."""
        import requests

        log.info("fetching %s from %s", self.resource.name, url)
        failed = 0
        with requests.Session() as session, progress.bar(f"Fetching {self.resource.name}", None) as advance:
            advance(self._have())
            while True:
                before = self._have()
                try:
                    self._go_on(session, url, advance)
                    break
                except requests.RequestException as error:
                    status = 0 if error.response is None else error.response.status_code
                    failed = 0 if self._have() > before else failed + 1
                    if 400 <= status < 500 or failed >= self.patience.attempts:
                        raise
                    log.info("%s: %s; going on at byte %d", self.resource.name, _reason(error), self._have())
                time.sleep(self.patience.pause * failed)
        self._verify(url)
        self._tag.unlink(missing_ok=True)

    def _go_on(self, session: requests.Session, url: str, advance: progress.Advance) -> None:
        """Ask once for what is missing; RequestException if not all of it comes."""
        import requests

        have, tag = self._have(), self._tag.read_text("utf-8") if self._tag.is_file() else ""
        headers = {"Accept-Encoding": "identity"}  # a range of a compressed answer would be no range of the file
        if have:
            # Without a tag nothing says that it is still the same file; the digest will.
            headers |= {"Range": f"bytes={have}-"} | ({"If-Range": tag} if tag else {})
        waits = (self.patience.connect, self.patience.read)
        with session.get(url, headers=headers, stream=True, timeout=waits) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                if answer.headers.get("Content-Range", "").endswith(f"/{have}"):
                    return  # it was all there
                self.part.unlink()  # longer than the file is: begin anew
                raise requests.ConnectionError("it has changed since the download began", response=None)
            answer.raise_for_status()
            goes_on = answer.status_code == requests.codes.partial_content
            self._tag.write_text(answer.headers.get("ETag", ""), "utf-8")
            size = answer.headers.get("Content-Length")
            if not goes_on:
                advance(-have)
            came = 0
            with self.part.open("ab" if goes_on else "wb") as handle:
                for chunk in answer.iter_content(_CHUNK):
                    handle.write(chunk)
                    came += len(chunk)
                    advance(len(chunk))
        if size is not None and came < int(size):
            raise requests.ConnectionError("it was cut")

    def _verify(self, url: str) -> None:
        got, expected = sha256(self.part), self.resource.sha256
        if expected is None or got == expected:
            return
        self.part.unlink()
        self._tag.unlink(missing_ok=True)
        raise DownloadError(
            f"{url} is not the file that epidyn knows as {self.resource.name}: its SHA-256 is {got}, expected is "
            f"{expected}. It was thrown away. Try again; if it is so again, the file or the way to it was "
            "changed: give --from with another address."
        )

    @property
    def _tag(self) -> Path:
        return self.part.with_name(f"{self.part.name}.etag")

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0


def _reason(error: Exception) -> str:
    """Return what happened, without the objects that requests quotes."""
    words = str(error)
    for sign in ("Name or service not known", "Temporary failure in name resolution", "Connection refused"):
        if sign in words:
            return sign[0].lower() + sign[1:]
    if "timed out" in words:
        return "no byte came for too long"
    if "IncompleteRead" in words:
        return "it was cut"
    return words.splitlines()[0][:200] if words else type(error).__name__
