"""A real Chromium that opens a page, and a listener that hears what runs in it or is fetched by it."""

import http.server
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
browser = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium here; on Debian: apt-get install chromium"
)
SECONDS = 60


class Listener:
    """Counts what reaches it: from a script that runs, or as the proxy of all that goes elsewhere."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        heard = self.heard

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heard.append(self.path)
                self.send_response(204)
                self.end_headers()

            # As the library names them.
            do_POST = do_GET
            do_CONNECT = do_GET

            def log_message(self, *_: Any) -> None:
                return None

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Hear nothing more."""
        self.server.shutdown()
        self.server.server_close()

    @property
    def poison(self) -> str:
        """A name that tries to be markup of every kind."""
        run = f"fetch('http://canary.test:{self.port}/ran');document.title='pwned'"
        return (
            f'"\'></title></style></textarea></script><script>{run}</script><img src=x onerror="{run}">'
            f'<svg onload="{run}"><link rel=stylesheet href=http://canary.test/style>'
            f"<iframe src=javascript:{run}>"
        )


def opened(url: str, listener: Listener, folder: Path) -> tuple[str, str]:
    """The page as the browser has it in the end, and what it complained of."""
    assert CHROMIUM is not None
    quiet = ("background-networking", "component-update", "sync", "default-apps", "extensions", "gpu")
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless=new", "--no-sandbox", "--no-first-run", "--dump-dom"),
            *(f"--disable-{each}" for each in quiet),
            *(f"--user-data-dir={folder}", "--virtual-time-budget=5000", "--enable-logging=stderr"),
            *(f"--proxy-server=http://127.0.0.1:{listener.port}", "--proxy-bypass-list=127.0.0.1", url),
        ],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return done.stdout, done.stderr


def is_calm(url: str, listener: Listener, folder: Path) -> str:
    """The page, once it is seen that nothing ran, was fetched from elsewhere or broke a rule."""
    text, complaints = opened(url, listener, folder)
    assert [each for each in listener.heard if "canary" in each or "/ran" in each] == []
    assert "<title>pwned" not in text
    assert "Content Security Policy" not in complaints
    return text
