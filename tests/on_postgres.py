"""The rooms' own tests with their ledgers in PostgreSQL: `pytest --ledger postgresql tests/models`.

Every project that is made by `make_workspace`, or by a fixture that uses it, gets a schema of its own. Tests
that are about SQLite's files say so by the marker `sqlite`, and are left out then.
"""

import contextlib
import os
import shutil
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
from ropeway.workspace.project import PROJECT_FILE

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
    return _make(folder, toml=placed(folder, toml), **more)


def placed(folder: Path, toml: str) -> str:
    """A project file for a folder, with a schema of its own in it where this run is on PostgreSQL."""
    if not is_asked_for() or "ledger =" in toml:
        return toml
    # A folder that is opened again has the history that it had.
    return with_ledger(toml, _schemas.setdefault(folder.resolve(), shared_server().schema()))


def copy_project(source: Path, folder: Path, toml: str) -> None:
    """Copy a project's folder with its history, and give the copy a project file of its own."""
    shutil.copytree(source, folder)
    if is_asked_for():
        _copy_schema(place_from(_schemas[source.resolve()], folder, "trial"), folder.resolve())
    (folder / PROJECT_FILE).write_text(placed(folder, toml))


def ledger_place(home: Path) -> Place:
    """As ever; but a project keeps its schema when its file is written anew, and a copy gets a copied one.

    Its file says so then, for other processes open it too.
    """
    place, root = _place(home), home.parent.resolve()
    if not is_asked_for():
        return place
    owned = {place_from(url, home, "trial") for url in _schemas.values()}
    if root not in _schemas and place in owned:
        _copy_schema(place, root)
    if root not in _schemas or not (isinstance(place, Path) or place in owned):
        return place
    ours, file = place_from(_schemas[root], home, "trial"), root / PROJECT_FILE
    if place != ours and file.exists():
        file.write_text(with_ledger(file.read_text(), _schemas[root]))
    return ours


def _copy_schema(place: Place, root: Path) -> None:
    _schemas[root] = shared_server().schema()
    with contextlib.closing(Ledger(place, SystemClock())) as made, made.reading() as connection:
        copy(connection, place_from(_schemas[root], root, "trial"), SystemClock())


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
