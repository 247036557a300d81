"""What answers may not be ours, or not honest, or not there; and a token goes nowhere but to its server."""

import stat
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from ropeway.cli.main import root
from ropeway.core.hashing import digest_bytes
from ropeway.testing import MINIMAL_PROJECT
from ropeway.tracking.sent import begin_sent
from ropeway.tracking.sync import sync
from ropeway.workspace import open_workspace
from ropeway.workspace.connection import Connection
from ropeway.workspace.errors import BadServer, ForeignAnswer, NotSafe, ServerUnreachable, TokenExposed
from ropeway.workspace.foreign import Told, error_of
from ropeway.workspace.opening import server_of
from ropeway.workspace.operations import list_events
from ropeway.workspace.tokens import file_name, forget_token, keep_token, token_for

Answer = tuple[int, str, bytes]


class Stranger:
    """Something that answers every request in the same way, and keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        asked = self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(dict(self.headers))
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self.send_response(answer[0])
                self.send_header("content-type", answer[1])
                self.send_header("content-length", str(len(answer[2])))
                self.end_headers()
                self.wfile.write(answer[2])

            do_POST = do_PUT = do_GET

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def stranger() -> Iterator[Callable[[Answer], Stranger]]:
    started: list[Stranger] = []

    def start(answer: Answer) -> Stranger:
        started.append(Stranger(answer))
        return started[-1]

    yield start
    for each in started:
        each.server.shutdown()
        each.server.server_close()


@pytest.mark.parametrize(
    "answer",
    [
        (200, "text/html", b"<h1>Welcome</h1>"),
        (200, "application/json", b"{}"),
        (200, "application/json", b"[" * 10_000),
        (200, "application/msgpack", b"\xdd\xff\xff\xff\xff"),
        (302, "text/html", b"elsewhere"),
        (404, "text/html", b"not found"),
        (500, "application/json", b'{"error": "a text"}'),
    ],
)
def test_what_is_no_server_of_ours_is_said_to_be_none(stranger, tmp_path: Path, answer: Answer):
    url = stranger(answer).url
    with open_workspace(tmp_path, server=url, actor="ana") as workspace, pytest.raises(ForeignAnswer):
        list_events(workspace)


def test_an_unknown_code_keeps_its_words_and_its_familys_exit_code(stranger, tmp_path: Path):
    body = b'{"error": {"code": "moon-phase", "what": "\\u001b[2JNot at full moon.", "next_step": "wait"}}'
    url = stranger((409, "application/json", body)).url
    with (
        open_workspace(tmp_path, server=url) as workspace,
        pytest.raises(Exception, match="Not at full") as e,
    ):
        list_events(workspace)
    assert (e.value.code, e.value.exit_code, e.value.next_step) == ("moon-phase", 3, "wait")
    assert "\x1b" not in str(e.value)


def test_bytes_of_another_digest_are_never_kept(stranger, tmp_path: Path):
    url = stranger((200, "application/octet-stream", b"something else")).url
    with open_workspace(tmp_path, server=url) as workspace, pytest.raises(ForeignAnswer):
        workspace.store.read(digest_bytes(b"what was asked for"))
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept == []


def test_a_server_that_is_not_there_is_said_to_be_so_with_exit_code_6(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(root, ["--workspace", "http://127.0.0.1:1", "status"])
    assert isinstance(result.exception, ServerUnreachable)
    assert result.exception.exit_code == 6
    assert not list(tmp_path.iterdir()), "whoever only asks leaves nothing behind"


@pytest.mark.parametrize("command", [["controller", "--once"], ["serve", "m"], ["demo", "d"]])
def test_a_command_on_the_workspaces_files_refuses_from_afar(tmp_path: Path, monkeypatch, command: list[str]):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(root, ["--workspace", "http://127.0.0.1:1", *command])
    assert getattr(result.exception, "code", "") == "needs-files"
    assert not list(tmp_path.iterdir())


def test_an_address_that_cannot_be_meant_is_refused():
    for url in ("ftp://a", "https://", "https://me:secret@host", "https://host/?token=x", "http://[::1"):
        with pytest.raises(BadServer) as raised:
            Connection(url)
        assert "secret" not in str(raised.value)
    with pytest.raises(NotSafe, match="another machine"):
        Connection("http://ropeway.example.org")
    Connection("http://ropeway.example.org", insecure=True)
    Connection("http://[::1]:7070")


def test_which_workspace_counts(tmp_path: Path, monkeypatch):
    toml = '[project]\nname = "p"\n[workspace]\nserver = "https://in-the-file"\n'
    (tmp_path / "ropeway.toml").write_text(toml)
    assert server_of(tmp_path) == "https://in-the-file"
    monkeypatch.setenv("ROPEWAY_WORKSPACE", "https://in-the-environment")
    assert server_of(tmp_path) == "https://in-the-environment"
    assert server_of(tmp_path, "https://said") == "https://said"
    assert server_of(tmp_path, "local") is None
    with pytest.raises(BadServer):
        server_of(tmp_path, "nonsense")


def test_a_token_goes_to_its_own_server_and_nowhere_else(stranger, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path / "config"))
    one, other = (stranger((403, "text/html", b"no")) for _ in range(2))
    path = keep_token(one.url, "rw_secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for server in (one, other):
        with open_workspace(tmp_path, server=server.url) as workspace, pytest.raises(ForeignAnswer) as raised:
            list_events(workspace)
        assert "rw_secret" not in f"{raised.value!r}{raised.value.to_dict()}"
    assert [each.asked[0].get("authorization") for each in (one, other)] == ["Bearer rw_secret", None]
    assert forget_token(one.url)
    assert token_for(one.url) is None


def test_sync_gives_the_environments_token_to_no_server_that_only_the_folder_names(
    stranger, tmp_path: Path, monkeypatch
):
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("ROPEWAY_OFFLINE", "1")
    monkeypatch.delenv("ROPEWAY_WORKSPACE", raising=False)
    one = stranger((403, "text/html", b"no"))
    (tmp_path / "ropeway.toml").write_text(MINIMAL_PROJECT)
    with open_workspace(tmp_path, server=one.url, actor="ana") as workspace, begin_sent(workspace):
        pass
    monkeypatch.setenv("ROPEWAY_TOKEN", "rw_secret")
    [done] = sync(tmp_path)
    assert (done.state, done.code, one.asked) == ("refused", "token-not-meant", [])
    assert f"ropeway sync --workspace {one.url}" in done.next_step
    sync(tmp_path, server=f"{one.url}/")
    keep_token(one.url, "rw_kept")
    sync(tmp_path)
    (tmp_path / "ropeway.toml").write_text(f'{MINIMAL_PROJECT}\n[workspace]\nserver = "{one.url}"\n')
    sync(tmp_path)
    shown = list(dict.fromkeys(each.get("authorization") for each in one.asked))
    assert shown == ["Bearer rw_secret", "Bearer rw_kept"]
    assert one.asked[-1]["authorization"] == "Bearer rw_secret"


def test_a_token_that_others_can_read_is_not_used(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path))
    keep_token("https://a", "rw_1").chmod(0o644)
    with pytest.raises(TokenExposed, match="chmod 600"):
        token_for("https://a")
    monkeypatch.setenv("ROPEWAY_TOKEN", "rw_2")
    assert token_for("https://a") == "rw_2"


def test_two_servers_never_share_a_file():
    origins = [
        "https://a-1",
        "https://a:1",
        "http://a:1",
        "https://[::1]:1",
        "https://a/x",
        "https://a/X",
        "https://../x",
    ]
    names = {file_name(origin) for origin in origins}
    assert not any("/" in name or name.startswith(".") for name in names)
    assert len(names) == len(origins)


def test_an_error_that_is_told_twice_is_the_same():
    told = error_of(Told(code="project-not-found", what="None here.", facts={"folder": "f"}), 404)
    assert (type(told).__name__, told.exit_code, told.facts) == ("ProjectNotFound", 4, {"folder": "f"})
