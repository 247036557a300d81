"""The bikes example: its data is what its README says, and its contract holds for the whole year."""

import polars as pl
import pytest

from ropeway import examples
from ropeway.cli.project import ProjectExists, start_example
from ropeway.continuous.policy import check_policy
from ropeway.data.contract import violations
from ropeway.data.contract_file import read_contract
from ropeway.examples import ExampleMissing
from ropeway.workspace import open_workspace

SHIFTS = {"night": range(6), "morning": range(6, 12), "afternoon": range(12, 18), "evening": range(18, 24)}


@pytest.fixture
def winter():
    return pl.read_parquet(examples.path("bikes/data/bikes.parquet"))


@pytest.fixture
def year(winter):
    return pl.concat([winter, pl.read_parquet(examples.path("bikes/data/later.parquet"))])


def test_the_hours_are_all_there_in_order(winter, year):
    assert (winter.height, year.height) == (1337, 8645)
    assert winter["hour"].max() < "2011-03" <= year["hour"][winter.height]
    assert year["hour"].is_sorted()
    assert year["hour"].n_unique() == year.height
    assert year.null_count().sum_horizontal().item() == 0


def test_calendar_and_shift_say_what_the_hour_says(year):
    at = year["hour"].str.to_datetime("%Y-%m-%dT%H:%M")
    assert (at.dt.hour() == year["hr"]).all()
    # 0 is Sunday, where ISO's 7 is.
    assert (at.dt.weekday() % 7 == year["weekday"]).all()
    for name, hours in SHIFTS.items():
        own = year.filter(pl.col("shift").str.ends_with(f" {name}"))
        assert set(own["hr"]) == set(hours)
        assert (own["shift"].str.slice(0, 10) == own["hour"].str.slice(0, 10)).all()


def test_nothing_that_is_part_of_the_answer_is_a_column(year):
    assert not {"casual", "registered", "instant"} & set(year.columns)
    assert year["bikers"].sum() == 1_243_103
    assert (year["bikers"].min(), year["bikers"].max()) == (1, 651)


def test_the_contract_holds_for_the_whole_year(year):
    contract, _ = read_contract(examples.path("bikes"), "bikes")
    assert set(contract.columns) == set(year.columns)
    assert violations(year, contract) == []


def test_the_settings_are_sound_and_the_charter_is_complete(tmp_path):
    from ropeway.workspace.tables.charter import CANVAS

    start_example(tmp_path, "bikes")
    with open_workspace(tmp_path, actor="Ana") as workspace:
        charter = workspace.project.charter
        assert all(getattr(charter, box).strip() for box in CANVAS)
        assert (charter.metric, charter.bar) == ("mae", 30.0)
        assert [each for each in check_policy(workspace) if not each.is_warning] == []


def test_a_copy_names_sources_and_licences(tmp_path):
    start_example(tmp_path, "bikes")
    readme = (tmp_path / "README.md").read_text()
    assert all(word in readme for word in ("Fanaee-T", "Gama", "CC BY 4.0", "ISLP", "What was changed"))
    licence = (tmp_path / "LICENSE-DATA.txt").read_text()
    assert all(word in licence for word in ("CC BY 4.0", "Redistribution and use", "Hastie"))


def test_init_lays_an_example_out_with_a_gitignore(tmp_path):
    (tmp_path / ".gitignore").write_text("mine\n")
    started = start_example(tmp_path, "bikes")
    assert started.name == "bikes"
    assert {".gitignore", "ropeway.toml", "traffic.py", "data/later.parquet"} <= set(started.files)
    assert all((tmp_path / file).is_file() for file in started.files)
    assert (tmp_path / ".gitignore").read_text().splitlines()[0] == "mine"
    assert ".ropeway/" in (tmp_path / ".gitignore").read_text()


def test_init_overwrites_nothing_with_an_example(tmp_path):
    (tmp_path / "pipeline.py").write_text("mine\n")
    with pytest.raises(ProjectExists, match=r"pipeline\.py"):
        start_example(tmp_path, "bikes")
    assert [file.name for file in tmp_path.iterdir()] == ["pipeline.py"]


def test_an_example_that_there_is_not_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(ExampleMissing, match="Did you mean 'bikes'"):
        start_example(tmp_path, "bike")
    with pytest.raises(ExampleMissing, match="no example"):
        start_example(tmp_path, "bikes/data")
    assert examples.names() == ["bikes", "tweets"]
