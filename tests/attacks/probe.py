"""Every hostile name in every field of every operation, at a real server in a process of its own, traced.

`python -m tests.attacks.probe [--every N] [--role ROLE] [--rooms runs,models]` says what was asked, how it
was answered and what was wrong. Refused, or kept as the text that it is; never opened, never an inside
error. On standard error it says how far it is, and what was wrong as it is found; `--rooms` asks a part of
the about 160,000 requests. MLflow's routes are `python -m tests.attacks.tracks`.
"""

import argparse
import collections
import http.client
import itertools
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import httpx
import msgspec
from sqlalchemy import text
from tests.attacks.fields import Field, fields_of
from tests.attacks.strings import MARK, TRAVERSAL
from tests.attacks.trace import Trace, strangers
from tests.models.models_packages import register
from tests.server.conftest import Server

from ropeway.members.operations import add_member, issue_for
from ropeway.members.secrets import TOKEN, draw
from ropeway.testing import make_workspace
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.operation import OPERATIONS

TELLS = re.compile(r"Traceback|File \"|\.py\b.{0,20}line \d|sqlite3\.|sqlalchemy|/site-packages/")
DOORS = (
    "/api/v1/{}", "/api/v1/objects/{}", "/api/v1/jobs/{}", "/{}", "/docs/{}", "/api/v1/../{}", "/static/{}",
)  # fmt: skip
SAID_EVERY = 50
HEADERS = (
    "ropeway-actor",
    "ropeway-project",
    "idempotency-key",
    "ropeway-digest",
    "last-event-id",
    "x-original-url",
)


class Account(NamedTuple):
    """How many requests, their answers by status, and what was wrong."""

    fields: int
    requests: int
    answers: dict[str, int]
    wrong: list[str]


class Stage:
    """A project with something of everything, its server, and a member of a role."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "deep" / "down" / "project"
        self.workspace = make_workspace(self.folder)
        _populate(self.workspace)
        add_member(self.workspace, name="ada", role="admin")
        add_member(self.workspace, name="vic", role="viewer")
        self.tokens = {role: self._token(name) for name, role in (("ada", "admin"), ("vic", "viewer"))}
        _put_decoys(self.folder)
        self.server = Server(self.workspace, allow_execute=False)

    def _token(self, name: str) -> str:
        secret = draw(TOKEN)
        issue_for(self.workspace, name=name, token=secret.id, digest=secret.digest)
        return secret.text

    def close(self) -> None:
        self.server.stop()
        self.workspace.close()


def _populate(workspace: LocalWorkspace) -> None:
    register(workspace)
    with start_run(workspace, name="first") as run:
        run.log(loss=1.0)


def _put_decoys(project: Path) -> None:
    """Files under the names that attacks lead to: what looks whether one is there finds it, and opens it."""
    (project / ".ropeway" / "spool" / "run_").mkdir(parents=True)
    folders = [project, *list(project.parents)[:3], *(path for path in project.rglob("*") if path.is_dir())]
    for folder, ending in itertools.product(folders, ("", ".segment", ".json", ".toml", ".csv", ".db")):
        (folder / f"{MARK}{ending}").write_text("secret\n")


def probe(
    stage: Stage, trace: Trace, *, every: int = 1, role: str = "admin", rooms: Collection[str] = ()
) -> Account:
    """Ask all of it, or one string in so many for each field; then for what was kept, by its name."""
    asker = _Asker(stage, role)
    operations = [each for each in OPERATIONS.values() if _is_asked(each.name, rooms)]
    fields = [field for each in operations for field in fields_of(each)]
    # What takes rights or versions away comes last, so that there is something left to ask about.
    fields.sort(key=lambda field: (field.operation.kind == "command", field.operation.permission))
    asker.ask(fields[0], "x")
    trace.found.clear()
    trace.is_on = True
    for number, field in enumerate(fields):
        if number % SAID_EVERY == 0:
            print(
                f"{role}: {number} of {len(fields)} fields, {len(asker.wrong)} wrong",
                file=sys.stderr,
                flush=True,
            )
        known = len(asker.wrong)
        for name in TRAVERSAL[number % every :: every]:
            asker.ask(field, name)
        for wrong in asker.wrong[known:]:
            print(f"! {wrong}", file=sys.stderr, flush=True)
    for door in list(_doors())[::every]:
        asker.knock(*door)
    if role == "admin":
        # What was kept under a hostile name may be opened by it later.
        asker.keep_runs()
        for name, field in _kept(stage, fields):
            asker.ask(field, name)
    asker.finish()
    trace.is_on = False
    port = stage.server.url.rsplit(":", 1)[-1]
    home = Path(os.environ["ROPEWAY_CONFIG"])
    allowed = [stage.folder / ".ropeway", *_own_files(stage.folder), home, Path(tempfile.gettempdir())]
    strange = strangers(trace.found, allowed=allowed, speaks_to=port)
    return Account(len(fields), asker.count, dict(asker.answers), [*asker.wrong, *strange])


def _is_asked(name: str, rooms: Collection[str]) -> bool:
    room = name.partition(".")[0]
    return room != "trial" and (not rooms or room in rooms)


def _kept(stage: Stage, fields: list[Field]) -> Iterator[tuple[str, Field]]:
    """Every hostile subject on record, and every query that is asked by such a name."""
    with stage.workspace.ledger.reading() as read:
        subjects = read.execute(text("SELECT DISTINCT subject FROM event")).scalars().all()
    # Runs first: files are called after them.
    subjects = sorted(subjects, key=lambda each: (not each.startswith("run:"), each))
    names = [each.partition(":")[2] for each in subjects if MARK in each][:60]
    asked_by = ("run", "name", "reference", "model", "ref", "labels", "dataset", "source", "prediction")
    for field in fields:
        if field.operation.kind == "query" and field.path[0] in asked_by and len(field.path) == 1:
            yield from ((name, field) for name in names)


def _own_files(project: Path) -> list[Path]:
    """What the server itself reads of the project's folder."""
    return [project / "ropeway.toml", project / "contracts"]


