"""The rooms' own tests with their ledgers in PostgreSQL: `pytest --ledger postgresql tests/models`.

Every project that is made by `make_workspace`, or by a fixture that uses it, gets a schema of its own. Tests
that are about SQLite's files say so by the marker `sqlite`, and are left out then.
"""

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
from tests.postgres import shared_server

from ropeway import testing
from ropeway.core.clock import SystemClock
from ropeway.ledger import Ledger
from ropeway.ledger.database import Place, place_from
from ropeway.ledger.move import copy
from ropeway.workspace import local
from ropeway.workspace.place import with_ledger

VARIABLE = "ROPEWAY_TEST_LEDGER"
NAMES = ("postgresql", "postgres")

_make = testing.make_workspace
_place = local.ledger_place
_schemas: dict[Path, str] = {}


def is_asked_for() -> bool:
    """Whether this run has its ledgers in PostgreSQL."""
    return os.environ.get(VARIABLE) in NAMES


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out what is about SQLite's files."""
    out = [item for item in items if item.get_closest_marker("sqlite")]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]


def make_workspace(folder: Path, *, toml: str = testing.MINIMAL_PROJECT, **more: Any) -> Any:
    """As `ropeway.testing.make_workspace`, in a schema of its own where the project names no place itself."""
    if is_asked_for() and "ledger =" not in toml:
        # A folder that is opened again has the history that it had.
        schema = _schemas.setdefault(folder.resolve(), shared_server().schema())
        toml = with_ledger(toml, schema)
    return _make(folder, toml=toml, **more)


def ledger_place(home: Path) -> Place:
    """As ever; but a project keeps its schema when its file is written anew, and a copy gets a copied one."""
    place, root = _place(home), home.parent.resolve()
    if not is_asked_for():
        return place
    owned = {place_from(url, home, "trial"): of for of, url in _schemas.items()}
    if root not in _schemas and place in owned:
        _schemas[root] = shared_server().schema()
        with contextlib.closing(Ledger(place, SystemClock())) as made, made.reading() as connection:
            copy(connection, place_from(_schemas[root], home, "trial"), SystemClock())
    is_ours = root in _schemas and (isinstance(place, Path) or place in owned)
    return place_from(_schemas[root], home, "trial") if is_ours else place


def install() -> None:
    """Before any test imports them by name."""
    testing.make_workspace = make_workspace
    local.ledger_place = ledger_place


def expect_open_ends(config: pytest.Config) -> None:
    """A workspace that a test leaves open is closed with the test's own memory; psycopg would warn of it."""
    config.addinivalue_line("filterwarnings", "ignore:.*psycopg.Connection:ResourceWarning")
    config.addinivalue_line(
        "filterwarnings", "ignore:.*BaseConnection.__del__:pytest.PytestUnraisableExceptionWarning"
    )
