"""Every hostile name in every path, query, header and field of a prediction service, its opens traced.

    python -m tests.attacks.probe_service [EVERY]

says what was asked, how it was answered and what was wrong; one string in EVERY, all of them by default.
"""

import collections
import http.client
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.attacks.probe import one_line
from tests.attacks.strings import MARK, TRAVERSAL
from tests.attacks.trace import Trace, strangers
from tests.serving.conftest import Service

TELLS = re.compile(r"Traceback|File \"|\.py\b.{0,20}line \d|/site-packages/|secret\n")
JSON = {"content-type": "application/json"}
PATHS = ("/{}", "/predict/{}", "/feedback/{}", "/docs/{}", "/health/{}", "/openapi.json/{}", "/docs/../{}")
QUERIES = ("/health?{}", "/docs?file={}", "/openapi.json?url={}", "/?next={}")
HEADERS = (
    "host", "origin", "referer", "content-type", "content-encoding", "content-disposition", "authorization",
    "cookie", "accept", "range", "if-none-match", "transfer-encoding", "x-original-url", "x-forwarded-prefix",
    "x-rewrite-url", "x-sendfile", "ropeway-actor", "idempotency-key",
)  # fmt: skip
ENDINGS = ("", ".seg", ".json", ".parquet", ".segment")


class Ask(NamedTuple):
    """One request."""

    method: str
    target: str
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes | None = None


def asks(text: str, id_: str) -> Iterator[Ask]:
    """One string in every place; `id_` is that of a prediction that was answered."""
    for written in (quote(text, safe="/%.\\;?#:@$*~-"), quote(text, safe="")):
        yield from (Ask("GET", one_line(each.format(written))) for each in (*PATHS, *QUERIES))
        yield Ask("POST", one_line(f"/predict?model={written}"), JSON, b'{"text": "x"}')
    for name in HEADERS:
        for value in {quote(text), text if text.isascii() and text.isprintable() else ""} - {""}:
            yield Ask("GET", "/health", {name: value})
            yield Ask("POST", "/predict", JSON | {name: value}, b'{"text": "x"}')
    row = {"text": "x"}
    known: dict[str, Any] = {"id": id_, "value": "neutral", "by": "ana", "note": "why"}
    for body in (
        {"text": text},
        [{"text": text}],
        row | {text: "x"},
        row | {"model": text},
        row | {"id": text},
    ):
        yield Ask("POST", "/predict", JSON, json.dumps(body).encode())
    for name in known:
        yield Ask("POST", "/feedback", JSON, json.dumps(known | {name: text}).encode())
    _, replica, segment, ordinal = id_.split("-")
    led = (f"p-{text}-{segment}-{ordinal}", f"p-{replica}-{text}-{ordinal}", f"p-{replica}-{segment}-{text}")
    for named in (*led, f"p{text}", f"{id_}/{text}", text.rjust(len(id_), "0")):
        yield Ask("POST", "/feedback", JSON, json.dumps(known | {"id": named}).encode())
    yield Ask("POST", "/feedback", JSON, json.dumps(known | {text: "x"}).encode())


def put_decoys(folder: Path) -> None:
    """Files under the names that attacks lead to, wherever the service has a folder."""
    for place in (folder, *list(folder.parents)[:2], *(each for each in folder.rglob("*") if each.is_dir())):
        for ending in ENDINGS:
            (place / f"{MARK}{ending}").write_text("secret\n")


def send(port: int, ask: Ask) -> tuple[int, str]:
    """The answer's status and text; 0 where the connection was closed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    # Not by `request`, which refuses what a hostile client would send.
    connection._validate_path = lambda _url: None  # type: ignore[method-assign]
    try:
        connection.putrequest(
            ask.method, ask.target, skip_host="host" in ask.headers, skip_accept_encoding=True
        )
        for name, value in ask.headers.items():
            connection.putheader(name, value)
        if ask.body is not None and "transfer-encoding" not in ask.headers:
            connection.putheader("content-length", str(len(ask.body)))
        connection.endheaders(ask.body)
        reply = connection.getresponse()
        said = reply.read().decode("utf-8", "replace")
        return reply.status, f"{reply.headers}{said}"
    except (http.client.HTTPException, OSError):
        return 0, ""
    finally:
        connection.close()


def probe(folder: Path, trace: Trace, every: int) -> dict[str, Any]:
    """Ask all of it, and say what was wrong."""
    home = folder / "deep" / "down" / "service"
    home.mkdir(parents=True)
    service = Service(home)
    answered = service.predict({"text": "x"}).json()
    put_decoys(home)
    answers: collections.Counter[str] = collections.Counter()
    wrong = []
    trace.found.clear()
    trace.is_on = True
    for text in TRAVERSAL[::every]:
        for ask in asks(text, answered["id"]):
            status, said = send(service.port, ask)
            answers[f"{status // 100}xx"] += 1
            # What a model cannot be asked is 4xx; 503 is a log or a ledger that is not there.
            if status >= 500:
                wrong.append(f"{ask}: status {status}, {said[:200]}")
            if str(folder) in said or TELLS.search(said):
                wrong.append(f"{ask}: the answer tells of the inside: {said[:300]}")
    trace.is_on = False
    service.stop()
    allowed = [home / "home", home / "alias", Path(tempfile.gettempdir())]
    strange = strangers(trace.found, allowed=allowed, speaks_to=str(service.port))
    return {
        "requests": sum(answers.values()),
        "answers": answers,
        "opens": len(trace.found),
        "wrong": [*wrong, *strange],
    }


def main(words: list[str]) -> int:
    """Do it in a folder of its own, and say how it went."""
    with tempfile.TemporaryDirectory(prefix="ropeway-probe-") as name:
        folder = Path(name).resolve()
        os.environ["ROPEWAY_CONFIG"] = str(folder / "user")
        tempfile.tempdir = str(folder / "scratch")
        Path(tempfile.tempdir).mkdir()
        account = probe(folder, Trace(), int(words[0]) if words else 1)
    json.dump(account, sys.stdout, indent=1)
    return bool(account["wrong"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
