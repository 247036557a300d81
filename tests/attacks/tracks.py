"""Every field of every route that MLflow's clients use, with what no client sends, at a traced server.

`python -m tests.attacks.tracks [--every N] [--seed S] [--ledger URL] [--rooms runs,registered-models]` says
what was asked, how it was answered and what was wrong; in full it takes some minutes, and says how far it
is. Each must be refused in MLflow's shape, or kept as the text that it is: no 500, no file opened, nothing
told of the inside, and afterwards everything can still be read.
"""

import argparse
import collections
import http.client
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin
from urllib.parse import quote

import msgspec
from tests.attacks.probe import TELLS
from tests.attacks.strings import MARK, TRAVERSAL
from tests.attacks.trace import Trace, strangers
from tests.faults.writers import ledger_at
from tests.server.conftest import Server

from ropeway.server.mlflow.routes import ARTIFACTS, ENDPOINTS, Endpoint
from ropeway.testing import make_workspace

HERE = "\x01here\x01"
PLACE = msgspec.json.encode(HERE)
API = "/api/2.0"
JSON = {"content-type": "application/json"}
ODD_TEXTS = (
    "", " ", "\0", "a\0b", "\r\nset-cookie: a=b", "\u202e", "\U0001f600", "é" * 300, "x" * 120_000,
    "a" * 5_000_000,
    "<script>alert(1)</script>", "'; drop table run; --", '" or 1=1 --', "%s{}$x${y}", "%00", "%ff%fe",
    "1e400", "\uff19\uff19", "\u0661", "1_0", " 1", "-1", "99999999999999999999", "m-" + "0" * 32, "0" * 32,
    "NaN", "null", "[]",
    "name = 'a' OR 1=1", "(" * 5_000, "metrics.a > 1e999", "start_time > 1e999",
    "attributes.start_time <= 1e309",
    "tags.a LIKE '" + "%" * 60_000 + "'", "tags.a LIKE '" + "[" * 30_000 + "'",
    "params.a ILIKE '%" + "_%" * 25_000 + "'",
    " AND ".join(["metrics.a > 1"] * 150), "run_id IN ('" + "','".join(map(str, range(9_000))) + "')",
    "version_number = 1e400", "tags.`" + "k" * 90_000 + "` = 'x'", "metrics.a > 9" + "9" * 400, "\ufeff",
    "\x7f\x1b[2J",
)  # fmt: skip
RAW = (
    b"null", b"true", b"false", b"0", b"-1", b"1.5", b"1e400", b"-1e400", b"NaN", b"Infinity", b"-Infinity",
    b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"18446744073709551616",
    b"9" * 400,
    b"9" * 5_000, b"0.1e-9999", b"[]", b"{}", b"[null]", b"[[]]", b"[{}]", b'[""]', b'{"a":1}', b'{"key":1}',
    b"[" * 60 + b"]" * 60, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff\xfe"', b'"\xc0\xaf"', b'"\x00"', b'"\\u0000"', b"'a'",
    b"01", b"1,2",
    b'[{"key":"a","value":"b"},{"key":"a","value":"c"}]', b'[{"key":"a","value":{}}]', b'[{"key":["a"]}]',
    b"[" + b",".join([b'{"key":"k","value":1,"timestamp":1,"step":1}'] * 10_000) + b"]",
    b"[" + b",".join(b'"metrics.m%d"' % n for n in range(50)) + b"]",
    b'[{"key":"a","value":NaN,"timestamp":1}]', b'[{"key":"a","value":1,"timestamp":1e300}]',
    b'[{"key":"a","value":1,"timestamp":9223372036854775807,"step":9223372036854775807}]',
    b'[{"key":"a","value":1,"timestamp":1,"step":9223372036854775808}]',
    b'[{"model_id":"../../etc","step":1e30}]',
)  # fmt: skip
BODIES = (
    b"", b" ", b"null", b"[]", b'"x"', b"1", b"NaN", b"{", b"}", b'{"a"', b"\xff\xfe{\x00}\x00",
    b"\xef\xbb\xbf{}", b"{}{}",
    b"[" * 100_000, b'{"a":' * 100_000, b"\x00" * 1_000, b'{"run_id":"a","run_id":"b"}',
    b'{"run_id": "\xff"}',
    b"<xml/>", b"a=b&c=d", b'{"__proto__":{}, "constructor":1}',
)  # fmt: skip
KINDS: tuple[dict[str, str], ...] = (
    {},
    {"content-type": "text/plain"},
    {"content-type": "application/json; charset=utf-16"},
    {"content-type": "multipart/form-data; boundary=x"},
    {"content-encoding": "gzip", **JSON},
)
SENSIBLE = {
    "experiment_id": "0", "experiment_ids": ["0"], "experiment_name": "Default", "name": "clf",
    "new_name": "other",
    "key": "k", "metric_key": "loss", "value": "1", "timestamp": 1, "step": 1, "version": "1",
    "alias": "best",
    "stage": "Staging", "status": "FINISHED", "source": "s3://b/x", "model_json": "{}", "path": "a.txt",
    "view_type": "ALL", "run_view_type": "ALL", "digest": "d", "source_type": "x",
}  # fmt: skip
READS = (
    "GET experiments/search?max_results=1000&view_type=ALL", "POST runs/search",
    "GET registered-models/search",
    "GET model-versions/search", "POST logged-models/search",
)  # fmt: skip


