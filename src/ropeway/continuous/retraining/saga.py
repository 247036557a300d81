"""A retraining, taken on from where it stands: data, training, registration, gate, approval, release.

A stage is on record once it is done, and knows its own result: what was killed in the middle of one does that
stage again, and comes to the same dataset version, the same model version and the same verdict.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from ropeway.continuous.action import Action
from ropeway.continuous.quiet import is_quiet, quiet_until
from ropeway.continuous.retraining.errors import FeedbackOutsideContract, MadeByHand
from ropeway.continuous.retraining.events import STAGES, Outcome
from ropeway.continuous.retraining.operations import (
    Retraining,
    advance,
    approve_retrained,
    end,
    find_run,
    judged,
    list_retrainings,
    live_version,
    policy_standing,
    record_collected,
    release_retrained,
    show_retraining,
    went_back_before,
)
from ropeway.continuous.rollouts.errors import NothingToCompare, RolloutActive
from ropeway.continuous.schedule import zone_of
from ropeway.core.errors import RopewayError, Unavailable
from ropeway.data.errors import ChecksFailed, ContractChanged, ContractViolated
from ropeway.data.load import require_trainable, resolve
from ropeway.models.errors import IllegalTransition, StaleEvidence
from ropeway.models.gate import GateReport
from ropeway.models.operations import approve_model, gate_model
from ropeway.models.register import register
from ropeway.models.registry import ModelVersion
from ropeway.models.states import State
from ropeway.pipelines.records import StepEvent
from ropeway.pipelines.run import run_pipeline
from ropeway.workspace import Workspace
from ropeway.workspace.errors import LeaseLost
from ropeway.workspace.tables.policy import Policy

ROWS = "rows"
INTERNAL = "internal"

Progress = Callable[[StepEvent], None]

_OUT_OF_USE = frozenset({State.REJECTED, State.RETIRED, State.RECALLED})


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one look at a retraining: it went on, or waits for something (`kind`)."""

    kind: Literal["went-on", "waits"]
    says: str


def carry_on(
    workspace: Workspace, current: Retraining, policy: Policy, *, progress: Progress | None = None
) -> list[Action]:
    """Take a retraining on until it is over, or waits for a person or a time.

    Raises:
        LeaseLost: another process carries on.
        Unavailable: something is not there now; the next round tries again.
    """
    actions: list[Action] = []
    current = show_retraining(workspace, retraining=current.id)
    while current.outcome is None:
        step = _guarded(workspace, current, policy, progress)
        current = show_retraining(workspace, retraining=current.id)
        actions.append(Action(_kind(step, current), current.version or current.id, step.says))
        if step.kind == "waits":
            break
    return actions


def _kind(step: Step, current: Retraining) -> str:
    if step.kind == "waits":
        return "waiting"
    return "retrained" if current.outcome is None else current.outcome


def _guarded(workspace: Workspace, current: Retraining, policy: Policy, progress: Progress | None) -> Step:
    """One step; an error that would come again ends the retraining, with its code."""
    try:
        return _step(workspace, current, policy, progress)
    except (LeaseLost, Unavailable):
        raise
    # Somebody moved the version meanwhile, or another one is on its way: the next round sees how it stands.
    except (IllegalTransition, RolloutActive) as error:
        return Step(kind="waits", says=error.what)
    except StaleEvidence as error:
        version = judged(workspace, ref=current.version).version
        if version.state is not State.LIVE:
            return Step(kind="waits", says=error.what)
        return _ends(workspace, current, "failed", error.what, error.code)
    except (ContractViolated, ContractChanged, ChecksFailed, FeedbackOutsideContract) as error:
        says = f"{error.what} {error.next_step}" if error.next_step else error.what
        return _ends(workspace, current, "data-refused", says, error.code)
    except RopewayError as error:
        return _ends(workspace, current, "failed", error.what, error.code)
    except Exception as error:  # noqa: BLE001  the project's own code runs here: whatever it raises must end this
        return _ends(workspace, current, "failed", f"{type(error).__name__}: {error}", INTERNAL)


def _step(workspace: Workspace, current: Retraining, policy: Policy, progress: Progress | None) -> Step:
    state = policy_standing(workspace, name=current.name, environment=current.environment)
    if state.paused_at is not None:
        return Step(kind="waits", says=f"the policy is paused: {state.reason or 'the reason was erased'}")
    if not current.version:
        return _make(workspace, current, policy, progress)
    return _judge(workspace, current, policy)


