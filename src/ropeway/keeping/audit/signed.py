"""Signed heads against the tree: those in the database, in the workspace's file, and from outside."""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from ropeway.core.note import Checkpoint, NoteInvalid, parse_checkpoint, signer_of
from ropeway.keeping.audit.findings import Findings
from ropeway.keeping.audit.history import Walked
from ropeway.keeping.audit.keys import KeyTerm

Source = Literal["database", "workspace", "outside"]

WORDS: dict[Source, str] = {
    "database": "a checkpoint",
    "workspace": "a head in the workspace's file",
    "outside": "a head from outside",
}


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """One signed head, whence it is, and in whose term it was signed."""

    source: Source
    said: Checkpoint
    term: KeyTerm


def read_heads(
    ledger: str, source: Source, notes: Iterable[str], terms: Sequence[KeyTerm], findings: Findings
) -> list[Head]:
    """The heads that one of the ledger's keys signed; the others are findings."""
    heads: list[Head] = []
    word = WORDS[source]
    about: Literal["checkpoint", "head"] = "checkpoint" if source == "database" else "head"
    for note in notes:
        try:
            said = parse_checkpoint(note)
            verifier = signer_of(note, [term.verifier for term in terms])
        except NoteInvalid as error:
            findings.add(about, f"{word} does not hold: {error.facts['reason']}")
            continue
        if said.origin != ledger:
            findings.add(about, f"{word} is of another ledger, '{said.origin}'")
        elif verifier is None:
            what = f"{word} over {said.size} events is signed by none of the keys that the ledger names"
            findings.add(about, what)
        else:
            term = next(term for term in terms if term.verifier == verifier)
            heads.append(Head(source=source, said=said, term=term))
    return heads


def check_heads(
    heads: Sequence[Head], walked: Walked, findings: Findings, notes: list[str]
) -> dict[Source, int]:
    """Each head against the tree; gives how many events the largest sound head of each source covers."""
    covered: dict[Source, int] = {"database": 0, "workspace": 0, "outside": 0}
    last_sound = 0
    for head in sorted(heads, key=lambda head: head.said.size):
        size, word = head.said.size, WORDS[head.source]
        about: Literal["checkpoint", "head"] = "checkpoint" if head.source == "database" else "head"
        if head.term.may_sign(size) and walked.roots.get(size) == head.said.root and size <= walked.events:
            covered[head.source] = size
            last_sound = size
        elif head.term.is_over(size):
            notes.append(
                f"{word} over {size} events is of a key that event {head.term.until} replaced: the last "
                f"{size - (head.term.until or 0) + 1} events that it signed are not in this ledger"
            )
        elif size > walked.events:
            what = f"{word} was signed over {size} events, and there are {walked.events}"
            findings.add(about, what, walked.events + 1, size)
        elif not head.term.may_sign(size):
            findings.add(about, f"{word} over {size} events is signed by a key that came later", size)
        else:
            what = f"{word} over {size} events has another root than the events here"
            findings.add(about, what, last_sound + 1, size)
    return covered


def compare_places(heads: Sequence[Head], walked: Walked, *, has_file: bool, findings: Findings) -> None:
    """What one place has and another lacks: checkpoints are only ever added, to the database first."""
    kept = {source: {_key(head) for head in heads if head.source == source} for source in WORDS}
    for head in heads:
        size = head.said.size
        gone = size <= walked.events and not head.term.is_over(size) and _key(head) not in kept["database"]
        if head.source != "database" and gone:
            findings.add("checkpoint", f"the checkpoint over {size} events is gone from the database", size)
    newest = max((size for size, _ in kept["workspace"]), default=0)
    for size, root in sorted(kept["database"]):
        if has_file and size < newest and (size, root) not in kept["workspace"]:
            findings.add("head", f"the head over {size} events is gone from the workspace's file", size)


def _key(head: Head) -> tuple[int, bytes]:
    return head.said.size, head.said.root