class Ask(NamedTuple):
    """One request as it goes out, and what is hostile about it."""

    what: str
    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] = JSON


class Account(NamedTuple):
    """How many requests, their answers by status, and what was wrong."""

    requests: int
    answers: dict[str, int]
    wrong: list[str]


class Stage:
    """A project with a run, a file, a model and a version of it, behind its server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "deep" / "down" / "project"
        self.workspace = make_workspace(self.folder)
        for name in (MARK, f"{MARK}.csv"):
            for place in (self.folder, *list(self.folder.parents)[:3]):
                (place / name).write_text("secret\n")
        self.server = Server(self.workspace)
        made = self.post("runs/create", experiment_id="0")
        self.run = made["run"]["info"]["run_id"]
        self.post("runs/log-metric", run_id=self.run, key="loss", value=1, timestamp=1)
        self.post("registered-models/create", name="clf")
        self.post("model-versions/create", name="clf", source="s3://b/x")
        self.model = self.post("logged-models", experiment_id="0", name="m")["model"]["info"]["model_id"]
        self.server.client.put(
            f"{API}{ARTIFACTS}/0/{self.run}/artifacts/a.txt", content=b"x"
        ).raise_for_status()

    def post(self, path: str, **fields: Any) -> Any:
        return self.server.client.post(f"{API}/mlflow/{path}", json=fields).raise_for_status().json()

    def close(self) -> None:
        self.server.stop()
        self.workspace.close()


def asks(stage: Stage, endpoints: Iterable[Endpoint] = ENDPOINTS) -> Iterator[Ask]:
    """All of them, each made when its turn comes: some are large."""
    for endpoint in endpoints:
        path = endpoint.path.replace("{model}", stage.model).replace("{key}", "k")
        if "{path}" in endpoint.path:
            yield from _files(stage, endpoint)
        elif endpoint.method == "GET":
            yield from _queries(stage, endpoint, path)
        else:
            yield from _fields(stage, endpoint, path)
            yield from (Ask("a body", endpoint.method, path, body) for body in BODIES)
            yield from (Ask("a type", endpoint.method, path, b"{}", kind) for kind in KINDS)
        if "{model}" in endpoint.path:
            for text in (*TRAVERSAL, *ODD_TEXTS):
                if len(text) < 9_000:
                    yield Ask(
                        "a name in the path",
                        endpoint.method,
                        path.replace(stage.model, _spelled(text)),
                        b"{}",
                    )


def _fields(stage: Stage, endpoint: Endpoint, path: str) -> Iterator[Ask]:
    whole = _filled(endpoint.message, stage)
    for field in msgspec.structs.fields(endpoint.message):
        body = msgspec.json.encode({**whole, field.name: HERE})
        texts = (msgspec.json.encode(text) for text in (*TRAVERSAL, *ODD_TEXTS))
        for raw in (*texts, *RAW):
            yield Ask(f"{field.name} = {raw[:60]!r}", endpoint.method, path, body.replace(PLACE, raw))
        if get_origin(field.type) is list:
            item = get_args(field.type)[0]
            yield from _items(whole, field.name, item, endpoint, path, stage)


def _items(
    whole: dict[str, Any], name: str, item: Any, endpoint: Endpoint, path: str, stage: Stage
) -> Iterator[Ask]:
    """What stands in the items of a list, in turn."""
    if not (isinstance(item, type) and issubclass(item, msgspec.Struct)):
        places: list[Any] = [HERE]
    else:
        filled = _filled(item, stage)
        places = [{**filled, each.name: HERE} for each in msgspec.structs.fields(item)]
    for place in places:
        body = msgspec.json.encode({**whole, name: [place]})
        for raw in (*(msgspec.json.encode(text) for text in ODD_TEXTS), *RAW):
            yield Ask(
                f"{name}[] {place} = {raw[:60]!r}"[:160], endpoint.method, path, body.replace(PLACE, raw)
            )


def _filled(message: type[msgspec.Struct], stage: Stage) -> dict[str, Any]:
    known = {**SENSIBLE, "run_id": stage.run, "source_run_id": stage.run}
    names = [field.name for field in msgspec.structs.fields(message)]
    return {name: known[name] for name in names if name in known}


def _queries(stage: Stage, endpoint: Endpoint, path: str) -> Iterator[Ask]:
    whole = _filled(endpoint.message, stage)
    for field in msgspec.structs.fields(endpoint.message):
        rest = "&".join(f"{name}={quote(str(value))}" for name, value in whole.items() if name != field.name)
        for text in (*TRAVERSAL, *ODD_TEXTS):
            if len(text) < 9_000:
                yield Ask(
                    f"{field.name} = {text[:60]!r}",
                    "GET",
                    f"{path}?{rest}&{field.name}={quote(text, safe='')}",
                )
        for raw in ("%ff", "%", "%zz", "%00", "a&" * 300, "\x01", f"a&{field.name}=b"):
            yield Ask(f"{field.name} = {raw[:60]!r}", "GET", f"{path}?{rest}&{field.name}={raw}")


def _files(stage: Stage, endpoint: Endpoint) -> Iterator[Ask]:
    before = endpoint.path.removesuffix("{path}")
    body = b"x" if endpoint.method == "PUT" else None
    for text in (*TRAVERSAL, *(each for each in ODD_TEXTS if len(each) < 9_000)):
        for start in (
            "",
            f"0/{stage.run}/artifacts/",
            f"0/{stage.run}/",
            f"0/models/{stage.model}/artifacts/",
        ):
            for said in {_spelled(text), quote(text, safe=""), quote(quote(text, safe=""), safe="")}:
                yield Ask(f"a file {text[:60]!r}", endpoint.method, f"{before}{start}{said}", body, {})


def _spelled(text: str) -> str:
    """As raw as a request line can be."""
    return quote(text.partition("\r")[0].partition("\n")[0].partition(" ")[0], safe="/%.\\;?#:@$*~-&=")


class Asker:
    """Asks, and judges each answer by itself."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._door: http.client.HTTPConnection | None = None
        self.answers: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []

    def ask(self, ask: Ask) -> bytes:
        """One request, as it is."""
        if self._door is None:
            host, _, port = self._stage.server.url.removeprefix("http://").partition(":")
            self._door = http.client.HTTPConnection(host, int(port), timeout=120)
            self._door._validate_path = lambda _url: None  # type: ignore[method-assign]
        try:
            self._door.request(ask.method, API + ask.path, ask.body, ask.headers)
            reply = self._door.getresponse()
            said = reply.read()
        except (http.client.HTTPException, OSError):
            self.answers["cut off"] += 1
            self._door = None
            return b""
        if reply.will_close:
            self._door = None
        self._judge(ask, reply.status, said, reply.headers.get("content-type", ""))
        return said

    def _judge(self, ask: Ask, status: int, said: bytes, kind: str) -> None:
        self.answers[str(status)] += 1
        what = f"{ask.method} {ask.path[:120]} {ask.what}"
        text = said[:100_000].decode("utf-8", "replace")
        if status >= 500 and status != 501:
            self.wrong.append(f"{what}: status {status}, {text[:300]}")
        if str(self._stage.folder) in text or TELLS.search(text) or "secret\\n" in text or text == "secret\n":
            self.wrong.append(f"{what}: the answer tells of the inside: {text[:300]}")
        # A request line that is none is refused by the parser of HTTP, before anybody knows whose it is.
        if status >= 400 and kind == "application/json":
            told = json.loads(said)
            if not (isinstance(told.get("error_code"), str) and isinstance(told.get("message"), str)):
                self.wrong.append(f"{what}: no error of MLflow's: {text[:200]}")
        elif status >= 400 and status != 400:
            self.wrong.append(f"{what}: {status} without MLflow's shape: {kind} {text[:200]}")
        elif kind == "application/json" and status == 200:
            json.loads(said, parse_constant=lambda word: self.wrong.append(f"{what}: {word} is no JSON"))


