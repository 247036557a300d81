"""From an event of the ledger to what webhooks are told of it: none, one or several messages."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from ropeway.core.ids import ModelName
from ropeway.ledger import Fact
from ropeway.ledger.tables import event as events
from ropeway.models.afar.events import (
    ForeignModelRegistered,
    ModelAliasSet,
    ModelEntryChanged,
    ModelEntryCreated,
    ModelVersionChanged,
)
from ropeway.models.afar.projections import model_entry, model_entry_tag
from ropeway.models.events import ModelPromoted, ModelRecalled, ModelRegistered
from ropeway.models.prompts import IS_PROMPT

VERBS = (
    "model-entry-created",
    "model-entry-changed",
    "model-registered",
    "foreign-model-registered",
    "model-version-changed",
    "model-alias-set",
    "model-promoted",
    "model-recalled",
)
"""The events that a webhook may be told of."""
TEMPLATE = "mlflow.prompt.text"
_OF_PROMPTS = (IS_PROMPT, "_mlflow_prompt_type")


class Told(NamedTuple):
    """A topic and its payload."""

    topic: str
    data: dict[str, Any]


def told_of(read: Connection, fact: Fact[Any]) -> list[Told]:
    """What webhooks are told of an event. Names are those by which clients know the models now."""
    return list(_told(read, fact))


def _told(read: Connection, fact: Fact[Any]) -> Iterator[Told]:
    event = fact.event
    match event:
        case ModelEntryCreated():
            data = {"name": event.shown or event.name, "description": event.description or ""}
            topic = "prompt" if _is_prompt(event.tags or {}) else "registered_model"
            yield Told(f"{topic}.created", {**data, "tags": _free(event.tags, of_prompt=topic == "prompt")})
        case ModelEntryChanged():
            if _is_prompt(_tags(read, event.name)):
                yield from _of_tags("prompt_tag", {"name": _name(read, event.name)}, event)
        case ModelRegistered():
            name = _name(read, event.name)
            if event.number == 1 and not _was_created(read, event.name, fact.seq):
                yield Told("registered_model.created", {"name": name, "tags": {}, "description": ""})
            source = f"ropeway:/{event.name}@{event.number}"
            yield _version(name, event.number, source, event.run.removeprefix("run_"), {}, None)
        case ForeignModelRegistered():
            yield _foreign(_name(read, event.name), event)
        case ModelVersionChanged():
            kind = "prompt_version_tag" if _is_prompt(_tags(read, event.name)) else "model_version_tag"
            yield from _of_tags(kind, {"name": _name(read, event.name), "version": str(event.number)}, event)
        case ModelAliasSet():
            yield _alias(read, event.name, event.alias, event.number)
        case ModelPromoted():
            yield _alias(read, event.name, event.environment, event.number)
        case ModelRecalled():
            for environment in event.environments:
                yield _alias(read, event.name, environment, None)


def _version(
    name: str, number: int, source: str, run: str | None, tags: dict[str, str], description: str | None
) -> Told:
    data = {"name": name, "version": str(number), "source": source, "run_id": run or None}
    return Told("model_version.created", {**data, "tags": tags, "description": description})


def _foreign(name: str, event: ForeignModelRegistered) -> Told:
    tags = event.tags or {}
    if not _is_prompt(tags):
        return _version(name, event.number, event.origin or "", event.told_run, tags, event.description)
    data = {"name": name, "version": str(event.number), "template": tags.get(TEMPLATE)}
    rest = {key: value for key, value in _free(tags, of_prompt=True).items() if key != TEMPLATE}
    return Told("prompt_version.created", {**data, "tags": rest, "description": event.description})


def _of_tags(kind: str, of: dict[str, str], event: ModelEntryChanged | ModelVersionChanged) -> Iterator[Told]:
    for key, value in (event.tags or {}).items():
        yield Told(f"{kind}.set", {**of, "key": key, "value": value})
    for key in event.untagged or []:
        yield Told(f"{kind}.deleted", {**of, "key": key})


def _alias(read: Connection, name: ModelName, alias: str, number: int | None) -> Told:
    kind = "prompt_alias" if _is_prompt(_tags(read, name)) else "model_version_alias"
    data = {"name": _name(read, name), "alias": alias}
    if number is None:
        return Told(f"{kind}.deleted", data)
    return Told(f"{kind}.created", {**data, "version": str(number)})


def _name(read: Connection, name: ModelName) -> str:
    """The name by which clients know a model; its own where it has none any more."""
    shown = read.execute(select(model_entry.c.shown).where(model_entry.c.name == name)).scalar()
    return name if shown is None else str(shown)


def _tags(read: Connection, name: ModelName) -> dict[str, str]:
    rows = read.execute(select(model_entry_tag).where(model_entry_tag.c.name == name))
    return {row.key: row.value for row in rows}


def _is_prompt(tags: Mapping[str, str]) -> bool:
    return tags.get(IS_PROMPT, "").lower() == "true"


def _free(tags: Mapping[str, str] | None, *, of_prompt: bool) -> dict[str, str]:
    return {key: value for key, value in (tags or {}).items() if not (of_prompt and key in _OF_PROMPTS)}


def _was_created(read: Connection, name: ModelName, before: int) -> bool:
    """Whether a client had registered the name before its first version came."""
    of = (events.c.subject == f"model:{name}") & (events.c.verb == "model-entry-created")
    return read.execute(select(events.c.seq).where(of & (events.c.seq < before))).first() is not None
