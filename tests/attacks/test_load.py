"""C9: no request takes more memory, time or sockets than its share, and others are answered meanwhile.

Single bodies, chunks and headers for a service are in `tests/serving/test_door.py`; packs that would grow are
in `tests/store/test_packs.py`.
"""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks.load import GROWTH, MB, Attack, Process, bodies, heads, hold_back, idle
from tests.attacks.town import OCTETS, Town, head, receive, send

from ropeway.server import objects
from ropeway.serving import bodies as arriving

TARGETS = {"server": "/api/v1/runs.search", "service": "/predict"}
SIZES = {"server": 7 * MB, "service": MB // 2}


@pytest.fixture(scope="module", params=["server", "service"])
def process(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    made: Process = getattr(Process, request.param)(tmp_path_factory.mktemp(request.param))
    made.kind = request.param  # type: ignore[attr-defined]
    assert made.is_well()
    made.growth()
    yield made
    made.stop()


@pytest.mark.parametrize("attack", list(bodies()), ids=lambda attack: attack.name)
def test_a_body_that_is_too_much_is_refused_in_little_memory(process: Process, attack: Attack) -> None:
    answer = process.attack(attack, TARGETS[process.kind])
    assert answer.status in attack.statuses, answer
    assert process.is_well()
    assert process.growth() < GROWTH


@pytest.mark.parametrize("number", range(len(list(heads()))))
def test_a_head_that_is_too_much_is_refused_in_little_memory(process: Process, number: int) -> None:
    assert send(process.port, list(heads())[number]).status in (0, 400)
    assert process.is_well()
    assert process.growth() < GROWTH


def test_bodies_that_are_held_back_give_way_to_those_that_come(process: Process) -> None:
    # Sixteen of 16 MB each were held for half a minute: 350 MB.
    count = 12 if process.kind == "server" else 80
    answers = hold_back(process, TARGETS[process.kind], SIZES[process.kind], count)
    assert {each.status for each in answers} == {408}
    assert process.is_well()
    assert process.growth() < GROWTH


def test_a_thousand_sockets_that_say_nothing_keep_nobody_out(process: Process) -> None:
    for said in (b"", b"GET /health HTTP/1.1\r\nx"):
        with idle(process.port, 500, said):
            assert process.is_well()
    assert process.growth() < GROWTH


@pytest.mark.slow
def test_sockets_that_say_nothing_give_way_where_no_more_files_may_be_open(tmp_path: Path) -> None:
    # Until the half minute was over nobody else was let in.
    made = Process.server(tmp_path, files=128)
    with idle(made.port, 400, b"GET /health HTTP/1.1\r\nx") as sockets:
        assert made.is_well()
        assert receive(sockets[0]).status == 0
    made.stop()


def test_an_object_that_trickles_is_given_up(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each byte bought another half minute: four billion of them.
    monkeypatch.setattr(objects, "PIECE_S", 0.5)
    said = {**{name.replace("-", "_"): value for name, value in OCTETS.items()}, "content_length": 1_000_000}
    token = f"Bearer {town.tokens['contributor']}"
    with socket.create_connection(("127.0.0.1", town.port), timeout=20) as connection:
        connection.sendall(head("PUT", "/api/v1/objects", authorization=token, **said))
        connection.settimeout(0.05)
        answer = b""
        for _ in range(400):
            try:
                connection.sendall(b"x")
                answer = connection.recv(1000)
                break
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408")
    assert list((town.workspace.home / "tmp").glob("upload-*")) == []


def test_a_body_that_trickles_is_given_up(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "BODY_S", 0.3)
    token = f"Bearer {town.tokens['viewer']}"
    said = {"authorization": token, "content_type": "application/json", "content_length": 100}
    assert send(town.port, head("POST", "/api/v1/runs.search", **said), b"{").status == 408


def test_arguments_are_read_while_others_are_answered(town: Town) -> None:
    body = b'{"runs": [' + b",".join(b'"%d"' % each for each in range(99_000)) + b"]}"
    reply = town.ask(
        "POST", "/api/v1/runs.compare", "viewer", content=body, headers={"content-type": "application/json"}
    )
    assert reply.json()["error"]["code"] == "compare-needs-runs", "as many values as there may be are read"
