"""What goes on by itself: each active rollout is heard of, and takes the step that is due.

The log is read and the test computed without the write lock. What follows is decided and recorded in one
transaction, under the lock, and only if the rollout is still as it was when it was evaluated: two who
reconcile at once do a thing once, and one that is killed has done a thing wholly or not at all.

One rollout's trouble is its own. Where its log cannot be read it goes back, since nobody would see its harm.
"""

from typing import cast

import msgspec

from ropeway.continuous.action import INTERNAL, Action, trouble
from ropeway.continuous.rollouts import moves, reading
from ropeway.continuous.rollouts.decide import Decision, decide, overtaken, unheard
from ropeway.continuous.rollouts.evidence import Findings, evaluate, put_evidence
from ropeway.continuous.rollouts.operations import list_rollouts
from ropeway.continuous.rollouts.reading import RolloutState
from ropeway.core.errors import RopewayError, Unavailable
from ropeway.models.errors import StaleEvidence
from ropeway.workspace import Context, Workspace, operation
from ropeway.workspace.errors import LeaseLost

NEWS = 0.05
"""So much more has to be heard, as a share of what was, to be put on record where nothing follows from it."""


class Unheard(msgspec.Struct, frozen=True, kw_only=True):
    """The log of a rollout could not be read. `passes`: the next look may find it readable."""

    told: Action
    why: str
    code: str
    passes: bool


def reconcile(workspace: Workspace) -> list[Action]:
    """Evaluate every active rollout and do what is due; doing it again does nothing more.

    Raises:
        LeaseLost: the workspace is fenced, and another process has taken over.
    """
    active = list_rollouts(workspace, active=True, limit=1000)
    return [action for rollout in active for action in _guarded(workspace, rollout)]


def _guarded(workspace: Workspace, rollout: RolloutState) -> list[Action]:
    """One rollout; what it raises is told, and does not keep the others from going back."""
    try:
        return conclude(workspace, rollout=rollout.id, seq=rollout.seq)
    except LeaseLost:
        raise
    except Exception as error:  # noqa: BLE001  the edge between rollouts: each must go back whatever ails another
        return [trouble(rollout.id, error)]


@operation("continuous.conclude", kind="job", permission="models:promote")
def conclude(context: Context, *, rollout: str, seq: int) -> list[Action]:
    """Hear what production says of a rollout and do what is due; nothing when it has moved on meanwhile.

    The evidence is gathered here, from the log, and is nobody's to hand in.

    Args:
        context: the call.
        rollout: its id.
        seq: its last event, as the caller knows it.
    """
    found = reading.get(context.read, rollout)
    if not _is_as_it_was(found, seq):
        return []
    heard = _hear(context, found)
    told = [heard.told] if isinstance(heard, Unheard) else []
    due, evidence = _due(context, found, heard), None
    if isinstance(heard, Findings) and (due is not None or _is_news(found, heard)):
        evidence = put_evidence(context.store, found, heard)
    if due is None and evidence is None and overtaken(context, found) is None:
        return told
    context.begin()
    found = reading.get(context.read, rollout)
    if not _is_as_it_was(found, seq):
        return told
    if evidence is not None and isinstance(heard, Findings):
        moves.take_evidence(context, found, heard.summary, evidence)
    decision = overtaken(context, found) or _due(context, found, heard)
    return told if decision is None else [*told, _do(context, found, decision)]


def _hear(context: Context, rollout: RolloutState) -> Findings | Unheard:
    """What production says, or why it cannot be heard."""
    try:
        # Of the workspace only its folder and its clock are wanted, and a call has both.
        return evaluate(cast("Workspace", context), rollout)
    except LeaseLost:
        raise
    except (Unavailable, OSError, MemoryError) as error:
        return _unheard(rollout, error, passes=True)
    except Exception as error:  # noqa: BLE001  whatever the log holds, a version that nobody sees must go back
        return _unheard(rollout, error, passes=False)


def _unheard(rollout: RolloutState, error: Exception, *, passes: bool) -> Unheard:
    return Unheard(
        told=trouble(rollout.id, error),
        # What another's code puts into its messages is not known, and events are kept for ever.
        why=error.what if isinstance(error, RopewayError) else f"Reading it raised {type(error).__name__}.",
        code=error.code if isinstance(error, RopewayError) else INTERNAL,
        passes=passes,
    )


def _due(context: Context, rollout: RolloutState, heard: Findings | Unheard) -> Decision | None:
    if isinstance(heard, Findings):
        return decide(rollout, heard)
    return unheard(rollout, heard.why, heard.code, at=context.clock.now(), passes=heard.passes)


def _is_as_it_was(rollout: RolloutState, seq: int) -> bool:
    return rollout.is_active and rollout.seq == seq


def _is_news(rollout: RolloutState, findings: Findings) -> bool:
    """Whether enough more was heard to be worth an event: there are few, however long it takes."""
    known = rollout.summary.entities if rollout.summary else 0
    now = findings.summary.entities
    return now > known and now - known >= NEWS * known


def _do(context: Context, rollout: RolloutState, decision: Decision) -> Action:
    """Record a decision and move traffic with it."""
    rule, says = decision.rule, decision.says
    match decision.act:
        case "advance":
            told = moves.advance(context, rollout, rule=rule, says=says)
            return Action(kind="rollout-advanced", subject=rollout.id, says=f"{told}: {says}")
        case "promote":
            try:
                moves.promote(context, rollout, rule=rule, says=says)
            except StaleEvidence as refusal:
                return _hold_stale(context, rollout, refusal)
            told = f"{rollout.ref} is live in {rollout.environment}"
            return Action(kind="rollout-promoted", subject=rollout.id, says=f"{told}. {says}")
        case "hold":
            moves.hold(context, rollout, reason=decision.outcome, rule=rule, says=says)
            return Action(kind="rollout-held", subject=rollout.id, says=f"{rollout.ref} is held: {says}")
        case "end":
            moves.end(context, rollout, outcome=decision.outcome, rule=rule, says=says)
            told = f"{rollout.ref} is {decision.outcome.replace('-', ' ')}"
            return Action(kind=f"rollout-{decision.outcome}", subject=rollout.id, says=f"{told}: {says}")


def _hold_stale(context: Context, rollout: RolloutState, refusal: StaleEvidence) -> Action:
    """It has proven itself, but its gate would not judge it by the same today: a person has to look."""
    says = f"its gain is proven, but it cannot be promoted. {refusal.what}"
    moves.hold(context, rollout, reason=refusal.code, rule="proven gain", says=says)
    return Action(kind="rollout-held", subject=rollout.id, says=f"{rollout.ref} is held: {says}")
