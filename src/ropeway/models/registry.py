"""Reading the registry: references to versions, who is where, what moved when.

Nothing here writes: the moves are in `operations`.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select, union

from ropeway.core.clock import from_text, to_text
from ropeway.core.ids import Digest, ModelName, PersonId, RunId
from ropeway.ledger import person
from ropeway.ledger.tables import event as recorded_event
from ropeway.models.errors import BadMoment, NothingLive, UnknownEnvironment, UnknownModel, UnknownVersion
from ropeway.models.projections import (
    OWN_FORMAT,
    alias,
    alias_history,
    approved_source,
    gate_look,
    model_move,
    model_version,
)
from ropeway.models.prompts import prompt_names
from ropeway.models.states import State
from ropeway.pipelines.errors import RunNotRecorded
from ropeway.pipelines.projections import pipeline_run
from ropeway.pipelines.records import PipelineRecord
from ropeway.workspace import Project
from ropeway.workspace.settings import Scalar

LATEST = "latest"
PRODUCTION = "production"
_NUMBER = re.compile(r"v?([0-9]{1,9})")


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version as it stands. `known`: registering gave an earlier version, since the content is the same."""

    name: ModelName
    number: int
    ref: str
    state: State
    run: RunId
    package: Digest
    content: Digest
    source: Digest
    code: Digest
    dataset: str | None
    served: str
    environments: list[str]
    registered_at: datetime
    registered_by: str
    approved_by: str | None = None
    self_approved: bool | None = None
    evidence: Digest | None = None
    passed: bool | None = None
    champion: str | None = None
    look: int | None = None
    known: bool = False
    format: str = OWN_FORMAT
    """What packaged it; what another tool did is adopted before it is judged and served."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One move of one version: when, by whom, from what to what, on which evidence.

    `auth` says how they proved who they are: "none" for a local caller, "token" or "session" over a server.
    """

    seq: int
    at: datetime
    by: str
    ref: str
    move: str
    before: State | None
    after: State
    environment: str | None
    replaced: str | None
    evidence: Digest | None
    note: str | None
    auth: str = "none"


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """The code of a run, and the id of the person whose run it was."""

    source: Digest
    person: PersonId


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment pointed to at some moment; `ref` is None when it had been emptied."""

    environment: str
    ref: str | None
    since: datetime
    by: str


def resolve(read: Connection, project: Project, ref: str) -> ModelVersion:
    """The version that a reference means: `name@3`, `name@production`, `name@latest`; `name` is the newest.

    Raises:
        UnknownModel, UnknownVersion, UnknownEnvironment: nothing answers to it.
        NothingLive: the environment has no version of this model.
    """
    return find(read, ref) or _live_in(read, project, ref)


def _live_in(read: Connection, project: Project, ref: str) -> ModelVersion:
    name, _, environment = ref.partition("@")
    check_environment(project, environment)
    live = number_in(read, name, environment)
    if live is None:
        raise NothingLive(name, environment)
    return get(read, name, live)


def find(read: Connection, ref: str) -> ModelVersion | None:
    """As `resolve`, for references that mean the same whatever the project file says; None for the others.

    Raises:
        UnknownModel, UnknownVersion: nothing answers to it.
    """
    name, at, which = ref.partition("@")
    table = model_version.c
    numbers = list(
        read.execute(select(table.number).where(table.name == name).order_by(table.number)).scalars()
    )
    if not numbers:
        raise UnknownModel(name, read.execute(select(table.name).distinct()).scalars())
    if not at or which == LATEST:
        return get(read, name, numbers[-1])
    number = _NUMBER.fullmatch(which)
    if number:
        if int(number[1]) not in numbers:
            raise UnknownVersion(ref, [f"{name}@{known}" for known in numbers])
        return get(read, name, int(number[1]))
    return None


def check_environment(project: Project, name: str) -> None:
    """Raise `UnknownEnvironment` unless the project file declares it."""
    if name not in project.environments:
        raise UnknownEnvironment(name, project.environments)


def production_of(project: Project) -> str:
    """The environment whose version a new one must beat: `production`, or the first that is declared."""
    return PRODUCTION if PRODUCTION in project.environments else next(iter(project.environments), PRODUCTION)


def get(read: Connection, name: str, number: int, *, known: bool = False) -> ModelVersion:
    """One version by its number, which exists."""
    where = (model_version.c.name == name) & (model_version.c.number == number)
    return _version(read, read.execute(select(model_version).where(where)).one(), known=known)


def list_all(read: Connection, name: str | None, limit: int, *, prompts: bool = False) -> list[ModelVersion]:
    """Versions of models, newest first; or those of prompts."""
    query = select(model_version).order_by(
        model_version.c.registered_at.desc(), model_version.c.number.desc()
    )
    named = model_version.c.name.in_(prompt_names())
    query = query.where(named if prompts else ~named)
    if name is not None:
        query = query.where(model_version.c.name == name)
    return [_version(read, row) for row in read.execute(query.limit(limit))]


def find_content(read: Connection, name: str, content: str) -> int | None:
    """The number of the version that has this content already."""
    table = model_version.c
    where = (table.name == name) & (table.content == content)
    return read.execute(select(table.number).where(where)).scalar()


def next_number(read: Connection, name: str) -> int:
    """One more than the newest; read under the write lock."""
    highest = select(func.max(model_version.c.number)).where(model_version.c.name == name)
    return (read.execute(highest).scalar() or 0) + 1


def environments_of(read: Connection, name: str, number: int) -> list[str]:
    """The environments that point to a version, sorted."""
    where = (alias.c.name == name) & (alias.c.number == number)
    return list(
        read.execute(select(alias.c.environment).where(where).order_by(alias.c.environment)).scalars()
    )


def part_in(read: Connection, version: ModelVersion, person: PersonId) -> str:
    """What a person did to propose a version: trained it here, or registered it; empty when neither."""
    where = (model_version.c.name == version.name) & (model_version.c.number == version.number)
    if read.execute(select(model_version.c.registered_by).where(where)).scalar_one() == person:
        return "registered"
    # A run that is not of this workspace has nobody here to name.
    return "trained" if person in (_runner_of(read, version.run), _opener_of(read, version.run)) else ""


def is_source_approved(read: Connection, source: str) -> bool:
    """Whether code with this digest may run here."""
    where = approved_source.c.source == source
    return read.execute(select(approved_source.c.source).where(where)).first() is not None


def who_ran(read: Connection, run: RunId) -> Ran:
    """Whose a pipeline run of this workspace was, and of which code."""
    source = read.execute(select(pipeline_run.c.source).where(pipeline_run.c.run == run)).scalar()
    if source is None:
        raise RunNotRecorded(run, read.execute(select(pipeline_run.c.run)).scalars())
    person = _runner_of(read, run)
    assert person is not None, "a run that is projected has its event"
    return Ran(source=source, person=person)


def _runner_of(read: Connection, run: RunId) -> PersonId | None:
    """Who put a pipeline run on record."""
    facts = recorded_event.c
    where = (facts.subject == f"run:{run}") & (facts.verb == "pipeline-ran")
    return read.execute(select(facts.actor).where(where)).scalar()


def _opener_of(read: Connection, run: RunId) -> PersonId | None:
    """Who opened a run from afar."""
    facts = recorded_event.c
    where = (facts.subject == f"run:{run}") & (facts.verb == "run-opened")
    return read.execute(select(facts.actor).where(where)).scalar()


def was_live_in(read: Connection, version: ModelVersion, environment: str) -> bool:
    """Whether an environment has pointed to a version before."""
    past = alias_history.c
    where = (past.name == version.name) & (past.environment == environment) & (past.number == version.number)
    return read.execute(select(past.seq).where(where).limit(1)).first() is not None


def record_of(read: Connection, run: RunId) -> PipelineRecord | None:
    """What this workspace has on record about a pipeline run."""
    found = read.execute(select(pipeline_run.c.record).where(pipeline_run.c.run == run)).scalar()
    return None if found is None else msgspec.json.decode(found, type=PipelineRecord)


def training_params(read: Connection, run: RunId) -> dict[str, Scalar] | None:
    """All parameters of a pipeline run; None once erased, and for a run of another workspace."""
    found = record_of(read, run)
    return None if found is None else found.params


def sources(read: Connection) -> list[Digest]:
    """The source digests of all registered versions; of foreign ones that of all their files."""
    ours = select(model_version.c.source).where(model_version.c.source != "")
    # What was not adopted yet has its files for a package.
    foreign = select(model_version.c.package).where(
        model_version.c.source == "", model_version.c.package != ""
    )
    return [Digest(each) for each in read.execute(union(ours, foreign)).scalars()]


def number_in(read: Connection, name: str, environment: str) -> int | None:
    """The version that an environment points to."""
    where = (alias.c.name == name) & (alias.c.environment == environment)
    return read.execute(select(alias.c.number).where(where)).scalar()


def champion_of(read: Connection, project: Project, name: str) -> str | None:
    """The version that a new one must beat: the one in production now."""
    number = number_in(read, name, production_of(project))
    return None if number is None else f"{name}@{number}"


def looks_at(read: Connection, test_set: str) -> int:
    """How many gates have looked at a test set so far."""
    return int(
        read.execute(
            select(func.count()).select_from(gate_look).where(gate_look.c.test_set == test_set)
        ).scalar_one()
    )


def moves_of(read: Connection, name: str) -> list[Entry]:
    """All moves of a model's versions, oldest first."""
    query = select(model_move).where(model_move.c.name == name).order_by(model_move.c.seq)
    return [
        Entry(
            seq=row.seq,
            at=from_text(row.at),
            by=name_of(read, row.by),
            ref=f"{name}@{row.number}",
            move=row.move,
            before=None if row.before is None else State(row.before),
            after=State(row.after),
            environment=row.environment,
            replaced=None if row.replaced is None else f"{name}@{row.replaced}",
            evidence=row.evidence,
            note=row.note,
            auth=row.auth,
        )
        for row in read.execute(query)
    ]


