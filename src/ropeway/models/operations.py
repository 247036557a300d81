"""The registry's operations: what can be asked of model versions, and every move they can make.

Each move checks the table of `states` under the write lock, so two people cannot both be right.
"""

import re

import msgspec

import ropeway.models.reference_operations  # noqa: F401  the room's operations are known by this module
from ropeway.core.ids import Digest, ModelName, RunId
from ropeway.models import registry
from ropeway.models.card import write_card
from ropeway.models.errors import BadModelName, ForeignPackage, FourEyes, NoSuchRule, UnknownSource
from ropeway.models.events import (
    ApprovedByRule,
    ModelApproved,
    ModelPromoted,
    ModelRecalled,
    ModelRegistered,
    ModelRejected,
    ModelRetired,
    SourceApproved,
)
from ropeway.models.gate import GateReport, examine, judge, take_verdict
from ropeway.models.judgement import require_fresh
from ropeway.models.manifest import Manifest, foreign_of, read_manifest
from ropeway.models.prompts import require_model
from ropeway.models.provenance import require_as_recorded
from ropeway.models.registry import Entry, ModelVersion, Standing
from ropeway.models.routing import Routing, route_in, routing_of
from ropeway.models.states import Move, State, after
from ropeway.workspace import Context, Limit, Workspace, operation
from ropeway.workspace.settings import Scalar

RAN_HERE = "ran here"
TRUSTED = "read and trusted"
SHORTEST_PREFIX = 8

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ModelDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A version with what its package says of itself, and the parameters of its run (None once erased)."""

    version: ModelVersion
    manifest: Manifest
    training: dict[str, Scalar] | None
    source_approved: bool


class History(msgspec.Struct, frozen=True, kw_only=True):
    """A model's moves, oldest first; with a moment asked for, what was where at that moment."""

    name: ModelName
    moves: list[Entry]
    at: str | None
    standing: list[Standing]


class Trusted(msgspec.Struct, frozen=True, kw_only=True):
    """Code that may run here, and whether it already might."""

    source: Digest
    known: bool


@operation("models.list", kind="query", permission="models:read")
def list_models(
    context: Context, *, name: str | None = None, limit: Limit = 100, prompts: bool = False
) -> list[ModelVersion]:
    """Versions of models, newest first; with `prompts` those of prompts in their place."""
    return registry.list_all(context.read, name, limit, prompts=prompts)


@operation("models.resolve", kind="query", permission="models:read")
def resolve_version(context: Context, *, ref: str) -> ModelVersion:
    """The version that `name@3`, `name@production`, `name@latest` or `name` means now."""
    return registry.resolve(context.read, context.project, ref)


@operation("models.get", kind="query", permission="models:read")
def get_model(context: Context, *, ref: str) -> ModelDetail:
    """A version with its manifest: parameters, signature, code files, artifacts, data."""
    version = registry.resolve(context.read, context.project, ref)
    manifest = read_manifest(context.store, version.package, version.ref)
    foreign = foreign_of(manifest)
    return ModelDetail(
        version=version,
        manifest=manifest,
        training=registry.training_params(context.read, version.run),
        # Without need where loading runs nothing of it.
        source_approved=(foreign is not None and not foreign.runs_code)
        or registry.is_source_approved(context.read, version.source),
    )


@operation("models.history", kind="query", permission="models:read")
def model_history(context: Context, *, name: str, at: str | None = None) -> History:
    """Every move of a model's versions with its time, person and evidence.

    Args:
        context: the call.
        name: the model; a version in the reference is ignored.
        at: a date or time, to be told which version was in which environment then.
    """
    version = registry.resolve(context.read, context.project, name.partition("@")[0])
    moment = None if at is None else registry.moment_of(at)
    return History(
        name=version.name,
        moves=registry.moves_of(context.read, version.name),
        at=at,
        standing=[] if moment is None else registry.standing_at(context.read, version.name, moment),
    )


@operation("models.card", kind="query", permission="models:read")
def model_card(context: Context, *, ref: str) -> str:
    """The model card, in Markdown, written from the record."""
    return write_card(context, registry.resolve(context.read, context.project, ref))


