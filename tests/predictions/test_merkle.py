"""The digest that stands for a sealed segment."""

import hashlib

import pytest

from ropeway.predictions.merkle import leaf_salt, new_salt, root_of


def tree_hash(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


@pytest.mark.parametrize("count", [*range(20), 31, 32, 33, 100, 1025])
def test_the_tree_is_that_of_rfc_6962_over_salted_leaves(count: int) -> None:
    salt, records = new_salt(), [str(number).encode() for number in range(count)]
    salted = [leaf_salt(salt, place) + record for place, record in enumerate(records)]
    assert root_of(salt, records) == tree_hash(salted).hex()


def test_the_root_is_the_one_in_the_docstring() -> None:
    assert root_of(bytes(32), [b"one", b"two"]).startswith("f168430a863e8164")


def test_the_same_records_have_another_root_with_another_salt() -> None:
    assert root_of(new_salt(), [b"a"]) != root_of(new_salt(), [b"a"])


def test_any_change_changes_the_root() -> None:
    salt = new_salt()
    roots = {root_of(salt, each) for each in ([b"a", b"b"], [b"b", b"a"], [b"a"], [b"ab"], [b"a", b"b", b""])}
    assert len(roots) == 5
