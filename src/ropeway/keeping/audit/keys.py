"""Whose signatures count: the ledger's keys one after the other, and who vouches for each of them."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from ropeway.core.note import KeyInvalid, Verifier, parse_verifier
from ropeway.keeping.audit.findings import Findings
from ropeway.keeping.audit.history import plain_bytes
from ropeway.ledger.journal import get_meta
from ropeway.ledger.tables import event
from ropeway.workspace.checkpoints import VERIFIER

REPLACED = "checkpoint-key-replaced"


class KeyTerm(msgspec.Struct, frozen=True, kw_only=True):
    """One key's time: from the event that put it in place, to before the one that replaced it."""

    verifier: Verifier
    since: int
    until: int | None = None

    def may_sign(self, size: int) -> bool:
        """Whether a head over so many events can be this key's."""
        return size >= self.since

    def is_over(self, size: int) -> bool:
        """Whether, by so many events, another key was in place."""
        return self.until is not None and size >= self.until


def terms_of(connection: Connection, findings: Findings) -> list[KeyTerm]:
    """The ledger's keys, oldest first; none where no head was ever signed."""
    named = get_meta(connection, VERIFIER)
    rows = connection.execute(
        select(event.c.seq, event.c.record).where(event.c.verb == REPLACED).order_by(event.c.seq)
    )
    bodies = [(row.seq, _body(plain_bytes(row.record))) for row in rows]
    replacements = [(seq, body) for seq, body in bodies if body is not None]
    texts = [(0, replacements[0][1].get("replaced"))] if replacements else [(0, named)]
    texts += [(seq, body.get("verifier")) for seq, body in replacements]
    if named != texts[-1][1]:
        findings.add("key", "the key that the ledger names is not the last that an event put in place")
    terms: list[KeyTerm] = []
    for place, (since, text) in enumerate(texts):
        until = texts[place + 1][0] if place + 1 < len(texts) else None
        if text is None:
            continue
        try:
            terms.append(KeyTerm(verifier=parse_verifier(str(text)), since=since, until=until))
        except KeyInvalid as error:
            findings.add("key", error.what, since or None)
    return terms


def check_terms(
    terms: Sequence[KeyTerm], known: Collection[Verifier], findings: Findings, notes: list[str]
) -> None:
    """Whether the ledger's keys are known here, or came before one that is."""
    if not terms:
        notes.append("no head was ever signed: nothing vouches for this ledger")
        if known:
            findings.add("key", "a key of this ledger is known here, and the ledger names none")
        return
    if not known:
        notes.append(
            f"no key of this ledger is known here: {terms[-1].verifier.text} is taken on the workspace's word"
        )
        return
    # A known key vouches for what came before it: its heads cover those events.
    trusted = max((place for place, term in enumerate(terms) if term.verifier in known), default=None)
    if trusted is None:
        key = terms[0].verifier.id.hex()
        findings.add("key", f"the key {key} is none of those known here", terms[0].since or None)
    for place, term in enumerate(terms[1:], start=1):
        key = term.verifier.id.hex()
        if trusted is not None and place <= trusted:
            notes.append(f"from event {term.since} on, the key {key} signs")
        else:
            findings.add("key", f"the key {key} was put in place, and nobody here vouches for it", term.since)


def _body(record: bytes) -> dict[str, Any] | None:
    """An event's fields, if it can be read; the walk reports it otherwise."""
    try:
        body = msgspec.json.decode(record)["body"]
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        return None
    return body if isinstance(body, dict) else None
