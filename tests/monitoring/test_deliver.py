"""Telling the sinks: signed, at least once, and never in the way of monitoring."""

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from production import Production

from ropeway.continuous.controller import reconcile
from ropeway.monitoring.deliver import deliver, read_attempts
from ropeway.monitoring.operations import list_alerts, list_waiting, list_windows
from ropeway.story.operations import tell_alerts

SECRET = "whsec_" + base64.b64encode(b"a secret of some length").decode()


class Receiver:
    """A webhook's other end, on this machine.

    Attributes:
        status: what it answers with; None to hang.
        got: headers and body of each request.
    """

    def __init__(self) -> None:
        self.status: int | None = 204
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.stop = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                if receiver.status is None:
                    receiver.stop.wait(60)
                    return
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/alerts"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.stop.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def hooked(production: Production, url: str, *, more: str = "allow_private = true\ntimeout_s = 0.5") -> None:
    production.settings(
        f'[alerts.moved]\nwhen = "drift"\nsinks = ["ops"]\n'
        f'[sinks.ops]\nkind = "webhook"\nurl = "{url}"\nsecret_env = "OPS_SECRET"\n{more}\n'
    )
    production.answer(0, production.xs(100, low=40))


def filed(production: Production, path: str) -> None:
    production.settings(
        f'[alerts.moved]\nwhen = "drift"\nsinks = ["ops"]\n[sinks.ops]\nkind = "file"\npath = "{path}"\n'
    )
    production.answer(0, production.xs(100, low=40))