def _make(workspace: Workspace, current: Retraining, policy: Policy, progress: Progress | None) -> Step:
    """The stages up to a registered version."""
    if current.stage == "data":
        return _train(workspace, current, policy, progress)
    if current.stage == "trained":
        return _register(workspace, current)
    return _take_data(workspace, current, policy)


def _take_data(workspace: Workspace, current: Retraining, policy: Policy) -> Step:
    """Make a new version of the data of what people said, or take the newest that there is."""
    by_hand = current.trigger == "hand"
    declared = workspace.project.inputs.get(ROWS)
    remark = ""
    newest = resolve(workspace, declared.dataset) if declared is not None else None
    if policy.data.feedback and declared is not None and declared.target is not None:
        from ropeway.continuous.retraining.collect import gather, put_together, require_within_contract

        gathered = gather(workspace, policy, current.name)
        if newest is None or newest.reference in _learnt(workspace, current):
            require_within_contract(gathered)
        least = 1 if by_hand else policy.data.min_rows
        if gathered.rows.height >= least and not gathered.outside:
            made = put_together(workspace, policy, current.name, gathered)
            done = record_collected(workspace, retraining=current.id, gathered=made)
            return Step(kind="went-on", says=done.stage_says + _beside(made.known))
        remark = f"; {gathered.rows.height:,} new judged predictions are fewer than {least:,}"
        remark = "" if gathered.rows.height >= least else remark
        remark += f"; {gathered.left_out}" if gathered.left_out else ""
    if newest is None or by_hand or newest.reference not in _learnt(workspace, current):
        reference = "" if newest is None else newest.reference
        says = (
            "there is no data to resolve" if newest is None else f"{newest.shown} is the newest data{remark}"
        )
        advance(workspace, retraining=current.id, stage="data", dataset=reference, says=says)
        return Step(kind="went-on", says=says)
    says = f"there is nothing new to learn from: {newest.shown} is the newest data{remark}"
    return _ends(workspace, current, "no-new-data", says)


def _beside(known: int) -> str:
    """What of the feedback the data had before."""
    return f"; {known:,} had a key that the data has, and its rows stay" if known else ""


def _learnt(workspace: Workspace, current: Retraining) -> set[str]:
    """The data that the live version, or a retraining before, has learnt from."""
    live = live_version(workspace, name=current.name, environment=current.environment)
    past = list_retrainings(workspace, name=current.name, environment=current.environment)
    learnt = {each.dataset for each in past}
    return learnt if live is None else learnt | {f"dataset:{live.dataset}"}


def _train(workspace: Workspace, current: Retraining, policy: Policy, progress: Progress | None) -> Step:
    if current.dataset:
        require_trainable(resolve(workspace, current.dataset))
    run = find_run(workspace, retraining=current.id)
    if run is None:
        run = run_pipeline(workspace, overrides=policy.params, progress=progress).run
    says = f"trained in {run}"
    advance(workspace, retraining=current.id, stage="trained", run=run, says=says)
    return Step(kind="went-on", says=says)


def _register(workspace: Workspace, current: Retraining) -> Step:
    version = register(workspace, current.run, name=current.name)
    if current.environment in version.environments:
        says = f"training gave {version.ref} again, which is live in {current.environment}"
        return _ends(workspace, current, "no-new-data", says, version=version.ref)
    says = f"{version.ref}, which there was before" if version.known else f"registered as {version.ref}"
    advance(workspace, retraining=current.id, stage="registered", version=version.ref, says=says)
    return Step(kind="went-on", says=says)


def _judge(workspace: Workspace, current: Retraining, policy: Policy) -> Step:
    """The stages from a version on: each goes by where the version stands now, whoever brought it there."""
    found = judged(workspace, ref=current.version)
    version = found.version
    if current.environment in version.environments:
        says = f"{version.ref} is live in {current.environment} already"
        return _ends(workspace, current, "released", says)
    if version.state in _OUT_OF_USE:
        return _ends(workspace, current, "rejected", f"{version.ref} is {version.state.value}")
    back = went_back_before(workspace, retraining=current.id)
    if back:
        by_hand = f"A person may try it again: ropeway release {version.ref} --to {current.environment}"
        return _ends(workspace, current, "rejected", f"refused: {back} {by_hand}")
    if current.live and live_version(workspace, name=current.name, environment=current.environment) is None:
        return _waits_for_a_live_one(current, version)
    may_look = version.state is not State.LIVE
    if may_look and (version.passed is None or found.stale):
        return _gate(workspace, current)
    if not version.passed:
        return _ends(workspace, current, "refused-by-gate", f"the gate refused {version.ref}")
    if current.stage == "registered":
        return _gated(
            workspace, current, f"the gate passed {version.ref} before, on evidence that still holds"
        )
    if version.state is State.VALIDATED:
        return _approve(workspace, current, policy, version)
    if current.stage == "gated":
        by = f" in the name of {version.approved_by}" if version.approved_by else ""
        return _approved(workspace, current, f"{version.ref} is approved{by}")
    return _release(workspace, current, policy)


