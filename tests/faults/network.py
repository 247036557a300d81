"""Cutting the network between clients and a server at a random byte, and repeating what was not answered.

A client that hears nothing cannot know whether its command was done: it repeats it under the same
idempotency key until it is told. Whatever it was told must then be there exactly once, and never twice.
"""

import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
from sqlalchemy import select
from tests.faults.oracle import problems_of
from tests.faults.proxy import Wire, draw_cut
from tests.faults.wired import INTRODUCE

from ropeway.core.errors import RopewayError
from ropeway.core.ids import Digest
from ropeway.ledger import person
from ropeway.ledger.tables import event
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

HERE = Path(__file__).resolve().parents[2]
CLIENTS = 4
PATIENCE_S = 1.0
MOST_TRIES = 200
LARGEST = 60_000
COMMAND, OBJECT = "command", "object"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a client was told in the end, and how often it had to ask."""

    kind: str
    token: str
    answer: Any
    tries: int


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """The campaign."""

    cuts: dict[str, int]
    told: list[Told]
    problems: list[str]

    @property
    def struck(self) -> int:
        """How many connections were truly cut."""
        return sum(self.cuts.values())


def cut_network(
    folder: Path,
    *,
    cuts: int,
    seed: int,
    progress: Callable[[int], None] = lambda _struck: None,
    has_keys: bool = True,
) -> Network:
    """Let clients work until so many connections were cut; then hold the workspace to what they were told.

    Args:
        folder: for the project.
        cuts: how many.
        seed: decides every cut.
        progress: told how many struck so far, of one client's.
        has_keys: whether commands carry idempotency keys; without them, repeating must double some.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / "project"
    make_workspace(root).close()
    shares = [cuts // CLIENTS + (place < cuts % CLIENTS) for place in range(CLIENTS)]
    with wired(root) as url, ExitStack() as stack, ThreadPoolExecutor(CLIENTS) as pool:
        wires = [stack.enter_context(closing(Wire(url.host, url.port or 0))) for _ in shares]
        work = partial(_work, seed=seed, has_keys=has_keys, progress=progress)
        parts = list(pool.map(work, wires, range(CLIENTS), shares))
    struck = Counter(f"{cut.manner} in the {cut.direction}" for wire in wires for cut in wire.struck)
    told = [each for part in parts for each in part]
    return Network(cuts=dict(struck), told=told, problems=_held_to_account(root, told))


@contextmanager
def wired(root: Path) -> Iterator[httpx.URL]:
    """The server as a process of its own, for as long as the block runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.wired", str(root)], cwd=HERE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline().strip()
        assert said.startswith("http"), "the server did not begin"
        yield httpx.URL(said)
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=60)
        process.stdout.close()
        assert code == 0, f"the server ended with {code}"


def _work(
    wire: Wire, place: int, cuts: int, *, seed: int, has_keys: bool, progress: Callable[[int], None]
) -> list[Told]:
    chance, told = random.Random(f"{seed} {place}"), []
    while len(wire.struck) < cuts:
        kind = chance.choice((COMMAND, COMMAND, COMMAND, OBJECT))
        told.append(_until_told(wire, chance, kind, f"{place}-{len(told)}", has_keys=has_keys))
        progress(len(wire.struck))
    return told


def _until_told(wire: Wire, chance: random.Random, kind: str, token: str, *, has_keys: bool) -> Told:
    """Ask, over connections most of which are cut, until there is an answer."""
    body = random.Random(token).randbytes(chance.randrange(1, LARGEST)) if kind == OBJECT else b""
    for tries in range(1, MOST_TRIES):
        length = (len(body) if body else 60) + 300
        is_cut = chance.random() < 0.75
        wire.plan(draw_cut(chance, request_bytes=length, response_bytes=480) if is_cut else None)
        try:
            with httpx.Client(base_url=wire.url, timeout=PATIENCE_S) as client:
                response = _ask(client, kind, token, body, has_keys=has_keys)
                response.raise_for_status()
                return Told(kind=kind, token=token, answer=response.json(), tries=tries)
        except httpx.TransportError:
            continue
    raise AssertionError(f"{token} was never answered")


def _ask(client: httpx.Client, kind: str, token: str, body: bytes, *, has_keys: bool) -> httpx.Response:
    if kind == OBJECT:
        octets = {"content-type": "application/octet-stream"}
        return client.put("/api/v1/objects", content=body, headers=octets)
    headers = {"idempotency-key": token} if has_keys else {}
    return client.post(f"/api/v1/{INTRODUCE}", json={"name": token}, headers=headers)


def _held_to_account(root: Path, told: list[Told]) -> list[str]:
    with LocalWorkspace(root, actor="ana") as workspace:
        with workspace.ledger.reading() as connection:
            names = Counter(connection.execute(select(person.c.name)).scalars())
            ids = set(connection.execute(select(event.c.id)).scalars())
        problems = []
        for each in told:
            if each.kind == COMMAND:
                if names[each.token] != 1:
                    problems.append(f"{each.token} was done {names[each.token]} times")
                if each.answer not in ids:
                    problems.append(f"{each.token} was told {each.answer}, which is not on record")
            else:
                problems += _lost_object(workspace, each)
        return problems + problems_of(workspace)


def _lost_object(workspace: LocalWorkspace, told: Told) -> list[str]:
    try:
        size = len(workspace.store.read(Digest(told.answer["digest"])))
    except RopewayError as error:
        return [f"the object of {told.token}: {error}"]
    return [] if size == told.answer["size_bytes"] else [f"the object of {told.token} has {size} bytes"]
