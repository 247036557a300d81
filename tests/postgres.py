"""A real PostgreSQL for tests: one server a session (and a worker), one schema for whoever asks.

Found on PATH or where Debian keeps it. Durable as in production: fsync on, pages with checksums.
"""

import contextlib
import functools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

from ropeway.ledger.database import PostgresPlace, place_from

DEBIAN = Path("/usr/lib/postgresql")
MEMORY = Path("/dev/shm")
USER = "ropeway"
# Nobody's data directory: PostgreSQL refuses to run as root.
UNPRIVILEGED = ("postgres", "nobody")
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "fsync": "on",
    "log_min_messages": "fatal",
}


def find_program(name: str) -> Path | None:
    """A program of PostgreSQL, of the newest release that is installed."""
    found = shutil.which(name)
    if found:
        return Path(found)
    installed = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return installed[-1] if installed else None


class PostgresServer:
    """A server on a free port, with a data directory of its own that goes with it.

    Args:
        on_disk: whether its data lies on a disk, for measuring. Else in memory where there is room for it:
            what is tested is the server's promise, not the disk's.
    """

    def __init__(self, *, on_disk: bool = False) -> None:
        place = MEMORY if os.access(MEMORY, os.W_OK) and not on_disk else None
        self.folder = Path(tempfile.mkdtemp(prefix="ropeway-pg-", dir=place))
        self.data = self.folder / "data"
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._user = _other_user()
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        _run("initdb", "-D", self.data, "-U", USER, "-A", "trust", "-E", "UTF8", "-k", "-N", user=self._user)
        self.start()

    @property
    def url(self) -> str:
        """The database, without a schema."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    def schema(self) -> str:
        """The URL of a schema that nobody else has."""
        return f"{self.url}?schema=t_{uuid.uuid4().hex}"

    def place(self) -> PostgresPlace:
        """The same as a place."""
        place = place_from(self.schema(), Path("unused"), "trial")
        assert isinstance(place, PostgresPlace)
        return place

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        # The file, not a pipe: nobody reads while the tests run.
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(find_program("postgres")),
                    *("-D", str(self.data), "-p", str(self.port), "-k", str(self.folder)),
                    *options,
                ],
                stdout=log,
                stderr=log,
                user=self._user,
                cwd="/",
                start_new_session=True,
            )
        self.wait()

    def wait(self) -> None:
        """Until it takes connections."""
        import psycopg

        for _ in range(600):
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url).close()
                return
            time.sleep(0.05)
        raise TimeoutError((self.folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:])

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop it: SIGQUIT is `immediate`, as a crash; SIGINT is `fast`."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(60)

    def destroy(self) -> None:
        """Stop it, and remove its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.cache
def shared_server() -> PostgresServer:
    """The one of this session; whoever began the session destroys it."""
    return PostgresServer()


def _run(name: str, *words: str | Path, user: str | None) -> None:
    done = subprocess.run(
        [str(find_program(name)), *map(str, words)],
        user=user,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stderr


def _other_user() -> str | None:
    """Whom to run as: nobody else, unless we are root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED if name in known)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
