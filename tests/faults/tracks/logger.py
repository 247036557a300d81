"""A client that logs as MLflow's does: the same body again until it is answered; it remembers what it was
told.

Nothing that MLflow's client sends carries a key by which a repetition is known. So what "once" means is a
matter of each call: a point counts by run, key, step, time and value; a param, a tag and a file by their
names. A run begun by a request whose answer was lost is begun again: the first one stays, empty, and is
counted.
"""

import random
import string
import threading
import time
from collections import Counter
from typing import Any, Protocol
from urllib.parse import quote

import httpx
import msgspec

API = "/api/2.0/mlflow/"
FILES = "/api/2.0/mlflow-artifacts/artifacts/"
AGAIN = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which MLflow's client sends the same again."""
NO_ROOM = 507
"""It does not then; whoever made room does."""
AGAIN_S = 0.05
PATIENCE_S = 240.0
ACTIONS = 40
"""Of a run, about."""
KEYS = ("loss", "f1", "val/acc", "a b", "über-x")
ODD = ("NaN", "Infinity", "-Infinity")
NAMES = ("plain.txt", "deep/er/model.bin", "a b.csv", "t <i>.html", "ü/ß.json", "x&y=1;z.txt")
Point = tuple[str, int, int, str]
"""Key, step, time, and the value as JSON has it."""


class Refused(Exception):
    """A request was refused for good."""


class Wire(Protocol):
    """Sends one request. Raises httpx.TransportError where no answer came."""

    def send(self, request: httpx.Request) -> httpx.Response:
        """The answer."""

    def close(self) -> None:
        """Nothing more is sent."""


