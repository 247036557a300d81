"""Quality of requests: what came, of which type, of which category, and whether it is what training knew."""

import polars as pl
import pytest
from production import Production

from ropeway.data.contract import ColumnRule, Contract
from ropeway.monitoring.errors import NoKeyCarried
from ropeway.monitoring.operations import find_skew, get_window
from ropeway.monitoring.quality import faults_of_profile, faults_of_rows, gathered
from ropeway.monitoring.requests import Requests, read_requests
from ropeway.stats.profile import profile

KINDS = {"town": "category", "size": "number"}
TRAINED = pl.DataFrame({"town": ["Oslo", "Bergen"] * 50, "size": [float(n) for n in range(100)]})


def faults(served: pl.DataFrame, contract: Contract | None = None) -> dict[tuple[str, str], int]:
    reference = profile(TRAINED, KINDS)  # type: ignore[arg-type]
    seen = reference.like()
    seen.update(served)
    found = gathered([*faults_of_rows(Requests(served), contract), *faults_of_profile(seen, reference)])
    return {(each.column, each.problem): each.rows for each in found}


def test_sound_requests_have_no_fault() -> None:
    assert faults(TRAINED) == {}


def test_categories_that_training_never_saw_are_counted() -> None:
    served = pl.DataFrame({"town": ["Oslo", "Paris", "Rome", "Rome"], "size": [1.0, 2.0, 3.0, 4.0]})
    assert faults(served) == {("town", "unseen"): 3}


def test_nulls_are_a_fault_where_training_had_none() -> None:
    served = pl.DataFrame(
        {"town": ["Oslo", None], "size": [None, None]}, schema_overrides={"size": pl.Float64}
    )
    assert faults(served) == {("size", "null"): 2, ("town", "null"): 1}


def test_the_contract_holds_for_requests_but_not_its_keys() -> None:
    contract = Contract(
        columns={"size": ColumnRule(type="number", min=0, max=99), "id": ColumnRule(type="integer")},
        unique=["id"],
        min_rows=1000,
    )
    served = TRAINED.with_columns(size=pl.col("size") + 50)
    assert faults(served, contract) == {("size", "contract"): 50}


def test_json_comes_back_in_the_signatures_types() -> None:
    signature = {
        "n": "Int64",
        "t": "String",
        "b": "Boolean",
        "d": "Date",
        "at": "Datetime",
        "l": "List(Int64)",
    }
    read = read_requests(
        [
            '{"n": 1.0, "t": "a", "b": true, "d": "2026-01-02", "at": "2026-01-02T03:04:05.5Z", "l": [1]}',
            '{"n": 1.5, "t": 3, "b": 1, "d": "soon", "at": 5, "l": "x"}',
            "no json",
            '[{"n": 1}]',
        ],
        signature,
    )
    assert read.frame.row(0)[:2] == (1, "a")
    assert read.frame.null_count().row(0) == (3,) * 6
    assert read.mistyped == dict.fromkeys(signature, 1)
    assert read.missing == dict.fromkeys(signature, 2)


def test_requests_that_carry_the_key_are_held_against_the_training_rows(production: Production) -> None:
    same = production.answer(
        0, range(100), inputs=lambda number, _x: {"x": number / 4}, carried=lambda number, _x: {"id": number}
    )
    assert len(same) == 100
    assert production.look(1).windows[0].quality == {}
    production.answer(
        1,
        range(100),
        inputs=lambda number, _x: {"x": number / 4 + (0.5 if number < 30 else 0)},
        carried=lambda number, _x: {"id": number} if number % 2 else {"id": "unknown"},
    )
    [line] = production.look(2).windows
    assert line.quality == {"skewed": 15}
    detail = get_window(
        production.workspace, model="halves@1", environment="production", start=production.day(1)
    )
    assert "row '1' was 0.25 and came as 0.75" in detail.findings[0].says
    skew = find_skew(production.workspace, model="halves@1", since=production.day(1))
    assert (skew.compared, skew.key, skew.columns[0].rows) == (50, "id", 15)


def test_skew_needs_a_key(production: Production) -> None:
    production.answer(0, production.xs(60))
    with pytest.raises(NoKeyCarried, match="'id'"):
        find_skew(production.workspace, model="halves@1")