def attack(
    stage: Stage, trace: Trace, *, every: int, seed: int, rooms: list[str], say: Callable[[str], None]
) -> Account:
    """Ask one in so many, then see that all can be read still."""
    endpoints = [each for each in ENDPOINTS if not rooms or each.path.split("/")[2] in rooms]
    asker, chance = Asker(stage), random.Random(seed)
    asker.ask(Ask("to warm up", "GET", "/mlflow/server-info"))
    trace.found.clear()
    trace.is_on = True
    for number, endpoint in enumerate(endpoints):
        asked = asker.answers.total()
        say(f"{number} of {len(endpoints)} routes, {asked:,} requests, {len(asker.wrong)} wrong")
        for each in asks(stage, [endpoint]):
            if chance.random() * every < 1:
                known = len(asker.wrong)
                asker.ask(each)
                for wrong in asker.wrong[known:]:
                    say(f"! {wrong}")
    asked = asker.answers.total()
    _read_all(stage, asker)
    trace.is_on = False
    port = stage.server.url.rsplit(":", 1)[-1]
    home = Path(os.environ["ROPEWAY_CONFIG"])
    allowed = [stage.folder / ".ropeway", stage.folder / "ropeway.toml", home, Path(tempfile.gettempdir())]
    strange = strangers(trace.found, allowed=allowed, speaks_to=port)
    return Account(asked, dict(asker.answers), [*asker.wrong, *strange])


