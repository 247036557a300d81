"""The filter language reads what it should, and points at what it cannot read."""

import contextlib
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.tracking.errors import FilterInvalid, FilterTooLarge
from ropeway.tracking.expression import And, Comparison, Field, In, Like, Missing, Not, Or, pattern_of
from ropeway.tracking.filter import parse_filter, parse_sort

F1 = Field("metrics", "macro_f1")
C = Field("params", "c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.macro_f1 > 0.6", Comparison(F1, ">", 0.6)),
        ("METRICS.macro_f1>-.5e-1", Comparison(F1, ">", -0.05)),
        ("params.c == '1'", Comparison(C, "=", "1")),
        ("params.c <> 1", Comparison(C, "!=", 1.0)),
        ("params.classifier.c = 5", Comparison(Field("params", "classifier.c"), "=", 5.0)),
        ("metrics.val-loss<=1", Comparison(Field("metrics", "val-loss"), "<=", 1.0)),
        ("metrics.`top 5 ``x``` >= 1", Comparison(Field("metrics", "top 5 `x`"), ">=", 1.0)),
        ('metrics."say ""a""" = 1', Comparison(Field("metrics", 'say "a"'), "=", 1.0)),
        ("tags.ключ = 'да'", Comparison(Field("tags", "ключ"), "=", "да")),
        ("params.flag = TRUE", Comparison(Field("params", "flag"), "=", True)),
        ("name like 'base%'", Like(Field("attribute", "name"), "base%")),
        ("name NOT LIKE 'it''s'", Not(Like(Field("attribute", "name"), "it's"))),
        ("params.c in (1, '2')", In(C, (1.0, "2"))),
        ("params.c not in (1)", Not(In(C, (1.0,)))),
        ("started_at >= '2026-11-21'",
         Comparison(Field("attribute", "started_at"), ">=", "2026-11-21T00:00:00.000000Z")),
        ("started_at > now - 7d + 12h",
         Comparison(Field("attribute", "started_at"), ">", "2026-11-14T21:00:00.000000Z")),
        ("ended_at < 2026-11-21T09:30",
         Comparison(Field("attribute", "ended_at"), "<", "2026-11-21T09:30:00.000000Z")),
        ("metric.f1 IS NULL", Missing(Field("metrics", "f1"))),
        ("name ilike 'BASE%'", Like(Field("attribute", "name"), "BASE%", is_any_case=True)),
        ("run.status = 'KILLED'", Comparison(Field("attribute", "status"), "=", "interrupted")),
        ("status like 'FIN%'", In(Field("attribute", "status"), ("finished",))),
        ("dataset.name not in ('a')", In(Field("dataset", "name"), ("a",), is_negated=True)),
        ('attribute."Run name" = \'a\'', Comparison(Field("attribute", "name"), "=", "a")),
        ("start_time > 1700000000000", Comparison(Field("attribute", "start_time"), ">", 1.7e12)),
    ],
)  # fmt: skip
def test_a_comparison_is_read(text: str, expected: object):
    assert parse_filter(text, now=datetime(2026, 11, 21, 9, tzinfo=UTC)) == expected


def test_and_binds_tighter_than_or_and_not_tightest():
    a, b, c = (Comparison(Field("metrics", key), "=", 1.0) for key in "abc")
    assert parse_filter("metrics.a=1 or metrics.b=1 and not metrics.c=1") == Or((a, And((b, Not(c)))))
    assert parse_filter("(metrics.a=1 or metrics.b=1) and metrics.c=1") == And((Or((a, b)), c))


