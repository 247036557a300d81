"""Search finds what a plain reading of the filter finds, in the order asked for, and never runs it as SQL."""

import contextlib
import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from ropeway.core.clock import to_text
from ropeway.core.ids import RunId
from ropeway.testing import FixedClock, make_workspace
from ropeway.tracking import frame, gathered, plan
from ropeway.tracking.conditions import Values
from ropeway.tracking.environment import record_environment
from ropeway.tracking.errors import FilterTooLarge, LimitInvalid
from ropeway.tracking.events import CodeRecord, Harvest
from ropeway.tracking.expression import And, Comparison, Expression, Field, In, Like, Missing, Not, Or
from ropeway.tracking.filter import parse_filter
from ropeway.tracking.frame import run_columns
from ropeway.tracking.live import append_points, metric_now
from ropeway.tracking.operations import finish, start
from ropeway.tracking.projections import run as run_table
from ropeway.tracking.records import RunSummary
from ropeway.tracking.resources import describe_host
from ropeway.tracking.search import SORT_LIMIT, search_runs
from ropeway.tracking.series import NO_STEP, columns
from ropeway.tracking.settings import number_of, text_of
from ropeway.tracking.start import start_run
from ropeway.tracking.tips import summarise
from ropeway.workspace import LocalWorkspace

NUMBERS = [-1.0, 0.0, 0.5, 1.0, 2.0, 10.0, math.inf]
TEXTS = [
    "",
    "1",
    "1.0",
    "0.50",
    "10",
    "base",
    "BASE line",
    "it's",
    'say "x"',
    "100%",
    "a_b",
    "Ünï",
    "true",
    "' OR 1=1 --",
]
KEYS = ["a", "b.c", "odd key", "it's", "`tick`", 'quo"te']


def record(workspace: LocalWorkspace, number: int, clock: FixedClock) -> None:
    """One run with values drawn from few, so that comparisons meet."""
    rng = random.Random(number)
    some = [key for key in KEYS if rng.random() < 0.6]
    values = [*NUMBERS[:-1], *TEXTS, True, False, 3]
    run = RunId(f"run_{number:012d}")
    start(
        workspace,
        run=run,
        kind=rng.choice(["script", "pipeline"]),
        name=rng.choice([None, *TEXTS[5:]]),
        params={key: rng.choice(values) for key in some},
        tags={key: rng.choice(TEXTS) for key in KEYS if rng.random() < 0.5},
        code=CodeRecord(tree=workspace.store.put_tree({})),
        environment=record_environment(workspace.store),
        host=describe_host(),
    )
    clock.advance(seconds=rng.choice([0, 1, 60]))
    if rng.random() < 0.8:
        keys = [key for key in KEYS if rng.random() < 0.6]
        values = [rng.choice([*NUMBERS, math.nan]) for _ in keys]
        points = columns(keys, values, [0] * len(keys), [NO_STEP] * len(keys))
        finish(
            workspace,
            run=run,
            status=rng.choice(["finished", "failed"]),
            harvest=Harvest(metrics=summarise(points)),
            wall_s=rng.choice(NUMBERS[:-1]),
            cpu_s=0.0,
            peak_memory_bytes=1,
        )
    # Some live, some are logged to after their end: what is not at rest counts as what is.
    keys = [key for key in KEYS[:3] if rng.random() < 0.3]
    values = [rng.choice([*NUMBERS, math.nan]) for _ in keys]
    with workspace.ledger.transaction() as transaction:
        points = columns(keys, values, [number + 1] * len(keys), [number] * len(keys))
        append_points(transaction, run, points)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    """A workspace with forty runs of every kind."""
    clock = FixedClock()
    folder: Path = tmp_path_factory.mktemp("search") / "project"
    with make_workspace(folder, clock=clock) as workspace:
        for number in range(40):
            record(workspace, number, clock)
        yield workspace


def holds(run: RunSummary, expression: Expression) -> bool:
    """The filter's meaning, read naively."""
    match expression:
        case And(parts):
            return all(holds(run, part) for part in parts)
        case Or(parts):
            return any(holds(run, part) for part in parts)
        case Not(part):
            return not holds(run, part)
        case In(field, values):
            return any(holds(run, Comparison(field, "=", value)) for value in values)
        case Missing(field):
            return value_of(run, field) is None
        case Like(field, pattern, is_any_case):
            value = value_of(run, field)
            change = ascii_lower if is_any_case else str
            return value is not None and like(change(text_of(value)), change(pattern))
        case Comparison(field, sign, wanted):
            return compare(value_of(run, field), sign, wanted, is_text=field.key == "started_at")