def _waits_for_a_live_one(current: Retraining, version: ModelVersion) -> Step:
    """What it was to be better than is gone: a gate without it would ask too little."""
    where = f"--to {current.environment}"
    says = (
        f"{current.live} was live in {current.environment} when this began, and nothing is now: "
        f"{version.ref} would be held against nothing. A person decides: ropeway rollback {current.name} "
        f"{where}   brings back what was live before; ropeway model promote {version.ref} {where}   puts the "
        "new one live untested, once it is gated and approved"
    )
    return Step(kind="waits", says=says)


def _gate(workspace: Workspace, current: Retraining) -> Step:
    report = gate_model(workspace, ref=current.version)
    if report.passed:
        return _gated(workspace, current, f"the gate passed {report.ref}")
    refused = "; ".join(check.says for check in report.checks if not check.passed)
    says = f"the gate refused {report.ref}: {refused}{_how_else(report)}"
    if STAGES.index("gated") > STAGES.index(current.stage):
        advance(workspace, retraining=current.id, stage="gated", passed=False, says=says)
    return _ends(workspace, current, "refused-by-gate", says)


def _how_else(report: GateReport) -> str:
    """What a person can do where only certainty was missing, as the rows judged on are old ones."""
    if {check.code for check in report.checks if not check.passed} != {"not-better"}:
        return ""
    return (
        ". Most of these rows may be from before a drift: a negative [gate] min_gain keeps out only what is "
        "clearly worse and leaves the rest to the rollout; then: ropeway retrain"
    )


def _gated(workspace: Workspace, current: Retraining, says: str) -> Step:
    advance(workspace, retraining=current.id, stage="gated", passed=True, says=says)
    return Step(kind="went-on", says=says)


def _approve(workspace: Workspace, current: Retraining, policy: Policy, version: ModelVersion) -> Step:
    """As the policy says: by its own rule, by who runs the controller, or by a person who did not."""
    if policy.approval == "by-rule":
        try:
            approve_retrained(workspace, retraining=current.id)
        except MadeByHand as refusal:
            return Step(kind="waits", says=f"{refusal.what} {refusal.next_step}")
        return Step(kind="went-on", says=f"{version.ref} is approved by rule: it passed the gate")
    if policy.approval == "self":
        approve_model(workspace, ref=version.ref, note=f"retraining {current.id}, after {current.trigger}")
        says = f"{version.ref} is approved by who retrained it, as the project allows"
        return _approved(workspace, current, says)
    command = f"ropeway model approve {version.ref} --as SOMEONE"
    return Step(kind="waits", says=f"{version.ref} passed the gate and waits for a person: {command}")


def _approved(workspace: Workspace, current: Retraining, says: str) -> Step:
    advance(workspace, retraining=current.id, stage="approved", says=says)
    return Step(kind="went-on", says=says)


def _release(workspace: Workspace, current: Retraining, policy: Policy) -> Step:
    zone, now = zone_of(policy.time_zone), workspace.clock.now()
    # A person who asks by hand is awake.
    if current.trigger != "hand" and zone is not None and is_quiet(now, policy.quiet, zone):
        until = quiet_until(now, policy.quiet, zone).astimezone(zone)
        return Step(
            kind="waits", says=f"{current.version} is released when the quiet hours end: {until:%H:%M}"
        )
    try:
        done = release_retrained(workspace, retraining=current.id)
    except NothingToCompare as refusal:
        return Step(kind="waits", says=f"{refusal.what} {refusal.next_step}")
    return Step(kind="went-on", says=done.ended_says)


def _ends(
    workspace: Workspace,
    current: Retraining,
    outcome: Outcome,
    says: str,
    code: str = "",
    *,
    version: str = "",
) -> Step:
    end(workspace, retraining=current.id, outcome=outcome, says=says, code=code, version=version)
    return Step(kind="went-on", says=says)
