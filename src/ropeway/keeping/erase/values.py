"""Which events lose their values: those that are named, or those that tell of a person."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from ropeway.core.ids import Digest, PersonId, new_id
from ropeway.keeping.erase.complete import erasable_fields, record_of
from ropeway.keeping.erase.elsewhere import copies_elsewhere, reached_by_hand
from ropeway.keeping.erase.errors import NobodyAlone, NothingErasable, PersonNotFound
from ropeway.keeping.erase.held import refuse_held
from ropeway.keeping.erase.needles import Needles
from ropeway.keeping.erase.records import ErasedObject, ErasedPayload, Plan
from ropeway.keeping.erase.search import answers_with, objects_with, own_words
from ropeway.ledger import person
from ropeway.ledger.record import Record
from ropeway.ledger.tables import event, event_payload
from ropeway.members.projections import member
from ropeway.workspace import Context

OF_PEOPLE = ("person-introduced", "member-added")
"""The events that give a person a name."""
OUTCOMES = frozenset({"job-finished"})
"""Objects that only these need hold answers, and may go with what they answered."""
SPANS = "spans-recorded"
"""The object of such an event is nothing but words, and goes with those that the event holds."""


class _Held(NamedTuple):
    """An event with its values."""

    record: Record
    values: dict[str, Any]

    def told(self) -> ErasedPayload:
        """As a plan names it."""
        record = self.record
        fields = [name for name in erasable_fields(record) if self.values.get(name) is not None]
        return ErasedPayload(
            event=record.id, seq=record.seq, verb=record.verb, subject=record.subject, fields=fields
        )


def plan_events(context: Context, names: Sequence[str]) -> Plan:
    """Erase the values of some events, by number or id.

    Raises:
        NothingErasable: an event is not there, or has no values, or not any more.
        HeldFast: what one of them is about must stay.
    """
    found = []
    for name in names:
        column = event.c.seq if name.isdecimal() else event.c.id
        wanted = int(name) if name.isdecimal() else name
        held = list(_with_values(context.read, column == wanted))
        if not held:
            raise NothingErasable(f"event {name} has no values that can be erased", "ropeway log")
        found += held
    numbers = ", ".join(str(each.record.seq) for each in found)
    return _plan(context, found, f"the values of event {numbers}" if len(found) == 1 else
                 f"the values of events {numbers}")  # fmt: skip


def plan_person(context: Context, name: str, *, mentions: bool) -> Plan:
    """Erase a person's name wherever it stands by itself; with `mentions`, texts that hold it too.

    Raises:
        PersonNotFound, NobodyAlone: the name is nobody's, or several people's.
        HeldFast: something of it must stay.
    """
    who, names = _find(context.read, name)
    words = re.compile("|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in names), re.IGNORECASE)
    found, spoken = [], []
    for each in _with_values(context.read):
        leaves = list(leaf_texts(each.values))
        is_of = each.record.verb in OF_PEOPLE and each.record.subject == f"person:{who}"
        if is_of or names & set(leaves):
            found.append(each)
        elif names and any(words.search(text) for text in leaves):
            spoken.append(each)
    if not found and not spoken:
        raise NothingErasable(f"the name of {who} was erased before")
    plan = _plan(context, [*found, *(spoken if mentions else ())], f"what tells of {who}", sorted(names))
    if spoken and not mentions:
        numbers = ", ".join(str(each.record.seq) for each in spoken[:20])
        remark = (
            f"{len(spoken)} events have texts that hold the name ({numbers}): --mentions erases these too"
        )
        plan = msgspec.structs.replace(plan, remains=[remark, *plan.remains])
    return plan


def leaf_texts(value: Any) -> Iterator[str]:
    """Every text in a value of lists and maps; the names of maps too, for params and examples go by name."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield str(name)
            yield from leaf_texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from leaf_texts(each)


def with_values(read: Connection, *where: Any) -> Iterator[tuple[Record, dict[str, Any]]]:
    """The events that have values which are not erased, in order."""
    return ((each.record, each.values) for each in _with_values(read, *where))


def _with_values(read: Connection, *where: Any) -> Iterator[_Held]:
    query = (
        select(event.c.record, event_payload.c.value)
        .join(event_payload, event_payload.c.event_id == event.c.id)
        .where(*where)
        .order_by(event.c.seq)
    )
    for row in read.execute(query):
        yield _Held(record_of(row.record), msgspec.json.decode(row.value))


def told(record: Record, values: dict[str, Any]) -> ErasedPayload:
    """An event with its values, as a plan names it."""
    return _Held(record, values).told()


def _find(read: Connection, name: str) -> tuple[PersonId, set[str]]:
    """A person's id, and the names that they go by here."""
    both = [*read.execute(select(person.c.id, person.c.name)),
            *read.execute(select(member.c.person.label("id"), member.c.name))]  # fmt: skip
    ids = {row.id for row in both if row.id == name} or {row.id for row in both if row.name == name}
    if not ids:
        raise PersonNotFound(name, {row.name for row in both if row.name})
    if len(ids) > 1:
        raise NobodyAlone(name, ids)
    who = ids.pop()
    return PersonId(who), {row.name for row in both if row.id == who and row.name}


def _plan(context: Context, found: list[_Held], scope: str, words: Iterable[str] = ()) -> Plan:
    refuse_held(context.read, (each.record.subject for each in found))
    texts = {text for each in found for text in leaf_texts({k: v for k, v in each.values.items() if v})}
    texts -= {name for each in found for name in erasable_fields(each.record)}
    needles = Needles(own_words([*texts, *words]))
    objects, remains = [], []
    searched = objects_with(context, needles)
    spans = {
        Digest(each.record.subject.removeprefix("spans:")): [f"event {each.record.seq} {SPANS}"]
        for each in found
        if each.record.verb == SPANS
    }
    here = {digest: named for digest, named in spans.items() if context.store.has(digest)}
    for digest, needed_by in {**here, **searched.holding}.items():
        if digest in spans or (needed_by and all(each.split(" ")[2] in OUTCOMES for each in needed_by)):
            size = context.store.size(digest)
            why = "the spans of an export" if digest in spans else "the answer of a job"
            objects.append(ErasedObject(digest=digest, size_bytes=size, why=why, needed_by=needed_by))
        else:
            who = needed_by[0] if needed_by else "nothing on record"
            remains.append(f"the object {digest[:12]}, needed by {who}, holds a text that was erased here")
    return Plan(
        erasure=new_id("erasure"),
        what="values",
        scope=scope,
        payloads=[each.told() for each in sorted(found, key=lambda each: each.record.seq)],
        objects=objects,
        answers=answers_with(context.read, needles),
        remains=remains,
        unreached=[*reached_by_hand(context, needles), *copies_elsewhere(context)],
        unsearched=searched.unsearched,
    )