def _read_all(stage: Stage, asker: Asker) -> None:
    """Whatever was kept under hostile names is read like anything else."""
    body = json.dumps({"experiment_ids": [str(n) for n in range(200)]}).encode()
    for each in READS:
        method, path = each.split()
        asker.ask(Ask("afterwards", method, f"/mlflow/{path}", body if method == "POST" else None))
    for run in stage.post("runs/search", experiment_ids=["0"], run_view_type="ALL").get("runs", []):
        asker.ask(Ask("afterwards", "GET", f"/mlflow/runs/get?run_id={run['info']['run_id']}"))
        asker.ask(Ask("afterwards", "GET", f"/mlflow/artifacts/list?run_id={run['info']['run_id']}"))


def main() -> int:
    """Do it in a folder of its own, and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.tracks")
    parser.add_argument("--every", type=int, default=1, help="one request in so many")
    parser.add_argument("--seed", type=int, default=0, help="which of them")
    parser.add_argument("--ledger", default="", help="the URL of a PostgreSQL schema")
    parser.add_argument("--rooms", default="", help="such as runs,registered-models; all by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ropeway-tracks-") as name, ledger_at(options.ledger):
        folder = Path(name).resolve()
        os.environ["ROPEWAY_CONFIG"] = str(folder / "user")
        tempfile.tempdir = str(folder / "scratch")
        Path(tempfile.tempdir).mkdir()
        stage, trace = Stage(folder), Trace()
        try:
            account = attack(
                stage,
                trace,
                every=options.every,
                seed=options.seed,
                rooms=[each for each in options.rooms.split(",") if each],
                say=lambda line: print(line, file=sys.stderr, flush=True),
            )
        finally:
            stage.close()
    json.dump(account._asdict(), sys.stdout, indent=1)
    return 1 if account.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