@operation("models.register", kind="command", permission="models:write")
def register_package(context: Context, *, name: str, package: Digest) -> ModelVersion:
    """Register a package that is in the store. The same content again is the version that it already was.

    A package of a run of this workspace must be what that run made; one from elsewhere can be loaded once its
    source is trusted, but has no test rows here to be judged on.
    """
    if not _NAME.fullmatch(name):
        raise BadModelName(name)
    manifest = read_manifest(context.store, package, name)
    if foreign_of(manifest) is not None:
        raise ForeignPackage(name)
    context.begin()
    record = registry.record_of(context.read, manifest.run)
    if record is not None:
        require_as_recorded(context.store, name, manifest, record)
    known = registry.find_content(context.read, name, manifest.content)
    if known is not None:
        return registry.get(context.read, name, known, known=True)
    number = registry.next_number(context.read, name)
    context.append(
        ModelRegistered(
            name=ModelName(name),
            number=number,
            run=manifest.run,
            package=package,
            content=manifest.content,
            source=manifest.source,
            code=manifest.snapshot,
            datasets=manifest.datasets,
            served=manifest.served,
        )
    )
    return registry.get(context.read, name, number)


@operation("models.gate", kind="job", permission="models:gate", runs_code=True)
def gate_model(context: Context, *, ref: str) -> GateReport:
    """Hold a version against the charter on the test rows, and record what was found: one look at them."""
    return judge(context, ref)


@operation("models.record-gate", kind="command", permission="models:gate")
def record_gate(context: Context, *, ref: str, evidence: Digest) -> GateReport:
    """Record what a gate has seen that ran at the caller; its evidence is in the store already.

    Raises:
        EvidenceDiffers: it is not what the record and the data say.
    """
    return take_verdict(context, ref, evidence)


def _gate_at_caller(workspace: Workspace, *, ref: str) -> GateReport:
    """As `models.gate`, with the version's code run in the caller's process."""
    version, evidence = examine(workspace, ref)
    return record_gate(workspace, ref=version.ref, evidence=evidence)


gate_model.at_caller = _gate_at_caller


@operation("models.approve", kind="command", permission="models:approve")
def approve_model(context: Context, *, ref: str, note: str | None = None) -> ModelVersion:
    """Answer for a validated version. Who trained or registered it may not, unless the project says so.

    Its evidence must be fresh: by the project's settings of now, on data that is still sound, against the
    version in production now.
    """
    version = _under_lock(context, ref, Move.APPROVE)
    did = registry.part_in(context.read, version, context.actor)
    if did and context.project.project.approval != "self":
        raise FourEyes(version.ref, context.actor_name, did)
    require_fresh(context, version)
    assert version.evidence is not None, "a validated version has evidence"
    context.append(
        ModelApproved(
            name=version.name,
            number=version.number,
            evidence=version.evidence,
            self_approved=bool(did),
            note=note,
        )
    )
    return registry.get(context.read, version.name, version.number)


@operation("models.promote", kind="command", permission="models:promote")
def promote_model(
    context: Context, *, ref: str, environment: str = "production", note: str | None = None
) -> ModelVersion:
    """Point an environment to a version; what was there is approved again, ready to come back.

    Its evidence must be fresh, as for approving. Going back to a version that was in this environment before
    wants nothing anew: it must work in the middle of the night.
    """
    registry.check_environment(context.project, environment)
    return promote_in(context, ref=ref, environment=environment, note=note)


def promote_in(context: Context, *, ref: str, environment: str, note: str | None) -> ModelVersion:
    """As `models.promote`, inside the caller's write transaction and for an environment that it knows.

    Going back asks nothing of the project file: it works while that is broken.
    """
    version = _under_lock(context, ref, Move.PROMOTE)
    if environment in version.environments:
        return version
    if not registry.was_live_in(context.read, version, environment):
        require_fresh(context, version)
    former = registry.number_in(context.read, version.name, environment)
    context.append(
        ModelPromoted(
            name=version.name, number=version.number, environment=environment, replaced=former, note=note
        )
    )
    return registry.get(context.read, version.name, version.number)


