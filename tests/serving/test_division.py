"""Who falls to which version: by shares, for good, and anew under another salt."""

import math
from datetime import date
from typing import Any

import blake3
import pytest

from ropeway.serving.division import Division, entity_text, point_of

ENTITIES = [f"customer-{number}" for number in range(20_000)]


def within(found: int, share: float, times: int = len(ENTITIES)) -> bool:
    """Inside five standard errors of a binomial: wrong once in 1.7 million."""
    return abs(found - share * times) <= 5 * math.sqrt(share * (1 - share) * times)


def arms(salt: str, *shares: float) -> list[int | None]:
    division = Division(salt, shares)
    return [division.arm_of(entity) for entity in ENTITIES]


@pytest.mark.parametrize("shares", [(0.1,), (0.5,), (0.001,), (0.3, 0.05, 0.2)])
def test_every_arm_gets_its_share(shares: tuple[float, ...]) -> None:
    found = arms("salt-1", *shares)
    for at, share in enumerate(shares):
        assert within(found.count(at), share)
    assert within(found.count(None), 1 - sum(shares))


def test_who_is_in_an_arm_stays_when_its_share_is_raised() -> None:
    before, after = arms("salt-1", 0.1), arms("salt-1", 0.5)
    assert all(now == 0 for then, now in zip(before, after, strict=True) if then == 0)
    assert arms("salt-1", 0.1) == before


def test_another_salt_deals_anew_and_independently() -> None:
    one, other = arms("salt-1", 0.5), arms("salt-2", 0.5)
    both = sum(a == b == 0 for a, b in zip(one, other, strict=True))
    assert within(both, 0.25)


def test_what_has_no_entity_is_dealt_afresh_each_time() -> None:
    division = Division("salt-1", [0.2])
    assert within(sum(division.arm_of("") == 0 for _ in range(20_000)), 0.2)


def test_the_point_is_the_first_eight_bytes_of_the_hash() -> None:
    first = blake3.blake3("sältAna".encode()).hexdigest()[:16]
    assert point_of("sält", "Ana") == int(first, 16) / 2**64


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ana", "ana"),
        ("", ""),
        (None, ""),
        (7, "7"),
        (7.0, "7"),
        (2**70, str(2**70)),
        (1.5, "1.5"),
        (True, "true"),
        (date(2026, 1, 31), '"2026-01-31"'),
        ({"b": 1, "a": ["é"]}, '{"a":["é"],"b":1}'),
        (float("nan"), ""),
        ([float("inf")], ""),
    ],
)
def test_an_entity_has_one_text(value: Any, text: str) -> None:
    assert entity_text(value) == text
