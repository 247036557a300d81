"""Hot swap, last known good, and the stop: nothing that was accepted fails."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.serving.served import routing

from ropeway.core.errors import NotFound
from ropeway.predictions.record import all_predictions, find_in
from ropeway.serving.errors import AuthRequired, CannotListen, PortBusy
from ropeway.serving.listen import bind
from ropeway.store import read_segment

BODY = json.dumps({"text": "a good day"}).encode()
REQUEST = (
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
) + BODY


class Load:
    """Clients on keep-alive connections that reconnect when told to close; counts every request's fate.

    A connection that is refused before a request is written is no failure: nothing was accepted.
    """

    def __init__(self, port: int, *, keeps_alive: bool = True) -> None:
        self.port = port
        self.request = REQUEST if keeps_alive else REQUEST.replace(b"Host", b"Connection: close\r\nHost", 1)
        self.answers: list[dict[str, Any]] = []
        self.failures: list[str] = []
        self.is_over = False

    async def client(self) -> None:
        while not self.is_over:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except ConnectionError:
                return
            try:
                await self._ask_on(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                self.failures.append(repr(error))
            finally:
                writer.close()

    async def _ask_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not self.is_over:
            # A hang-up that came before the request: any client sees it, and opens another connection.
            if reader.at_eof():
                return
            writer.write(self.request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            if not head.startswith(b"HTTP/1.1 200"):
                self.failures.append(head.decode())
            self.answers.append(json.loads(body))
            if b"connection: close" in head.lower():
                return

    async def run(self, clients: int, meanwhile: Callable[[], Any]) -> None:
        tasks = [asyncio.create_task(self.client()) for _ in range(clients)]
        await asyncio.to_thread(meanwhile)
        self.is_over = True
        await asyncio.gather(*tasks)


def wait_until(claim: Callable[[], bool]) -> None:
    for _ in range(1000):
        if claim():
            return
        time.sleep(0.02)
    raise AssertionError("it never came to be")


def test_a_swap_under_load_fails_no_request_and_every_answer_names_its_version(service: Any) -> None:
    load = Load(service.port)

    def swap() -> None:
        for version in (2, 3, 1, 4):
            service.alias.write_text(f"mood@{version}")
            wait_until(
                lambda version=version: (
                    load.answers[-1:] != [] and load.answers[-1]["model"] == f"mood@{version}"
                )
            )

    asyncio.run(load.run(8, swap))
    assert load.failures == []
    assert {answer["model"] for answer in load.answers} == {f"mood@{version}" for version in (1, 2, 3, 4)}
    for answer in load.answers:
        assert answer["probabilities"]["positive"] == 0.5 + int(answer["model"][5:]) / 100
    logged = dict(all_predictions(service.home))
    assert {answer["id"]: answer["model"] for answer in load.answers} == {
        each: record.model for each, record in logged.items()
    }


def test_a_change_of_weights_under_load_fails_no_request(service: Any) -> None:
    load = Load(service.port)
    steps = [
        (routing(shadows=[2]), 0.0),
        (routing(v2=0.1, shadows=[2]), 0.1),
        (routing(v2=0.5, v3=0.25), 0.5),
        (routing(live=2, v1=0.25), 0.75),
        (routing(live=1), 0.0),
    ]
    seen: list[float] = []

    def change() -> None:
        for alias, _ in steps:
            service.follow(alias)
            begun = len(load.answers)
            wait_until(lambda begun=begun: len(load.answers) > begun + 400)
            # The first few may have begun before the change.
            models = [answer["model"] for answer in load.answers[begun + 8 :]]
            seen.append(models.count("mood@2") / len(models))

    asyncio.run(load.run(8, change))
    assert load.failures == []
    for (_, share), found in zip(steps, seen, strict=True):
        assert abs(found - share) <= 5 * (share * (1 - share) / 400) ** 0.5
    for answer in load.answers:
        assert answer["probabilities"]["positive"] == 0.5 + int(answer["model"][5:]) / 100
    assert len(dict(all_predictions(service.home))) == len(load.answers)


def test_a_service_killed_in_a_canary_loses_nothing_and_divides_on_as_before(
    start_process: Callable[..., Any],
) -> None:
    alias = routing(v2=0.5, shadows=[2])
    rows = [{"text": "good", "customer": f"c{n}"} for n in range(200)]

    def models(process: Any) -> list[str]:
        reply = httpx.post(f"{process.url}/predict", json={"rows": rows}).json()
        return [each.get("model", reply["model"]) for each in reply["predictions"]]

    first = start_process(alias, "customer")
    before, load = models(first), Load(first.port)

    def kill() -> None:
        wait_until(lambda: len(load.answers) > 300)
        first.popen.kill()
        first.popen.wait()

    asyncio.run(load.run(8, kill))
    assert set(before) == {"mood@1", "mood@2"}
    logged = dict(all_predictions(first.home))
    for answer in load.answers:
        assert logged[answer["id"]].model == answer["model"]
    # From the first request on: the arm is there before anybody is answered.
    assert models(start_process(alias, "customer")) == before


def test_the_last_known_good_goes_on_when_the_alias_is_gone_and_recovers(
    service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def state() -> str:
        return service.client.get("/health").json()["state"]

    service.alias.unlink()
    wait_until(lambda: state() == "last-known-good")
    time.sleep(0.6)
    assert service.predict({"text": "good"}).json()["model"] == "mood@1"
    assert service.client.get("/health").json()["trouble"]["code"] == "not-found"
    assert caplog.text.count("last known good") == 1
    service.alias.write_text("mood@2")
    wait_until(lambda: state() == "current")
    assert service.predict({"text": "good"}).json()["model"] == "mood@2"


def test_a_version_that_does_not_load_leaves_the_one_before(service: Any) -> None:
    service.alias.write_text("mood@99")
    wait_until(lambda: service.client.get("/health").json()["state"] == "last-known-good")
    assert service.predict({"text": "good"}).json()["model"] == "mood@1"
    service.alias.write_text("mood@1")
    wait_until(lambda: service.client.get("/health").json()["state"] == "current")


def test_a_recalled_version_answers_no_more_until_another_takes_its_place(service: Any) -> None:
    service.alias.write_text("recalled mood@1")
    wait_until(lambda: service.client.get("/health").json()["state"] == "recalled")
    reply = service.predict({"text": "good"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "model-recalled")
    service.alias.write_text("mood@2")
    wait_until(lambda: service.client.get("/health").json()["state"] == "current")
    assert service.predict({"text": "good"}).json()["model"] == "mood@2"


def test_a_first_version_that_does_not_load_is_an_error(start_service: Callable[..., Any]) -> None:
    with pytest.raises(NotFound, match="mood@99"):
        start_service("mood@99")


@pytest.mark.parametrize("keeps_alive", [True, False])
def test_sigterm_under_load_fails_no_request_and_seals_the_segment(process: Any, keeps_alive: bool) -> None:
    load = Load(process.port, keeps_alive=keeps_alive)

    def stop() -> None:
        wait_until(lambda: len(load.answers) > 300)
        process.popen.send_signal(signal.SIGTERM)
        assert process.popen.wait(timeout=30) == 0

    asyncio.run(load.run(16, stop))
    assert process.end() == ""
    assert load.failures == []
    for answer in load.answers:
        assert find_in(process.home, answer["id"]).prediction == "positive"
    (segment,) = (process.home / "segments" / "predictions").iterdir()
    assert not read_segment(segment).torn


def test_a_connection_accepted_but_not_yet_read_is_answered_after_sigterm(process: Any) -> None:
    # The trap of Kludex/uvicorn#2757: uvicorn alone closes such a connection without a word.
    with socket.create_connection(("127.0.0.1", process.port)) as early:
        httpx.post(process.url + "/predict", json={"text": "good"})
        process.popen.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        early.sendall(REQUEST)
        early.settimeout(10)
        reply = early.recv(65536)
    assert reply.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in reply.lower()
    assert process.popen.wait(timeout=30) == 0


def test_a_slow_request_is_answered_though_sigterm_came_in_the_middle(process: Any) -> None:
    with socket.create_connection(("127.0.0.1", process.port)) as conn:
        body = b'{"text":"slow"}'
        conn.sendall(REQUEST.replace(BODY, body).replace(b": %d" % len(BODY), b": %d" % len(body)))
        time.sleep(0.1)
        process.popen.send_signal(signal.SIGINT)
        conn.settimeout(10)
        assert conn.recv(65536).startswith(b"HTTP/1.1 200")
    assert process.popen.wait(timeout=30) == 0


def test_every_answered_prediction_is_found_after_kill_9(process: Any) -> None:
    load = Load(process.port)

    def kill() -> None:
        wait_until(lambda: len(load.answers) > 300)
        process.popen.kill()
        process.popen.wait()

    asyncio.run(load.run(8, kill))
    assert len({answer["id"] for answer in load.answers}) == len(load.answers)
    for answer in load.answers:
        found = find_in(process.home, answer["id"])
        assert (found.model, found.prediction) == (answer["model"], answer["prediction"])


def test_a_busy_port_is_said_with_the_way_out() -> None:
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortBusy, match=f"Port {port} on 127.0.0.1 is taken") as caught:
            bind("localhost", port)
    assert "--port 0" in caught.value.next_step


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.com"])
def test_listening_beyond_loopback_is_refused(host: str) -> None:
    with pytest.raises(AuthRequired, match="without authentication"):
        bind(host, 0)


def test_a_port_that_is_none_is_refused() -> None:
    with pytest.raises(CannotListen, match="Cannot listen"):
        bind("127.0.0.1", 70_000)


def test_bind_opens_ipv6_loopback_too(tmp_path: Path) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        listener = bind("::1", 0)
    except CannotListen:
        pytest.skip("no IPv6 loopback here")
    listener.close()