def approve_by_rule_in(context: Context, *, ref: str, rule: str) -> ModelVersion:
    """Let the project's policy answer for a validated version, inside another operation's transaction.

    Whether the policy made it is the caller's to know: no operation lets a person name a rule.

    Raises:
        NoSuchRule: the project's policy says nothing of the kind.
        StaleEvidence: as for `models.approve`.
    """
    version = _under_lock(context, ref, Move.APPROVE)
    policy = context.project.policy
    if policy is None or policy.approval != "by-rule":
        raise NoSuchRule(version.ref)
    require_fresh(context, version)
    assert version.evidence is not None, "a validated version has evidence"
    context.append(
        ApprovedByRule(name=version.name, number=version.number, evidence=version.evidence, rule=rule)
    )
    return registry.get(context.read, version.name, version.number)


@operation("models.reject", kind="command", permission="models:approve")
def reject_model(context: Context, *, ref: str, reason: str) -> ModelVersion:
    """Say that a version shall not be used; final."""
    version = _under_lock(context, ref, Move.REJECT)
    context.append(ModelRejected(name=version.name, number=version.number, reason=reason))
    return registry.get(context.read, version.name, version.number)


@operation("models.retire", kind="command", permission="models:promote")
def retire_model(context: Context, *, ref: str, reason: str) -> ModelVersion:
    """Put a version away. What is live is not retired: another one takes its place first."""
    version = _under_lock(context, ref, Move.RETIRE)
    context.append(ModelRetired(name=version.name, number=version.number, reason=reason))
    return registry.get(context.read, version.name, version.number)


@operation("models.recall", kind="command", permission="models:promote")
def recall_model(context: Context, *, ref: str, reason: str) -> ModelVersion:
    """Take a version out of use everywhere, at once; its environments are left empty."""
    version = _under_lock(context, ref, Move.RECALL)
    context.append(
        ModelRecalled(
            name=version.name, number=version.number, environments=version.environments, reason=reason
        )
    )
    return registry.get(context.read, version.name, version.number)


@operation("models.trust", kind="command", permission="models:trust")
def trust_source(context: Context, *, source: str) -> Trusted:
    """Let code run here, after reading it.

    Args:
        context: the call.
        source: the source digest of a registered version, or its first digits.
    """
    context.begin()
    known = registry.sources(context.read)
    found = [each for each in known if len(source) >= SHORTEST_PREFIX and each.startswith(source)]
    if len(found) != 1:
        raise UnknownSource(source, known)
    if registry.is_source_approved(context.read, found[0]):
        return Trusted(source=found[0], known=True)
    context.append(SourceApproved(source=found[0], basis=TRUSTED, person=context.actor, run=None))
    return Trusted(source=found[0], known=False)


@operation("models.trust-run", kind="command", permission="models:trust")
def trust_run(context: Context, *, run: RunId) -> Trusted:
    """Note the code of a run of this workspace as approved, in the name of the person who ran it.

    An operation of its own, under the permission to trust: a record of a run can be written by whoever may
    write runs, and that alone must not make code run here.
    """
    context.begin()
    ran = registry.who_ran(context.read, run)
    known = registry.is_source_approved(context.read, ran.source)
    if not known:
        context.append(SourceApproved(source=ran.source, basis=RAN_HERE, person=ran.person, run=run))
    return Trusted(source=ran.source, known=known)


@operation("models.routing", kind="query", permission="models:read")
def get_routing(context: Context, *, name: str, environment: str = "production") -> Routing:
    """How an environment's traffic is divided now.

    Raises:
        UnknownModel, UnknownEnvironment: there is no such model, or no such environment.
    """
    found = routing_of(context.read, context.project, name, environment)
    if found.live is None:
        registry.find(context.read, name)  # a model that is not live anywhere, or none at all
    return found


@operation("models.route", kind="command", permission="models:promote")
def route_traffic(
    context: Context,
    *,
    name: str,
    environment: str = "production",
    arms: dict[str, float] = {},  # noqa: B006  copied by `operation`
    shadows: list[str] = [],  # noqa: B006
    reason: str | None = None,
) -> Routing:
    """Divide an environment's traffic by hand: versions with shares beside the live one, and shadows.

    Without arms and shadows all of it is the live version's again.
    """
    return route_in(context, name=name, environment=environment, arms=arms, shadows=shadows, reason=reason)


def _under_lock(context: Context, ref: str, move: Move) -> ModelVersion:
    """The version, read under the write lock, if the table allows the move."""
    context.begin()
    version = registry.find(context.read, ref) or registry.resolve(context.read, context.project, ref)
    require_model(context.read, version.name)
    after(version.ref, State(version.state), move)
    return version