def test_a_webhook_gets_a_signed_message_once(
    production: Production, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_SECRET", SECRET)
    hooked(production, receiver.url)
    seen = production.look(1)
    assert (seen.delivered, seen.undelivered) == (1, [])
    assert production.look(1).delivered == 0
    [(headers, body)] = receiver.got
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    signature = base64.b64encode(hmac.new(b"a secret of some length", signed, hashlib.sha256).digest())
    assert headers["webhook-signature"] == f"v1,{signature.decode()}"
    assert headers["idempotency-key"] == f"{seen.raised[0].id}.raised"
    told = json.loads(body)
    assert (told["state"], told["project"], told["alert"]["model"]) == ("raised", "halves", "halves@1")


def test_the_end_of_an_alert_is_told_too(
    production: Production, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_SECRET", "plain")
    hooked(production, receiver.url)
    production.look(1)
    production.answer(1, production.xs(100))
    production.look(2)
    assert [json.loads(body)["state"] for _, body in receiver.got] == ["raised", "resolved"]


def test_a_webhook_that_hangs_is_cut_off_and_tried_again_later(
    production: Production, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_SECRET", "plain")
    receiver.status = None
    hooked(production, receiver.url)
    seen = production.look(1)
    # What was found is on record, whether anybody could be told or not.
    assert len(seen.windows) == len(list_alerts(production.workspace)) == 1
    [attempt] = seen.undelivered
    assert (attempt.tries, attempt.error) == (1, "undeliverable")
    assert "within 0.5 s" in attempt.says
    receiver.status = 200
    assert production.look(1).delivered == 0
    assert len(receiver.got) == 1
    production.go_to(attempt.next_at)
    assert deliver(production.workspace).taken == 1
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [f"{attempt.alert}.raised"] * 2
    assert (list_waiting(production.workspace), read_attempts(production.workspace.home)) == ([], [])


def test_pauses_grow_and_survive_a_clock_that_jumps_back(
    production: Production, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_SECRET", "plain")
    receiver.status = 503
    hooked(production, receiver.url)
    [attempt] = production.look(1).undelivered
    pauses = []
    for _ in range(9):
        pauses.append((attempt.next_at - attempt.tried_at).total_seconds())
        production.go_to(attempt.next_at)
        [attempt] = deliver(production.workspace).waiting
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    receiver.status = 200
    production.go_to(production.day(-900))
    assert deliver(production.workspace).taken == 1


def test_a_missing_secret_is_told_and_nothing_is_sent(production: Production, receiver: Receiver) -> None:
    hooked(production, receiver.url)
    [attempt] = production.look(1).undelivered
    assert attempt.error == "secret-missing"
    assert "OPS_SECRET" in attempt.says
    [alert] = tell_alerts(production.workspace)
    assert alert.not_told == [attempt.line]
    assert attempt.line.startswith("ops: [secret-missing] the variable 'OPS_SECRET' is not set.")
    assert attempt.line.endswith(f"(1 try, again at {attempt.next_at:%Y-%m-%d %H:%M} UTC)")
    told = [each for each in reconcile(production.workspace) if each.kind == "not-told"]
    assert [(each.subject, each.says.startswith("ops: [secret-missing]")) for each in told] == [("ops", True)]
    assert receiver.got == []


def test_a_private_address_is_refused_unless_it_is_meant(
    production: Production, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_SECRET", "plain")
    hooked(production, receiver.url, more="")
    [attempt] = production.look(1).undelivered
    assert attempt.error == "address-refused"
    assert receiver.got == []


def test_one_sink_that_hangs_does_not_hold_up_another(
    production: Production, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_SECRET", "plain")
    receiver.status = None
    production.settings(
        '[alerts.moved]\nwhen = "drift"\nsinks = ["ops", "page"]\n[alerts.failed]\nwhen = "errors"\n'
        'sinks = ["ops", "page"]\n[sinks.page]\nkind = "file"\npath = "alerts.jsonl"\n'
        f'[sinks.ops]\nkind = "webhook"\nurl = "{receiver.url}"\nsecret_env = "OPS_SECRET"\n'
        "allow_private = true\ntimeout_s = 0.3\n"
    )
    production.answer(0, production.xs(100, low=40), failed=50)
    assert production.look(1).delivered == 2
    # The one that hangs was asked once, though two messages wait for it.
    assert len(receiver.got) == 1


def test_a_sink_hears_of_the_end_only_after_the_beginning(
    production: Production, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once `resolved` went out while `raised` still waited for its next try."""
    monkeypatch.setenv("OPS_SECRET", "plain")
    receiver.status = 503
    hooked(production, receiver.url)
    [attempt] = production.look(1).undelivered
    production.answer(1, production.xs(100))
    for _ in range(7):
        production.go_to(attempt.next_at)
        [attempt] = deliver(production.workspace).waiting
    production.go_to(production.day(2, hours=0.3))
    [attempt] = deliver(production.workspace).waiting
    receiver.got.clear()
    receiver.status = 204
    assert len(production.look(2).resolved) == 1
    assert receiver.got == []
    production.go_to(attempt.next_at)
    assert deliver(production.workspace).taken == 2
    assert [json.loads(body)["state"] for _, body in receiver.got] == ["raised", "resolved"]


def test_a_file_gets_a_line_for_each_message(production: Production) -> None:
    filed(production, "alerts.jsonl")
    production.look(1)
    production.answer(1, production.xs(100))
    production.look(2)
    lines = (production.workspace.root / "alerts.jsonl").read_text().splitlines()
    assert [json.loads(line)["state"] for line in lines] == ["raised", "resolved"]


@pytest.mark.parametrize("path", ["/dev/full", "../outside.jsonl", "nowhere/alerts.jsonl", "tests", "pipe"])
def test_a_file_that_cannot_be_written_is_told_and_breaks_nothing(production: Production, path: str) -> None:
    os.mkfifo(production.workspace.root / "pipe")
    (production.workspace.root / "tests").mkdir()
    filed(production, path)
    seen = production.look(1)
    assert len(seen.raised) == 1
    assert [attempt.error for attempt in seen.undelivered] == ["sink-unwritable"]


@pytest.mark.parametrize(
    "place", [".ropeway/ledger.db", ".ropeway/new", "ropeway.toml", "pipeline.py", "contracts/numbers.toml"]
)
@pytest.mark.parametrize("way", ["symlink", "folder", "hardlink"])
def test_a_file_sink_never_writes_to_what_ropeway_reads(production: Production, place: str, way: str) -> None:
    """Once alerts could be written into the ledger."""
    root = production.workspace.root
    whole = root / place
    before = whole.read_bytes() if whole.exists() else None
    if way == "symlink" or (way == "hardlink" and before is None):
        (root / "alerts").symlink_to(whole)
        path = "alerts"
    elif way == "hardlink":
        (root / "alerts").hardlink_to(whole)
        path = "alerts"
    else:
        (root / "here").symlink_to(root)
        path = f"here/{place}"
    filed(production, path)
    before = whole.read_bytes() if place == "ropeway.toml" else before
    seen = production.look(1)
    assert [attempt.error for attempt in seen.undelivered] == ["sink-unwritable"]
    assert whole.exists() == (before is not None)
    if place != ".ropeway/ledger.db" and before is not None:
        assert whole.read_bytes() == before


def test_a_full_disk_leaves_no_half_line(production: Production) -> None:
    full = production.workspace.root / "full"
    full.symlink_to("/dev/full")
    filed(production, "full")
    assert [attempt.error for attempt in production.look(1).undelivered] == ["sink-unwritable"]


def test_a_sink_that_is_taken_out_waits_until_it_comes_back(
    production: Production, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_SECRET", "plain")
    receiver.status = 500
    hooked(production, receiver.url)
    production.look(1)
    toml = (production.workspace.root / "ropeway.toml").read_text()
    production.settings('[alerts.moved]\nwhen = "drift"\n')
    assert deliver(production.workspace).waiting == []
    receiver.status = 200
    (production.workspace.root / "ropeway.toml").write_text(toml)
    assert deliver(production.workspace).taken == 1


LOOK = """
import sys
from datetime import datetime
from pathlib import Path
from ropeway.monitoring.observe import observe
from ropeway.testing import FixedClock
from ropeway.workspace import LocalWorkspace
clock = FixedClock(datetime.fromisoformat(sys.argv[2]))
with LocalWorkspace(Path(sys.argv[1]), actor="ana", clock=clock) as workspace:
    print("began", flush=True)
    observe(workspace)
    print("done", flush=True)
"""


def test_killed_anywhere_the_next_look_goes_on(production: Production) -> None:
    production.settings(
        '[alerts.moved]\nwhen = "drift"\nsinks = ["ops"]\n[sinks.ops]\nkind = "file"\npath = "alerts.jsonl"\n'
    )
    for day in range(4):
        production.answer(day, production.xs(60, seed=day, low=40 * (day % 2)))
    moment = production.day(4, hours=1)
    for wait_s in (0.2, 0.6, 1.0, 1.4):
        _look_and_die(production, moment.isoformat(), wait_s)
    seen = production.look(4)
    assert len(list_windows(production.workspace)) == 4
    assert len(list_alerts(production.workspace, open_only=False)) == 2
    assert [alert.is_open for alert in list_alerts(production.workspace, open_only=False)] == [True, False]
    assert (seen.undelivered, list_waiting(production.workspace)) == ([], [])
    lines = (production.workspace.root / "alerts.jsonl").read_text().splitlines()
    assert len({json.loads(line)["id"] for line in lines}) == 3


def _look_and_die(production: Production, moment: str, wait_s: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LOOK, str(production.workspace.root), moment],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "began\n"
    try:
        process.wait(wait_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    process.stdout.close()