def standing_at(read: Connection, name: str, moment: datetime) -> list[Standing]:
    """What each environment pointed to at a moment."""
    query = select(alias_history).where(
        (alias_history.c.name == name) & (alias_history.c.at <= to_text(moment))
    )
    latest = {row.environment: row for row in read.execute(query.order_by(alias_history.c.seq))}
    return [
        Standing(
            environment=environment,
            ref=None if row.number is None else f"{name}@{row.number}",
            since=from_text(row.at),
            by=name_of(read, row.by),
        )
        for environment, row in sorted(latest.items())
    ]


def moment_of(text: str) -> datetime:
    """A date (meaning its end) or a time, in UTC where it does not say otherwise.

    Example:
        >>> moment_of("2026-05-03").isoformat()
        '2026-05-03T23:59:59.999999+00:00'
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadMoment(text) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    is_date = "T" not in text and ":" not in text
    return moment + timedelta(days=1, microseconds=-1) if is_date else moment


def name_of(read: Connection, identity: str) -> str:
    """A person's name, or their id once the name is erased."""
    return read.execute(select(person.c.name).where(person.c.id == identity)).scalar() or identity


def _version(read: Connection, row: Any, *, known: bool = False) -> ModelVersion:
    return ModelVersion(
        name=row.name,
        number=row.number,
        ref=f"{row.name}@{row.number}",
        state=State(row.state),
        run=row.run,
        package=row.package,
        content=row.content,
        source=row.source,
        code=row.code,
        dataset=row.dataset,
        served=row.served,
        environments=environments_of(read, row.name, row.number),
        registered_at=from_text(row.registered_at),
        registered_by=name_of(read, row.registered_by),
        approved_by=None if row.approved_by is None else name_of(read, row.approved_by),
        self_approved=row.self_approved,
        evidence=row.evidence,
        passed=row.passed,
        champion=row.champion,
        look=row.look,
        known=known,
        format=row.format,
    )


def usual_name(versions: Sequence[ModelVersion], project: Project) -> ModelName:
    """The name under which a run is registered when none is given.

    That of the live model, else of the newest version, else the project's: a retrained model must not become
    another one, which nothing in production is compared with.

    Args:
        versions: all model versions, newest first.
        project: gives a first model its name.
    """
    ours = [version for version in versions if version.format == OWN_FORMAT]
    live = [version for version in ours if version.environments]
    return next((version.name for version in [*live, *ours]), ModelName(project.project.name))