class Direct:
    """Connections that are kept, as MLflow's client keeps them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(timeout=30)

    def send(self, request: httpx.Request) -> httpx.Response:
        return self._client.send(request)

    def close(self) -> None:
        self._client.close()


class Logged(msgspec.Struct, kw_only=True):
    """One run, and what was acknowledged of it."""

    run: str
    points: set[Point] = msgspec.field(default_factory=set)
    params: dict[str, str] = msgspec.field(default_factory=dict)
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    files: dict[str, bytes] = msgspec.field(default_factory=dict)
    status: str = "RUNNING"


class Logger:
    """One client, in a thread of its own.

    Args:
        wire: to the server.
        url: of the server.
        seed: decides what it logs.
        place: which of the clients.
        pause_s: between two requests.
        largest: of a file.
    """

    def __init__(
        self, wire: Wire, url: str, *, seed: int, place: int, pause_s: float = 0.0, largest: int = 60_000
    ) -> None:
        self._wire, self._url, self._place = wire, url, place
        self._chance = random.Random(f"{seed} {place}")
        self._pause_s, self._largest = pause_s, largest
        self._step = 0
        self.runs: list[Logged] = []
        self.answers: Counter[int] = Counter()
        self.words: Counter[str] = Counter()
        self.acknowledged = 0
        self.sent_again = 0
        self.begun_again = 0

    def work(self, is_over: threading.Event) -> None:
        """Log runs one after the other, and end the last one when it is over."""
        try:
            self._log_runs(is_over)
        finally:
            self._wire.close()

    def _log_runs(self, is_over: threading.Event) -> None:
        while not is_over.is_set():
            logged = self._begin()
            for _ in range(self._chance.randrange(1, 2 * ACTIONS)):
                self._act(logged)
                if is_over.wait(self._pause_s):
                    break
            self._update(logged, self._chance.choice(("FINISHED", "FAILED", "KILLED")))
            if self._chance.random() < 0.3:
                # Points that come after a run's end are taken like any other.
                self._batch(logged)

    def _begin(self) -> Logged:
        before = self.sent_again
        made = self._post(
            "runs/create", experiment_id="0", run_name=f"r{self._place}-{len(self.runs)}", start_time=1
        )
        self.begun_again += self.sent_again - before
        logged = Logged(run=made["run"]["info"]["run_id"])
        self.runs.append(logged)
        return logged

    def _act(self, logged: Logged) -> None:
        acts = (
            self._metric,
            self._metric,
            self._batch,
            self._batch,
            self._param,
            self._tag,
            self._file,
            self._end,
        )
        self._chance.choices(acts, (4, 4, 3, 3, 2, 3, 3, 1))[0](logged)

    def _metric(self, logged: Logged) -> None:
        key, step, at, value = point = self._point()
        self._post("runs/log-metric", run_id=logged.run, key=key, value=_told(value), timestamp=at, step=step)
        logged.points.add(point)

    def _batch(self, logged: Logged) -> None:
        points = [self._point() for _ in range(self._chance.choice((1, 7, 60, 400)))]
        if self._chance.random() < 0.2:
            points.append(points[0])
        params = {self._word(): self._word() for _ in range(self._chance.randrange(3))}
        tags = {self._word(): self._word() for _ in range(self._chance.randrange(3))}
        self._post(
            "runs/log-batch",
            run_id=logged.run,
            metrics=[
                {"key": key, "value": _told(value), "timestamp": at, "step": str(step)}
                for key, step, at, value in points
            ],
            params=_pairs(params),
            tags=_pairs(tags),
        )
        logged.points.update(points)
        logged.params |= params
        logged.tags |= tags

    def _param(self, logged: Logged) -> None:
        key, value = self._word(), self._word() * self._chance.choice((1, 90))
        self._post("runs/log-parameter", run_id=logged.run, key=key, value=value)
        logged.params[key] = value

    def _tag(self, logged: Logged) -> None:
        key, value = self._chance.choice(("phase", self._word())), self._word()
        self._post("runs/set-tag", run_id=logged.run, key=key, value=value)
        logged.tags[key] = value

    def _file(self, logged: Logged) -> None:
        name, data = self._chance.choice(NAMES), self._chance.randbytes(self._chance.randrange(self._largest))
        self._ask("PUT", f"{FILES}0/{logged.run}/artifacts/{quote(name)}", data)
        logged.files[name] = data

    def _end(self, logged: Logged) -> None:
        """A run ends, which brings its points to rest, and goes on."""
        self._update(logged, "FINISHED")
        self._update(logged, "RUNNING")

    def _update(self, logged: Logged, status: str) -> None:
        self._post("runs/update", run_id=logged.run, status=status, end_time=int(time.time() * 1000))
        logged.status = status

    def _point(self) -> Point:
        self._step += self._chance.choice((1, 1, 3))
        value = self._chance.choice(ODD) if self._chance.random() < 0.02 else repr(self._chance.gauss())
        return self._chance.choice(KEYS), self._step, 1_700_000_000_000 + self._step, value

    def _word(self) -> str:
        return "".join(self._chance.choices(string.ascii_letters, k=12))

    def _post(self, path: str, **fields: Any) -> Any:
        return self._ask("POST", API + path, msgspec.json.encode(fields)).json()

    def _ask(self, method: str, path: str, body: bytes) -> httpx.Response:
        """Send the same until there is an answer, as MLflow's client does, with shorter pauses."""
        headers = {"content-type": "application/json"} if method == "POST" else {}
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            request = httpx.Request(method, self._url + path, content=body, headers=headers)
            try:
                response = self._wire.send(request)
            except httpx.TransportError:
                self.answers[0] += 1
            else:
                self.answers[response.status_code] += 1
                if response.status_code == 200:
                    self.acknowledged += 1
                    return response
                self._hear(request, response)
            self.sent_again += 1
            time.sleep(AGAIN_S)
        raise Refused(f"{method} {path[:80]} was not answered in {PATIENCE_S:.0f} s")

    def _hear(self, request: httpx.Request, response: httpx.Response) -> None:
        """A refusal must be in MLflow's shape, and one after which the same may be sent again."""
        said = f"{response.status_code} {response.text[:200]}"
        try:
            told = response.json()
            self.words[f"{response.status_code} {told['error_code']}"] += 1
            assert told["message"]
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise Refused(
                f"{request.method} {request.url.path[:80]}: no error of MLflow's: {said}"
            ) from error
        if response.status_code not in AGAIN | {NO_ROOM}:
            raise Refused(f"{request.method} {request.url.path[:80]}: {said}")


def _told(value: str) -> float | str:
    return value if value in ODD else float(value)


def _pairs(words: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in words.items()]
