"""The id of a prediction names its place, one to one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ropeway.core.ids import ALPHABET
from ropeway.predictions.identity import REPLICA_LENGTH, Place, new_replica, parse_id

REPLICA = st.text(ALPHABET, min_size=REPLICA_LENGTH, max_size=REPLICA_LENGTH)


@given(REPLICA, st.integers(0, 2**40), st.integers(0, 2**40))
def test_an_id_leads_back_to_its_place(replica: str, segment: int, ordinal: int) -> None:
    place = Place(replica, segment, ordinal)
    assert parse_id(place.id()) == place


@pytest.mark.parametrize(
    "text",
    [
        "",
        "p-4k2m9x7q-1",
        "p-4k2m9x7q-01-a",
        "P-4k2m9x7q-1-a",
        "p-4k2m9x7q-1-a\n",
        "p-../../..-1-a",
        "p-4k2m9x7q-1-" + "z" * 11,
        "p-4k2m9x7u-1-a",
        "p-4k2m9x7q-\u0661-a",
    ],
)
def test_what_is_no_id_has_no_place(text: str) -> None:
    assert parse_id(text) is None


def test_replicas_do_not_share_names() -> None:
    assert len({new_replica() for _ in range(1000)}) == 1000