@pytest.mark.parametrize(
    ("text", "column", "message", "expected"),
    [
        ("", 1, "it is empty", "a comparison"),
        ("metrik.f1 > 1", 1, "Did you mean 'metrics'", "metrics.KEY"),
        ("started_at > now - 7", 20, "no stretch of time", "7d"),
        ("started_at > 2026-13-01", 14, "is no time", "now - 7d"),
        ("started_at > now - 999999w", 20, "before or after all time", "a time"),
        ("name is 'x'", 9, "comes after IS", "IS NULL"),
        ("dataset.nam = 'x'", 1, "Did you mean 'name'", "dataset.digest"),
        ("statos = 'x'", 1, "'statos' is no field. Did you mean 'status'", "metrics.KEY"),
        ("metrics.f1 > 'high'", 14, "is a number and ''high'' is not", "a number"),
        ("metrics.f1 >> 3", 13, "'>' is no value", "a number or text"),
        ("metrics.f1 > 0.6 metrics.a = 1", 18, "comes after the end", "AND, OR"),
        ("metrics.f1 > 0.6 and", 21, "the end is no field", "metrics.KEY"),
        ("(metrics.f1 > 0.6", 18, "parenthesis of column 1 is still open", "AND, OR or )"),
        ("metrics.f1", 11, "compared with nothing", "LIKE IN"),
        ("name = 3", 8, "'name' is text", "text in quotes"),
        ("name = base", 8, "'base' is no value", "such as 'base'"),
        ("metrics.f1 like 'x'", 17, "LIKE compares text", "one of ="),
        ("status = 'finishd'", 10, "Did you mean 'finished'", "'running'"),
        ("started_at > 'yesterday'", 14, "'yesterday' is no time", "2026-11-21"),
        ("params.flag < true", 15, "has no order", "= or !="),
        ("name = 'open", 8, "the quote is never closed", "closing quote"),
        ("metrics.f1 > 1 ; drop", 16, "';' has no meaning", "a field"),
        ("params.c in ()", 14, "')' is no value", "a number"),
        ("params.c in (1 2)", 16, "is inside the list", ", or )"),
        ("metrics.f1 > 1e999", 14, "too large", "below"),
        ("metrics.f1 > 3abc", 14, "'3' has no meaning", "a value"),
    ],
)
def test_an_error_points_at_the_column_and_says_what_was_expected(text, column, message, expected):
    with pytest.raises(FilterInvalid, match=re.escape(f"at column {column}:")) as caught:
        parse_filter(text)
    assert message in caught.value.what
    assert expected in caught.value.expected
    *_, line, caret = caught.value.what.splitlines()
    assert caret == " " * (column - 1) + "^"
    assert line == text


def test_an_error_in_a_long_filter_shows_its_surroundings():
    text = " and ".join(["metrics.loss > 1"] * 20) + " nonsense"
    with pytest.raises(FilterInvalid, match="comes after the end") as caught:
        parse_filter(text)
    _, line, caret = caught.value.what.splitlines()
    assert len(line) < 130
    assert line[caret.index("^") :] == "nonsense"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("(" * 40 + "metrics.a=1" + ")" * 40, "levels of parentheses"),
        ("not " * 5_000, "characters"),
        ("not " * 100 + "metrics.a=1", "levels"),
        (" and ".join(["name='a'"] * 300), "comparisons"),
        ("params.a in (" + ",".join(["1"] * 2_000) + ")", "values in one IN"),
    ],
)
def test_a_filter_over_a_limit_is_refused(text: str, what: str):
    with pytest.raises(FilterTooLarge, match=what):
        parse_filter(text)


def test_sort_keys_are_read():
    assert parse_sort("-metrics.macro_f1, name,params.c") == [
        (F1, True), (Field("attribute", "name"), False), (C, False),
    ]  # fmt: skip
    with pytest.raises(FilterInvalid, match="Did you mean 'duration'"):
        parse_sort("-durations")
    with pytest.raises(FilterInvalid, match="comes after a field"):
        parse_sort("name desc")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_our_words(text: str):
    with contextlib.suppress(FilterInvalid, FilterTooLarge):
        parse_filter(text)


@settings(max_examples=300, deadline=None)
@given(st.text("aB%_", max_size=7), st.text("abB\n", max_size=9), st.booleans())
def test_a_pattern_fits_what_it_would_as_a_regular_expression(pattern: str, text: str, is_any_case: bool):
    plain = "".join({"%": ".*", "_": "."}.get(each, each) for each in pattern)
    wanted = re.fullmatch(plain, text, re.DOTALL | (re.IGNORECASE if is_any_case else 0))
    assert pattern_of(pattern, is_any_case=is_any_case).fits(text) == (wanted is not None)


def test_a_pattern_with_many_wild_cards_takes_no_time():
    assert not pattern_of("%a" * 40 + "%b", is_any_case=True).fits("a" * 100_000)
