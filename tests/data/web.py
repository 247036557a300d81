"""A real HTTP server with files in memory: etags, 304, and a tally of what was asked."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Site:
    """What the server has; `asked` is what it was asked for and how it answered."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.token: str | None = None
        self.asked: list[tuple[str, str, int]] = []
        self.url = ""


@contextmanager
def served() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def _answer(self, *, with_body: bool) -> None:
            body = site.files.get(self.path.partition("?")[0])
            etag = f'"{hashlib.md5(body or b"", usedforsecurity=False).hexdigest()}"'
            status = 404 if body is None else 200
            if status == 200 and self.headers.get("If-None-Match") == etag:
                status = 304
            if site.token is not None and self.headers.get("Authorization") != f"Bearer {site.token}":
                status = 401
            site.asked.append((self.command, self.path, status))
            self.send_response(status)
            self.send_header("ETag", etag)
            has_body = status == 200
            self.send_header("Content-Length", str(len(body or b"") if has_body else 0))
            self.end_headers()
            if has_body and with_body:
                self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