def value_of(run: RunSummary, field: Field):
    if field.family != "attribute":
        return getattr(run, field.family).get(field.key)
    match field.key:
        case "duration":
            return run.duration_s
        case "started_at":
            return to_text(run.started_at)
        case key:
            return getattr(run, key)


def compare(value, sign: str, wanted, *, is_text: bool) -> bool:
    if value is None:
        return False
    if isinstance(value, float) and math.isnan(value):
        return sign == "!="
    if isinstance(wanted, bool):
        value, wanted = text_of(value), text_of(wanted)
    elif isinstance(wanted, str):
        value = value if is_text else text_of(value)
    else:
        value = number_of(value)
        if value is None:
            return sign == "!="
    return {
        "=": value == wanted, "!=": value != wanted, "<": value < wanted,
        "<=": value <= wanted, ">": value > wanted, ">=": value >= wanted,
    }[sign]  # fmt: skip


def like(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(like(text[index:], pattern[1:]) for index in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and like(text[1:], pattern[1:])


def ascii_lower(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def written(expression: Expression) -> str:
    """The filter as a person would write it."""
    match expression:
        case And(parts) | Or(parts):
            word = " AND " if isinstance(expression, And) else " or "
            return "(" + word.join(written(part) for part in parts) + ")"
        case Not(part):
            return f"NOT {written(part)}"
        case In(field, values):
            return f"{name(field)} in ({', '.join(literal(value) for value in values)})"
        case Missing(field):
            return f"{name(field)} is null"
        case Like(field, pattern, is_any_case):
            return f"{name(field)} {'ilike' if is_any_case else 'LIKE'} {literal(pattern)}"
        case Comparison(field, sign, value):
            return f"{name(field)} {sign} {literal(value)}"


def name(field: Field) -> str:
    if field.family == "attribute":
        return field.key
    return f"{field.family}.`" + field.key.replace("`", "``") + "`"


def literal(value) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value)


KEYED = st.sampled_from(KEYS)
SIGNS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
NUMBER = st.sampled_from(NUMBERS[:-1])
TEXT = st.sampled_from(TEXTS)
PATTERN = st.text(alphabet="abeslin1 %_B'*[?", max_size=6)
FREE = st.builds(Field, st.sampled_from(["params", "tags"]), KEYED)
WORDS = st.builds(Field, st.just("attribute"), st.sampled_from(["name", "kind", "id", "person"]))
NUMERIC = st.one_of(st.builds(Field, st.just("metrics"), KEYED), st.just(Field("attribute", "duration")))
LEAF = st.one_of(
    st.builds(Comparison, NUMERIC, SIGNS, NUMBER),
    st.builds(Comparison, FREE, SIGNS, st.one_of(NUMBER, TEXT)),
    st.builds(Comparison, FREE, st.sampled_from(["=", "!="]), st.booleans()),
    st.builds(Comparison, WORDS, SIGNS, TEXT),
    st.builds(Like, st.one_of(FREE, WORDS), PATTERN, st.booleans()),
    st.builds(Missing, st.one_of(FREE, WORDS, NUMERIC)),
    st.builds(In, FREE, st.lists(st.one_of(NUMBER, TEXT), min_size=1, max_size=3).map(tuple)),
    st.builds(In, NUMERIC, st.lists(NUMBER, min_size=1, max_size=3).map(tuple)),
)


def grown(parts: st.SearchStrategy) -> st.SearchStrategy:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(And, several), st.builds(Or, several), st.builds(Not, parts))


EXPRESSION = st.recursive(LEAF, grown, max_leaves=6)


FIELDS = st.lists(NUMERIC, min_size=1, max_size=2, unique=True)
# So many runs are looked at one by one: with these, forty runs go every way of the plan.
WAYS = st.sampled_from([0, 5, 1_000])


@contextlib.contextmanager
def planned(few: int) -> Iterator[None]:
    """Searches with another border between few and many."""
    plan.FEW, plan.TIED, plan.SHORT = few, max(few, 1), min(few, 5)
    # With one of them, sets are too large to be asked as bytes.
    bound, gathered.BOUND_BYTES = gathered.BOUND_BYTES, 0 if few == 5 else gathered.BOUND_BYTES
    try:
        yield
    finally:
        plan.FEW, plan.TIED, plan.SHORT = 1_000, 5_000, 5_000
        gathered.BOUND_BYTES = bound


@settings(max_examples=200, deadline=None)
@given(EXPRESSION, WAYS)
def test_a_filter_finds_what_a_plain_reading_finds(filled: LocalWorkspace, expression: Expression, few: int):
    where = written(expression)
    assert parse_filter(where) == expression
    everything = search_runs(filled, limit=1_000)
    with planned(few):
        found = search_runs(filled, where=where, limit=1_000)
    assert [run.id for run in found] == [run.id for run in everything if holds(run, expression)]


@settings(max_examples=150, deadline=None)
@given(
    LEAF, st.lists(NUMERIC, min_size=1, max_size=2, unique=True), st.integers(1, 30), st.integers(0, 9), WAYS
)
def test_the_best_by_several_metrics_are_found_in_order(filled, leaf, fields, limit, offset, few):
    keys = [(field, index % 2 == 0) for index, field in enumerate(fields)]
    with planned(few):
        sort = [("-" if highest else "") + name(field) for field, highest in keys]
        found = search_runs(filled, where=written(leaf), sort=sort, limit=limit, offset=offset)
    expected = [run for run in search_runs(filled, limit=1_000) if holds(run, leaf)]
    for field, highest in reversed(keys):
        expected.sort(
            key=lambda run, field=field, highest=highest: rank(value_of(run, field), highest=highest)
        )
    assert [run.id for run in found] == [run.id for run in expected[offset : offset + limit]]


def rank(value: float | None, *, highest: bool) -> tuple[int, float]:
    """Numbers first, then NaN, then nothing."""
    if value is None:
        return 2, 0.0
    return (1, 0.0) if math.isnan(value) else (0, -value if highest else value)


@settings(max_examples=100, deadline=None)
@given(st.one_of(NUMERIC, FREE, WORDS, st.just(Field("attribute", "started_at"))), st.booleans())
def test_sorting_puts_the_missing_last(filled: LocalWorkspace, field: Field, descending: bool):
    found = search_runs(filled, sort=[("-" if descending else "") + name(field)], limit=1_000)
    assert len(found) == 40
    values = [value_of(run, field) for run in found]
    there = [value for value in values if value is not None and value == value]
    is_missing = [value is None or value != value for value in values]
    assert is_missing == sorted(is_missing)
    numbers = [number for value in there if (number := number_of(value)) is not None]
    if field in (Field("attribute", "name"), Field("attribute", "id")):
        assert there == sorted(there, reverse=descending)
    elif field.family != "attribute" or field.key == "duration":
        assert numbers == sorted(numbers, reverse=descending)


def test_numbers_compare_as_numbers_however_they_were_given(workspace: LocalWorkspace):
    given = {"text": "1", "places": "1.00", "float": 1.0, "whole": 1, "ten": "10", "word": "one", "yes": True}
    for key, value in given.items():
        with start_run(workspace, name=key, params={"c": value}):
            pass
    assert {run.name for run in search_runs(workspace, where="params.c = 1")} == {
        "text", "places", "float", "whole",
    }  # fmt: skip
    assert {run.name for run in search_runs(workspace, where="params.c > 9")} == {"ten"}
    assert {run.name for run in search_runs(workspace, where="params.c != 1")} == {"ten", "word", "yes"}


def test_text_in_a_filter_is_never_run(filled: LocalWorkspace):
    attacks = [
        "name = 'x'' OR 1=1 --'",
        "tags.`a'); DROP TABLE run; --` = '1'",
        'params."x"" OR ""1""=""1" = 1',
        "name in ('a', 'b''); DELETE FROM event; --')",
    ]
    for attack in attacks:
        assert search_runs(filled, where=attack) == []
    assert len(search_runs(filled, limit=1_000)) == 40


def test_equal_runs_come_newest_first_and_pages_meet(filled: LocalWorkspace):
    everything = [run.id for run in search_runs(filled, limit=1_000)]
    assert everything == sorted(everything, reverse=True)
    pages = [run.id for offset in range(0, 40, 7) for run in search_runs(filled, limit=7, offset=offset)]
    assert pages == everything


def test_what_is_not_at_rest_is_told_as_what_is(filled: LocalWorkspace):
    with filled.ledger.reading() as connection:
        rows = connection.execute(select(metric_now.c.run, metric_now.c.key, metric_now.c.last)).all()
    now = {(run, key): math.nan if last is None else last for run, key, last in rows}
    found = sorted(search_runs(filled, limit=1_000), key=lambda run: run.id)
    expected = [str(each) for each in sorted(now.items())]
    assert [str(((run.id, key), value)) for run in found for key, value in run.metrics.items()] == expected
    told = run_columns(filled, sort=["id"]).columns
    assert [str(((run, key), float(cell))) for run, key, cell in cells(told)] == expected


@pytest.mark.parametrize("exact_json", [frame.EXACT_JSON, (99,)])
def test_whole_columns_say_what_the_rows_of_some_runs_say(
    filled: LocalWorkspace, monkeypatch: pytest.MonkeyPatch, exact_json: tuple[int, ...]
):
    asked = {"where": "not metrics.a = 2", "sort": ["-metrics.a"]}
    rows = run_columns(filled, **asked).columns
    monkeypatch.setattr(frame, "FEW", 0)
    monkeypatch.setattr(frame, "EXACT_JSON", exact_json)
    assert str(run_columns(filled, **asked).columns) == str(rows)
    assert {"inf", "nan"} <= {str(cell) for key in KEYS for cell in rows[f"metrics.{key}"]}


def cells(frame: dict[str, list[Any]]) -> list[tuple[str, str, Any]]:
    return sorted(
        (run, column.removeprefix("metrics."), cell)
        for column, values in frame.items()
        if column.startswith("metrics.")
        for run, cell in zip(frame["id"], values, strict=True)
        if cell is not None
    )


def test_limits_are_checked(filled: LocalWorkspace):
    for limit, offset in ((0, 0), (10**6, 0), (1, -1)):
        with pytest.raises(LimitInvalid, match="out of range"):
            search_runs(filled, limit=limit, offset=offset)


@pytest.mark.parametrize("few", [0, frame.FEW])
def test_frames_and_searches_have_every_digit(
    workspace: LocalWorkspace, monkeypatch: pytest.MonkeyPatch, few: int
):
    monkeypatch.setattr(frame, "FEW", few)
    rng = random.Random(5)
    given = {f"m{number}": rng.uniform(-1, 1) * 10.0 ** rng.randint(-300, 300) for number in range(200)}
    given |= {"least": 5e-324, "largest": 1.7976931348623157e308, "third": 1 / 3}
    for number in range(2):
        with start_run(workspace, params={"c": 0.1 + 0.2, "d": number}) as run:
            run.log(0, **given)
    assert search_runs(workspace)[0].metrics == given
    found = run_columns(workspace).columns
    assert {key: found[f"metrics.{key}"] for key in given} == {
        key: [value] * 2 for key, value in given.items()
    }
    assert (found["params.c"], found["params.d"]) == ([0.1 + 0.2] * 2, [1.0, 0.0])


def test_a_run_that_logs_on_stands_where_its_last_value_says(workspace: LocalWorkspace):
    runs = []
    for number in range(3):
        with start_run(workspace, name=str(number)) as run:
            run.log(0, loss=float(number), other=1.0)
        runs.append(run.id)
    with workspace.ledger.transaction() as transaction:
        append_points(transaction, runs[0], columns(["loss"], [1.5], [10**9], [9]))
    asked = {"where": "metrics.loss > 0.5 and metrics.other = 1", "sort": ["metrics.loss"]}
    assert [run.name for run in search_runs(workspace, **asked)] == ["1", "0", "2"]
    assert [run.name for run in search_runs(workspace, **asked, limit=1, offset=1)] == ["0"]
    assert search_runs(workspace, where="metrics.loss = 0") == []


def test_a_tag_called_as_an_attribute_is_a_tag(workspace: LocalWorkspace):
    for team in ("a", "b"):
        with start_run(workspace, name=team, tags={"lifecycle": team, "experiment_id": team}):
            pass
    for key in ("lifecycle", "experiment_id"):
        assert [run.name for run in search_runs(workspace, where=f"tags.{key} in ('a', 'c')")] == ["a"]


@pytest.mark.sqlite("PostgreSQL makes sets itself")
def test_a_statement_holds_no_set(filled: LocalWorkspace):
    """The engine keeps statements for the next like them, and with them what they hold."""
    with filled.ledger.reading() as connection:
        sets = gathered.Sets(connection, Values())
        condition = sets.of_set(Comparison(Field("params", "a"), "!=", 7.0), run_table.c.seq)
        [(name, made)] = sets.told.items()
        assert condition.compile().params[name] is None
        passing = connection.execute(select(run_table.c.seq).where(condition), sets.told).scalars().all()
    assert passing
    assert [seq for seq, byte in enumerate(made) if byte] == sorted(passing)


@pytest.mark.parametrize("find", [search_runs, run_columns])
def test_runs_are_sorted_by_as_many_fields_as_are_let_in(workspace: LocalWorkspace, find: Any):
    with start_run(workspace) as run:
        pass
    names = [f"m{number}" for number in range(SORT_LIMIT)]
    with workspace.ledger.transaction() as transaction:
        append_points(
            transaction, run.id, columns(names, [0.5] * len(names), [1] * len(names), [1] * len(names))
        )
    sort = [f"metrics.{each}" for each in names]
    assert find(workspace, sort=sort)
    with pytest.raises(FilterTooLarge, match="fields to sort by"):
        find(workspace, sort=[*sort, "name"])
