"""Every released ledger format opens, replays and says what it said then, for ever."""

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.golden.make import TOML, told

from ropeway.keeping.audit.operations import verify_history
from ropeway.ledger.event import TYPES_BY_VERB
from ropeway.ledger.projections import projected_rows
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace, rooms
from ropeway.workspace.heads import HeadsFile

FORMATS = sorted(Path(__file__).parent.glob("format-*"))
rooms.load_operations()


@pytest.fixture(params=FORMATS, ids=lambda folder: folder.name)
def golden(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    return folder


@pytest.fixture
def opened(golden: Path, tmp_path: Path):
    (tmp_path / ".ropeway").mkdir()
    shutil.copyfile(golden / "ledger.db", tmp_path / ".ropeway" / "ledger.db")
    workspace = make_workspace(tmp_path, toml=TOML)
    yield workspace
    workspace.close()


def test_it_says_what_it_said_then(golden: Path, opened: LocalWorkspace) -> None:
    assert told(opened) == json.loads((golden / "expected.json").read_text(encoding="utf-8"))


def test_a_replay_says_it_too(golden: Path, opened: LocalWorkspace) -> None:
    with opened.ledger.reading() as connection:
        before = projected_rows(connection)
    opened.ledger.rebuild()
    with opened.ledger.reading() as connection:
        assert projected_rows(connection) == before
    assert told(opened) == json.loads((golden / "expected.json").read_text(encoding="utf-8"))


def test_every_released_event_is_in_some_golden_ledger() -> None:
    kept: set[str] = set()
    for folder in FORMATS:
        kept |= set(json.loads((folder / "expected.json").read_text(encoding="utf-8"))["verbs"])
    ours = {kind.verb for kind in TYPES_BY_VERB.values() if kind.cls.__module__.startswith("ropeway.")}
    assert ours - kept == set()


def test_an_audit_finds_it_as_written(golden: Path, opened: LocalWorkspace) -> None:
    lines, _ = HeadsFile(golden / "heads" / "checkpoints").read()
    report = verify_history(opened, heads=[line.note for line in lines])
    assert report.findings == []
    assert report.checkpoints == len(lines)
    assert report.uncovered == (0 if lines else report.events)


def test_a_golden_ledger_is_never_changed(golden: Path, opened: LocalWorkspace) -> None:
    with opened.ledger.reading() as connection:
        last = connection.execute(text("SELECT record FROM event ORDER BY seq DESC LIMIT 1")).scalar_one()
    assert (
        json.loads(last)["seq"]
        == json.loads((golden / "expected.json").read_text(encoding="utf-8"))["events"]
    )
