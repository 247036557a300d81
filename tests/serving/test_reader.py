"""What a request carries beside the model's inputs."""

from typing import Any

import pytest

from ropeway.serving.reader import CARRIED_KIND, Reader
from ropeway.serving.signature import Signature

READER = Reader(Signature({"text": "String"}), carry=["id", "text"], entity="customer")


def wrong(body: Any) -> list[tuple[str, str, int | None]]:
    asked, problems = READER.read(body)
    assert asked is None
    return [(each.field, each.got, each.row) for each in problems]


def test_carried_fields_are_taken_out_of_what_the_model_reads() -> None:
    asked, problems = READER.read({"text": "t", "id": 7, "customer": "ana"})
    assert problems == []
    assert asked.request.columns == {"text": ["t"]}
    assert (asked.carried, asked.entities) == ([{"id": 7, "customer": "ana"}], ["ana"])


def test_each_row_of_many_carries_its_own_or_nothing() -> None:
    asked, _ = READER.read({"rows": [{"text": "a", "customer": 1}, {"text": "b"}, {"id": None, "text": "c"}]})
    assert asked.request.columns == {"text": ["a", "b", "c"]}
    assert asked.carried == [{"customer": 1}, {}, {"id": None}]
    assert asked.entities == ["1", "", ""]


def test_an_entity_that_the_model_reads_is_not_carried() -> None:
    reader = Reader(Signature({"customer": "Int64", "n": "Int64"}), entity="customer")
    asked, _ = reader.read({"customer": 3.0, "n": 1})
    assert (reader.carried, asked.carried, asked.entities) == ((), [], ["3"])


def test_without_an_entity_nothing_is_said_of_one() -> None:
    asked, _ = Reader(Signature({"n": "Int64"})).read({"n": 1})
    assert (asked.entity(0), asked.carries(0)) == ("", {})


@pytest.mark.parametrize(
    "value", [{"a": 1}, [1], float("nan"), float("inf"), 2**63, -(2**63), 10**300], ids=repr
)
def test_only_plain_values_are_carried(value: Any) -> None:
    ((field, _, row),) = wrong({"rows": [{"text": "t"}, {"text": "t", "customer": value}]})
    assert (field, row) == ("customer", 1)
    asked, problems = READER.read({"text": "t", "customer": value})
    assert (asked, problems[0].expected) == (None, CARRIED_KIND)


def test_an_unknown_field_is_told_what_it_may_have_meant() -> None:
    ((field, got, _),) = wrong({"text": "t", "custmer": "ana"})
    assert (field, got) == ("custmer", "is not in the signature. Did you mean 'customer'?")
    _, problems = READER.read({"text": "t", "custmer": "ana"})
    assert problems[0].expected == "only 'text'; 'id', 'customer' may be carried"


@pytest.mark.parametrize("body", [None, 3, [], "x", {"rows": 3}, {"rows": [3]}, {"rows": []}, {}])
def test_what_is_no_request_is_refused_as_ever(body: Any) -> None:
    assert wrong(body) == [
        (each.field, each.got, each.row) for each in Signature({"text": "String"}).read(body)[1]
    ]


def test_nothing_carried_may_stand_beside_rows() -> None:
    assert wrong({"rows": [{"text": "t"}], "customer": "ana"}) == [("customer", "stands beside 'rows'", None)]
