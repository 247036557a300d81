"""A document of a stranger's is plain data of a bounded size, or is refused; the process goes on."""

import pytest

from ropeway.core.plain_yaml import DEEPEST, read_yaml

LARGEST = 100_000
FOLDED = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 9)]
)
"""Eight lines that stand for a billion words."""


def test_plain_data_is_read_with_its_aliases() -> None:
    assert read_yaml(b"a: &x [1, two]\nb: *x\n", LARGEST) == {"a": [1, "two"], "b": [1, "two"]}
    assert read_yaml(b"[" * DEEPEST + b"]" * DEEPEST, LARGEST)


@pytest.mark.parametrize(
    "raw",
    [
        FOLDED.encode(),
        b"[" * 50_000,
        b"- " * 50_000,
        b"a: &a [*a]",
        b"a: *b",
        b"a: !!timestamp x",
        b"a: !!bool x",
        b"a: !!python/object/apply:os.getcwd []",
        b"? []\n: b",
        b"x" * (LARGEST + 1),
    ],
    ids=range(10),
)
def test_what_is_too_large_too_deep_or_no_data_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"^(it |an alias|unfolded|could not|invalid)"):
        read_yaml(raw, LARGEST)
