"""Near-duplicate texts: which rows say the same thing in almost the same words.

Two texts are near-duplicates when their words are the same, or when the Jaccard similarity of their sets of
two-word shingles is at least 0.8 (Broder 1997, *On the resemblance and containment of documents*).
A group is what such pairs connect. Pairs are found exactly, not by sketches, through an inverted index on the
rarest shingles of each text: prefix filtering (Chaudhuri, Ganti & Kaushik 2006; Bayardo, Ma & Srikant 2007).
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

SHINGLE_WORDS = 2
# The threshold as a fraction, so that a similarity of exactly 0.8 is never lost to rounding.
NUMERATOR, DENOMINATOR = 4, 5

_WORD = re.compile(r"\w+")


def normal_form(text: str) -> str:
    """A text without what copying changes: case, spacing, punctuation, Unicode variants.

    A text without any word (":-)") keeps its signs: they are all it says.

    Example:
        >>> normal_form("Yay.  ANOTHER good phone interview!")
        'yay another good phone interview'
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = _WORD.findall(folded)
    return " ".join(words) if words else "".join(folded.split())


def shingles(normal: str) -> frozenset[str]:
    """The two-word shingles of a normal form; a single word is its own shingle."""
    words = normal.split(" ")
    if len(words) < SHINGLE_WORDS:
        return frozenset(words)
    return frozenset(
        " ".join(words[start : start + SHINGLE_WORDS]) for start in range(len(words) - SHINGLE_WORDS + 1)
    )


def is_similar(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether the Jaccard similarity of two sets of shingles reaches the threshold."""
    shared = len(one & other)
    return DENOMINATOR * shared >= NUMERATOR * (len(one) + len(other) - shared)


def near_groups(texts: Sequence[str | None]) -> list[int]:
    """The group of each text, named by the index of its first member.

    Missing and empty texts are near nothing: each stands alone.

    Example:
        >>> near_groups(["Good morning!", "so sad", "good  morning", None, None])
        [0, 1, 0, 3, 4]
    """
    groups = Groups(len(texts))
    first_with: dict[str, int] = {}
    for index, text in enumerate(texts):
        normal = normal_form(text) if text else ""
        if normal:
            groups.join(first_with.setdefault(normal, index), index)
    distinct = list(first_with.items())
    for one, other in similar_pairs([shingles(normal) for normal, _ in distinct]):
        groups.join(distinct[one][1], distinct[other][1])
    return groups.firsts()


def similar_pairs(sets: Sequence[frozenset[str]]) -> Iterator[tuple[int, int]]:
    """Every pair of similar sets, as indices.

    Two sets of similarity t share at least t of the larger one's items. So with items in one order for all,
    rarest first, both must show a common item among their first `size - ceil(t * size) + 1`: only those are
    indexed and looked up. What they suggest is then verified.
    """
    frequency = Counter(item for items in sets for item in items)
    ordered = [sorted(items, key=lambda item: (frequency[item], item)) for items in sets]
    index: dict[str, list[int]] = defaultdict(list)
    for one in sorted(range(len(sets)), key=lambda number: len(sets[number])):
        size = len(sets[one])
        candidates: set[int] = set()
        for item in ordered[one][: _prefix(size)]:
            candidates.update(index[item])
            index[item].append(one)
        for other in candidates:
            if DENOMINATOR * len(sets[other]) >= NUMERATOR * size and is_similar(sets[one], sets[other]):
                yield (other, one) if other < one else (one, other)


def _prefix(size: int) -> int:
    """How many of the rarest items a set must show: size - ceil(t * size) + 1."""
    return size + 1 + (-NUMERATOR * size // DENOMINATOR) if size else 0


class Groups:
    """Disjoint groups of the numbers 0 … size-1 (union-find); the smallest member names a group."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def find(self, member: int) -> int:
        """The name of a member's group."""
        root = member
        while self._parent[root] != root:
            root = self._parent[root]
        while self._parent[member] != root:
            self._parent[member], member = root, self._parent[member]
        return root

    def join(self, one: int, other: int) -> None:
        """Make the groups of two members one."""
        one, other = self.find(one), self.find(other)
        self._parent[max(one, other)] = min(one, other)

    def firsts(self) -> list[int]:
        """The group of each number, in order."""
        return [self.find(member) for member in range(len(self._parent))]
