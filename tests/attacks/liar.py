"""A server that lies in its answers, and a client that uses them: all that the client opens is traced.

`python -m tests.attacks.liar [EVERY]`: one field's name after the other is given hostile values wherever it
stands in an answer, and each verb that writes or reads files here is tried, in a process of its own.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from tests.attacks.strings import LEADING_OUT, MARK
from tests.attacks.trace import Trace, strangers
from tests.models.models_packages import register
from tests.server.conftest import Server

from ropeway.core.errors import RopewayError
from ropeway.data.add import add
from ropeway.data.load import load, resolve
from ropeway.data.recheck import check_version, contract_text
from ropeway.data.restore import restore
from ropeway.keeping.reproduce.reproduce import reproduce
from ropeway.models.load import load_model
from ropeway.server.app import ServerApp
from ropeway.testing import make_workspace
from ropeway.tracking.start import start_run
from ropeway.workspace import Operation, Workspace, open_workspace

FIELDS = (
    "name",
    "format",
    "source",
    "version",
    "package",
    "digest",
    "contract",
    "profile",
    "id",
    "run",
    "job",
    "ref",
)


class Liar(ServerApp):
    """Answers as the server does, but for one field, which it fills with what it likes."""

    field, text = "", ""

    async def _operate(self, workspace: Any, operation: Any, *rest: Any) -> None:
        await super()._operate(_Lying(workspace, self), operation, *rest)


class _Lying:
    def __init__(self, workspace: Any, liar: Liar) -> None:
        self._workspace, self._liar = workspace, liar
        self.caller = workspace.caller

    def perform(self, operation: Operation[..., Any], arguments: Any, key: str | None = None) -> Any:
        answer = self._workspace.perform(operation, arguments, key)
        return _changed(msgspec.to_builtins(answer), self._liar.field, self._liar.text)


def _changed(value: Any, field: str, text: str) -> Any:
    if isinstance(value, list):
        return [_changed(each, field, text) for each in value]
    if isinstance(value, dict):
        return {
            name: text if name == field and isinstance(each, str) else _changed(each, field, text)
            for name, each in value.items()
        }
    return value


def verbs(folder: Path) -> dict[str, Callable[[Workspace], object]]:
    """What a client does with a server's answers that touches files here."""
    return {
        "restore a file": lambda workspace: restore(workspace, "rows", force=True),
        "restore a folder": lambda workspace: restore(workspace, "files", force=True),
        "load": lambda workspace: load(workspace, resolve(workspace, "rows")),
        "check": lambda workspace: check_version(workspace, "rows"),
        "write a contract": lambda workspace: contract_text(workspace, "rows"),
        "add": lambda workspace: add(workspace, folder / "more.csv", name="rows"),
        "load a model": lambda workspace: load_model(workspace, "sentiment@1"),
        "reproduce": lambda workspace: reproduce(workspace, "latest"),
        "track": _track,
    }


def _track(workspace: Workspace) -> None:
    with start_run(workspace) as run:
        run.log(loss=1.0)


def lie(folder: Path, trace: Trace, *, every: int) -> dict[str, Any]:
    """Try every verb with every lie, or with one in so many."""
    truth = folder / "server"
    with make_workspace(truth) as workspace:
        (truth / "rows.csv").write_text("id,text\n1,fine\n")
        add(workspace, truth / "rows.csv", name="rows")
        (truth / "img").mkdir()
        (truth / "img" / "1.txt").write_text("one")
        add(workspace, truth / "img", name="files")
        register(workspace)
        server = Server(workspace, kind=Liar)
        ours = folder / "deep" / "down" / "client"
        ours.mkdir(parents=True)
        (ours / "more.csv").write_text("id,text\n2,grey\n")
        os.chdir(ours)
        wrong, tried = [], 0
        try:
            for field, text in _lies(every):
                server.app.field, server.app.text = field, text
                with open_workspace(ours, server=server.url, actor="ana") as client:
                    for name, verb in verbs(ours).items():
                        tried += 1
                        # Whose files are opened: the server is in this process too, and opens its own.
                        trace.is_on = True
                        wrong += _outcome(f"{name} with {field}={text[:40]!r}", verb, client)
                        trace.is_on = False
        finally:
            server.stop()
    allowed = [
        truth / ".ropeway",
        truth / "ropeway.toml",
        truth / "contracts",
        ours,
        Path(tempfile.gettempdir()),
    ]
    port = server.url.rsplit(":", 1)[-1]
    found = [line for line in trace.found if not line.startswith("subprocess.Popen ('git'")]
    strange = strangers(found, allowed=[*allowed, Path(os.environ["ROPEWAY_CONFIG"])], speaks_to=port)
    outside = [str(path) for path in folder.rglob(f"*{MARK}*") if not path.is_relative_to(ours)]
    return {"tried": tried, "wrong": [*wrong, *strange, *outside]}


def _lies(every: int) -> Iterator[tuple[str, str]]:
    for number, field in enumerate(FIELDS):
        for text in LEADING_OUT[number % every :: every]:
            yield field, text


def _outcome(what: str, verb: Callable[[Workspace], object], client: Workspace) -> list[str]:
    try:
        verb(client)
    except RopewayError:
        return []
    except Exception as error:  # noqa: BLE001  whatever it is, it is no clear refusal
        return [f"{what}: {type(error).__name__}: {error}"[:300]]
    return []


def main() -> int:
    """Do it in a folder of its own, and say how it went."""
    with tempfile.TemporaryDirectory(prefix="ropeway-liar-") as name:
        folder = Path(name).resolve()
        os.environ["ROPEWAY_CONFIG"] = str(folder / "user")
        tempfile.tempdir = str(folder / "scratch")
        Path(tempfile.tempdir).mkdir()
        said = lie(folder, Trace(), every=int(sys.argv[1]) if len(sys.argv) > 1 else 1)
        os.chdir("/")
    json.dump(said, sys.stdout, indent=1)
    return 1 if said["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
