from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from ropeway.core import merkle

# The leaves and roots of certificate-transparency's reference tree (RFC 6962 test vectors).
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = st.integers(1, 70)


class Tree:
    """A tree in a list of nodes, grown in steps."""

    def __init__(self, leaves: Sequence[bytes], steps: Sequence[int] = (1,)) -> None:
        self.nodes: list[bytes] = []
        size, turn = 0, 0
        while size < len(leaves):
            batch = [merkle.leaf_hash(leaf) for leaf in leaves[size : size + steps[turn % len(steps)]]]
            grown = merkle.grow(size, batch, self.read)
            assert [place for place, _ in grown] == list(range(len(self.nodes), len(self.nodes) + len(grown)))
            self.nodes += [node for _, node in grown]
            size, turn = size + len(batch), turn + 1

    def read(self, places: Sequence[int]) -> list[bytes]:
        return [self.nodes[place] for place in places]


def oracle(leaves: Sequence[bytes]) -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    for leaf in leaves:
        tree.append_entry(leaf)
    return tree


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_reference_vectors(size: int) -> None:
    tree = Tree(LEAVES)
    assert merkle.root_of(size, tree.read).hex() == ROOTS[size - 1]


def test_an_empty_tree_has_the_root_of_nothing() -> None:
    assert merkle.root_of(0, Tree([]).read) == merkle.EMPTY_ROOT == merkle.Frontier().root()


def test_paths_are_those_of_the_reference_vectors() -> None:
    tree = Tree(LEAVES)
    assert [node.hex()[:8] for node in merkle.prove_inclusion(0, 8, tree.read)] == [
        "96a296d2",
        "5f083f0a",
        "6b47aaf2",
    ]
    assert [node.hex()[:8] for node in merkle.prove_inclusion(5, 8, tree.read)] == [
        "bc1a0643",
        "ca854ea1",
        "d37ee418",
    ]
    assert [node.hex()[:8] for node in merkle.prove_consistency(6, 8, tree.read)] == [
        "0ebc5d34",
        "ca854ea1",
        "d37ee418",
    ]


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70), st.lists(st.integers(1, 9), min_size=1))
def test_roots_are_pymerkles_however_the_tree_grew(leaves: list[bytes], steps: list[int]) -> None:
    tree, other = Tree(leaves, steps), oracle(leaves)
    assert len(tree.nodes) == merkle.node_count(len(leaves))
    assert merkle.root_of(len(leaves), tree.read) == other.get_root(len(leaves))


@given(SIZES, st.data())
def test_every_leaf_is_proven_and_no_other(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = [b"%d" % number for number in range(size)]
    tree = Tree(leaves, [7])
    root, path = merkle.root_of(size, tree.read), merkle.prove_inclusion(index, size, tree.read)
    assert merkle.verify_inclusion(index, size, merkle.leaf_hash(leaves[index]), path, root)
    assert not merkle.verify_inclusion(index, size, merkle.leaf_hash(b"forged"), path, root)
    assert not merkle.verify_inclusion(index, size, merkle.leaf_hash(leaves[index]), [*path, root], root)
    wrong = data.draw(st.integers(0, size).filter(lambda other: other != index))
    assert not merkle.verify_inclusion(wrong, size, merkle.leaf_hash(leaves[index]), path, root)


@given(SIZES, st.data())
def test_growth_is_proven_and_a_change_is_not(second: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, second))
    leaves = [b"%d" % number for number in range(second)]
    tree = Tree(leaves)
    old, new = merkle.root_of(first, tree.read), merkle.root_of(second, tree.read)
    path = merkle.prove_consistency(first, second, tree.read)
    assert merkle.verify_consistency(first, second, old, new, path)
    assert not merkle.verify_consistency(first, second, bytes(32), new, path)
    if first:
        forged = Tree([*leaves[: first - 1], b"forged", *leaves[first:]])
        changed = merkle.root_of(second, forged.read)
        forged_path = merkle.prove_consistency(first, second, forged.read)
        assert not merkle.verify_consistency(first, second, old, changed, forged_path)


@given(SIZES, st.data())
def test_proofs_are_pymerkles_too(size: int, data: st.DataObject) -> None:
    leaves = [b"%d" % number for number in range(size)]
    index, first = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    tree, other = Tree(leaves), oracle(leaves)
    theirs = [bytes.fromhex(node) for node in other.prove_inclusion(index + 1, size).serialize()["path"]]
    assert merkle.prove_inclusion(index, size, tree.read) == theirs[1:]
    assert merkle.root_of(first, tree.read) == other.get_root(first)


@given(st.integers(0, 200), st.integers(0, 200), st.lists(st.binary(min_size=32, max_size=32), max_size=10))
def test_junk_proves_nothing_and_breaks_nothing(one: int, two: int, path: list[bytes]) -> None:
    assert not merkle.verify_inclusion(one, two, bytes(32), path, b"\x01" * 32)
    assert not merkle.verify_consistency(one, two, bytes(32), b"\x01" * 32, path)
