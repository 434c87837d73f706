"""A server on loopback that cuts, stalls, corrupts, and forgets what a range is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Script:
    """What the server does: for each request in turn how many bytes it sends, and how it ends."""

    content: bytes
    # Of each request: bytes after which it cuts, or "stall" after as many; then whole answers.
    cuts: list[tuple[int, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    ranges: bool = True
    etag: str = '"one"'
    asked: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(script: Script) -> Iterator[str]:
    """Run the server for the block; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            begin = 0
            wanted = self.headers.get("Range", "")
            script.asked.append(wanted)
            if script.statuses:
                self.send_error(script.statuses.pop(0))
                return
            same = self.headers.get("If-Range", script.etag) == script.etag
            if wanted and script.ranges and same:
                begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if begin >= len(script.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(script.content)}")
                self.end_headers()
                return
            self.send_response(206 if begin else 200)
            self.send_header("Content-Length", str(len(script.content) - begin))
            self.send_header("ETag", script.etag)
            self.end_headers()
            count, how = script.cuts.pop(0) if script.cuts else (len(script.content), "")
            with suppress(ConnectionError):  # who asked was killed
                self.wfile.write(script.content[begin : begin + count])
            if how == "stall":
                self.wfile.flush()
                script.released.wait(30)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        script.released.set()
        running.shutdown()
        running.server_close()
        thread.join()
