"""PostgreSQL stopped as a crash stops it, over and over, under writers: what was committed is there.

`immediate` gives nobody time to finish: connections die in the middle of whatever they were at. A writer that
was not answered cannot know; it waits until the server is back and asks again under the same key.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select
from tests.faults.oracle import problems_of
from tests.faults.wired import introduce
from tests.faults.writers import ledger_at

from ropeway.core.errors import Unavailable
from ropeway.ledger import person
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

WRITERS = 4
MOST_TRIES = 500
BETWEEN_S = (0.2, 1.0)
AGAIN_S = 0.05


class Stops(msgspec.Struct, frozen=True, kw_only=True):
    """The campaign."""

    stops: int
    told: int
    asked_again: int
    problems: list[str]


def why_not() -> str:
    """Why there is no PostgreSQL to stop; empty when there is one."""
    try:
        from tests.postgres import find_program
    except ImportError:
        return "this release has no ledger in PostgreSQL"
    return "" if find_program("postgres") else "PostgreSQL is not installed"


def stop_postgres(
    folder: Path, *, stops: int, seed: int, progress: Callable[[int], None] = lambda _done: None
) -> Stops:
    """Stop a server so often while writers are at it; then hold the ledger to what they were told."""
    from tests.postgres import PostgresServer

    server, root = PostgresServer(), folder / "project"
    try:
        with ledger_at(server.schema()):
            make_workspace(root).close()
            is_over = threading.Event()
            with ThreadPoolExecutor(WRITERS) as pool:
                parts = [pool.submit(partial(_write, root, number, is_over)) for number in range(WRITERS)]
                try:
                    _stop_over_and_over(server, stops, random.Random(seed), progress)
                finally:
                    is_over.set()
            told = [name for part in parts for name in part.result()[0]]
            return Stops(
                stops=stops,
                told=len(told),
                asked_again=sum(part.result()[1] for part in parts),
                problems=_held_to_account(root, told),
            )
    finally:
        server.destroy()


def _stop_over_and_over(
    server: Any, stops: int, chance: random.Random, progress: Callable[[int], None]
) -> None:
    for done in range(1, stops + 1):
        time.sleep(chance.uniform(*BETWEEN_S))
        server.stop()
        server.start()
        progress(done)


def _write(root: Path, number: int, is_over: threading.Event) -> tuple[list[str], int]:
    """Names that were acknowledged, and how often one had to be asked for again."""
    told, again = [], 0
    with LocalWorkspace(root, actor="ana") as workspace:
        while not is_over.is_set():
            name = f"{number}-{len(told)}"
            for tries in range(MOST_TRIES):
                try:
                    introduce.keyed(workspace, name, name=name)
                except Unavailable:
                    again += 1
                    time.sleep(AGAIN_S)
                    assert tries < MOST_TRIES - 1, f"{name} was never answered"
                else:
                    break
            told.append(name)
    return told, again


def _held_to_account(root: Path, told: list[str]) -> list[str]:
    with LocalWorkspace(root, actor="ana") as workspace:
        with workspace.ledger.reading() as connection:
            names = Counter(connection.execute(select(person.c.name)).scalars())
        problems = [f"{name} was done {names[name]} times" for name in told if names[name] != 1]
        return problems + problems_of(workspace)