def _doors() -> Iterator[tuple[str, dict[str, str]]]:
    for hostile in TRAVERSAL:
        for door in DOORS:
            yield door.format(quote(hostile, safe="/%.\\;?#:@$*~-")), {}
            yield door.format(quote(hostile, safe="")), {}
        for name in HEADERS:
            yield "/api/v1/story.status", {name: quote(hostile)}
            if hostile.isascii() and hostile.isprintable():
                yield "/api/v1/story.status", {name: hostile}


class _Asker:
    """Asks, and judges each answer by itself."""

    def __init__(self, stage: Stage, role: str) -> None:
        self._stage = stage
        self._role = role
        self._headers = {} if role == "nobody" else {"authorization": f"Bearer {stage.tokens[role]}"}
        self._client = httpx.Client(base_url=stage.server.url, timeout=60, headers=self._headers)
        self._door: http.client.HTTPConnection | None = None
        self._jobs: list[tuple[str, str]] = []
        self.answers: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []
        self.count = 0

    def ask(self, field: Field, text: str) -> None:
        body = msgspec.json.encode(field.filled(text))
        what = f"{field.label} = {text[:60]!r}"
        reply = self._client.post(
            f"/api/v1/{field.operation.name}", content=body, headers={"content-type": "application/json"}
        )
        self._judge(what, reply.status_code, reply.text)
        if reply.status_code == 202:
            self._jobs.append((what, reply.json()["job"]))

    def knock(self, path: str, headers: dict[str, str]) -> None:
        """Ask for a path as it is written, without what a client would make of it."""
        host, _, port = self._stage.server.url.removeprefix("http://").partition(":")
        self._door = self._door or http.client.HTTPConnection(host, int(port), timeout=60)
        # Not by `request`, which refuses what a hostile client would send.
        self._door._validate_path = lambda _url: None  # type: ignore[method-assign]
        try:
            self._door.putrequest("GET", one_line(path), skip_accept_encoding=True)
            for name, value in {**self._headers, **headers}.items():
                self._door.putheader(name, value)
            self._door.endheaders()
            reply = self._door.getresponse()
            self._judge(f"GET {path[:80]!r} {headers}", reply.status, reply.read().decode("utf-8", "replace"))
        except (http.client.HTTPException, OSError):
            self.answers["cut off"] += 1
            self._door = None

    def keep_runs(self) -> None:
        """Begin runs that are called so, all else being well."""
        start = next(each for each in fields_of(OPERATIONS["tracking.start"]) if each.path == ("run",))
        for name in TRAVERSAL[:40]:
            self.ask(start, f"run_/{name}")

    def finish(self) -> None:
        """Wait for the jobs, and judge what became of them."""
        for what, job in self._jobs:
            while (told := self._client.get(f"/api/v1/jobs/{job}").json())["state"] == "running":
                time.sleep(0.01)
            if told["state"] == "failed" and told["error"]["code"] == "internal":
                self.wrong.append(f"{what}: the job failed inside")
            self._judge(f"job of {what}", 200, json.dumps(told))
        self._client.close()

    def _judge(self, what: str, status: int, said: str) -> None:
        self.count += 1
        self.answers[f"{status // 100}xx"] += 1
        if self._role == "nobody" and status < 400 and not what.startswith("GET '/health"):
            self.wrong.append(f"{what}: a stranger was answered with {status}")
        if status >= 500:
            self.wrong.append(f"{what}: status {status}, {said[:200]}")
        if str(self._stage.folder) in said or TELLS.search(said) or "secret\\n" in said:
            self.wrong.append(f"{what}: the answer tells of the inside: {said[:300]}")


def one_line(path: str) -> str:
    """As it goes on the wire: a request line ends where a line ends, and is ASCII."""
    line = path.partition("\r")[0].partition("\n")[0].partition(" ")[0]
    return quote(line.replace("\0", "%00"), safe="/%.\\;?#:@$*~-&=")


def main() -> int:
    """Do it in a folder of its own, and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.probe")
    parser.add_argument("--every", type=int, default=1, help="one string in so many for each field")
    parser.add_argument("--role", action="append", choices=["admin", "viewer", "nobody"])
    parser.add_argument("--rooms", default="", help="of these operations only, such as runs,models")
    options = parser.parse_args()
    rooms = [each for each in options.rooms.split(",") if each]
    with tempfile.TemporaryDirectory(prefix="ropeway-probe-") as name:
        folder = Path(name).resolve()
        os.environ["ROPEWAY_CONFIG"] = str(folder / "user")
        tempfile.tempdir = str(folder / "scratch")
        Path(tempfile.tempdir).mkdir()
        stage, trace = Stage(folder), Trace()
        try:
            roles = options.role or ["viewer", "nobody", "admin"]
            accounts = {
                role: probe(stage, trace, every=options.every, role=role, rooms=rooms) for role in roles
            }
        finally:
            stage.close()
    json.dump({role: account._asdict() for role, account in accounts.items()}, sys.stdout, indent=1)
    return 1 if any(account.wrong for account in accounts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
