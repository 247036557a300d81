"""Where the ledger is: by the settings, by the environment, and when neither can be read."""

from pathlib import Path

import pytest

from ropeway.ledger.database import PostgresPlace
from ropeway.ledger.errors import LedgerPlaceInvalid
from ropeway.workspace.errors import ProjectInvalid
from ropeway.workspace.place import ledger_place
from ropeway.workspace.project_file import load_project

URL = "postgresql://host/db"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".ropeway").mkdir()
    return tmp_path / ".ropeway"


def write(home: Path, ledger: str) -> None:
    (home.parent / "ropeway.toml").write_text(f'[project]\nname = "A.b"\n[workspace]\nledger = "{ledger}"\n')


def test_without_a_setting_it_is_the_file(home: Path) -> None:
    assert ledger_place(home) == home / "ledger.db"
    write(home, "sqlite")
    assert ledger_place(home) == home / "ledger.db"


def test_the_schema_is_the_projects_where_the_setting_names_none(home: Path) -> None:
    write(home, URL)
    place = ledger_place(home)
    assert isinstance(place, PostgresPlace)
    assert place.name == f"{URL}?schema=ropeway_a_b"


def test_the_environment_goes_before_the_setting(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, URL)
    monkeypatch.setenv("ROPEWAY_LEDGER", "postgresql://ana:secret@other/db?schema=x")
    assert ledger_place(home).name == "postgresql://ana@other/db?schema=x"
    monkeypatch.setenv("ROPEWAY_LEDGER", "sqlite")
    assert ledger_place(home) == home / "ledger.db"


def test_a_mistake_elsewhere_in_the_settings_does_not_hide_the_history(home: Path) -> None:
    (home.parent / "ropeway.toml").write_text(f'[gatte]\n[workspace]\nledger = "{URL}?schema=x"\n')
    assert ledger_place(home).name == f"{URL}?schema=x"


def test_settings_that_are_no_toml_begin_no_new_history(home: Path) -> None:
    (home.parent / "ropeway.toml").write_text("[workspace\n")
    with pytest.raises(ProjectInvalid, match="not TOML"):
        ledger_place(home)
    (home / "ledger.db").touch()
    assert ledger_place(home) == home / "ledger.db"


def test_a_setting_that_names_nothing_is_refused(home: Path) -> None:
    write(home, "oracle://host/db")
    with pytest.raises(LedgerPlaceInvalid, match="oracle"):
        ledger_place(home)


def test_a_password_in_the_project_file_is_refused(home: Path) -> None:
    write(home, "postgresql://ana:secret@host/db")
    with pytest.raises(ProjectInvalid, match="holds a password") as refused:
        load_project(home.parent)
    assert "secret" not in str(refused.value)
