"""The salt of entities: one for the workspace, for ever, for its owner only."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ropeway.predictions.record import all_predictions
from ropeway.serving.errors import EntitySaltDamaged, LogUnavailable
from ropeway.serving.log import PredictionLog
from ropeway.serving.secret import SALT, entity_salt


def logged_entity(home: Path, entity: str, **columns: str) -> str:
    with PredictionLog(home, columns=columns, entity="customer") as log:
        log.add("m@1", {"n": 1}, "yes", None, at=log.clock.now(), latency_us=1, entity=entity)
        return log.entity_as_logged(entity)


def test_it_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(entity_salt, [tmp_path] * 32))
    assert len(made) == 1
    assert stat.S_IMODE((tmp_path / SALT).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [SALT]


def test_an_entity_that_is_not_kept_is_the_same_one_in_every_process(tmp_path: Path) -> None:
    first, again = (logged_entity(tmp_path, "ana", customer="hashed") for _ in range(2))
    assert first == again
    assert first != logged_entity(tmp_path, "ben", customer="hashed")
    assert len(first) == 64
    assert b"ana" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*.seg"))


def test_an_entity_whose_column_is_dropped_leaves_no_trace(tmp_path: Path) -> None:
    for name in ("ana", "ana" * 100):
        assert logged_entity(tmp_path, name, customer="dropped") == ""
    assert [record.entity for _, record in all_predictions(tmp_path)] == ["", ""]
    assert not (tmp_path / SALT).exists()
    assert b"entity" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*.seg"))


def test_a_long_entity_is_logged_as_its_digest(tmp_path: Path) -> None:
    assert logged_entity(tmp_path, "ana") == "ana"
    assert len(logged_entity(tmp_path, "a" * 100_000)) == 64


def test_what_is_not_declared_needs_no_salt(tmp_path: Path) -> None:
    PredictionLog(tmp_path).close()
    assert not (tmp_path / SALT).exists()


@pytest.mark.parametrize("content", ["", "zz", "ab" * 31, "é"])
def test_a_damaged_salt_is_said_and_never_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / SALT).write_text(content)
    with pytest.raises(EntitySaltDamaged, match="holds no salt"):
        entity_salt(tmp_path)
    assert (tmp_path / SALT).read_text() == content


def test_a_workspace_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(LogUnavailable, match="cannot be written"):
        entity_salt(tmp_path / "gone")
    assert not (tmp_path / "gone").exists()
