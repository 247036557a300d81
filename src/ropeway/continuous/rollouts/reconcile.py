"""What goes on by itself: each active rollout is heard of, and takes the step that is due.

The log is read and the test computed without the write lock. What follows is decided and recorded in one
transaction, under the lock, and only if the rollout is still as it was when it was evaluated: two who
reconcile at once do a thing once, and one that is killed has done a thing wholly or not at all.
"""

from ropeway.continuous.action import Action
from ropeway.continuous.rollouts import moves, reading
from ropeway.continuous.rollouts.decide import Decision, decide, overtaken
from ropeway.continuous.rollouts.evidence import Evidence, Findings, evaluate, put_evidence, read_evidence
from ropeway.continuous.rollouts.operations import list_rollouts
from ropeway.continuous.rollouts.reading import RolloutState
from ropeway.core.ids import Digest
from ropeway.models.errors import StaleEvidence
from ropeway.workspace import Context, Workspace, operation

NEWS = 0.05
"""So much more has to be heard, as a share of what was, to be put on record where nothing follows from it."""


def reconcile(workspace: Workspace) -> list[Action]:
    """Evaluate every active rollout and do what is due; doing it again does nothing more.

    Raises:
        LeaseLost: the workspace is fenced, and another process has taken over.
    """
    done: list[Action] = []
    for rollout in list_rollouts(workspace, active=True, limit=1000):
        findings = evaluate(workspace, rollout)
        evidence = None
        if decide(rollout, findings) is not None or _is_news(rollout, findings):
            evidence = put_evidence(workspace.store, rollout, findings)
        done += conclude(workspace, rollout=rollout.id, seq=rollout.seq, evidence=evidence)
    return done


@operation("continuous.conclude", kind="command", permission="models:promote")
def conclude(context: Context, *, rollout: str, seq: int, evidence: Digest | None = None) -> list[Action]:
    """Do what is due for a rollout; nothing when it has moved on since it was evaluated.

    Args:
        context: the call.
        rollout: its id.
        seq: its last event when it was evaluated.
        evidence: what the evaluation has seen, where something follows from it or it is news.
    """
    found = reading.get(context.read, rollout)
    if not _is_as_it_was(found, seq) or (evidence is None and overtaken(context, found) is None):
        return []
    seen = None if evidence is None else read_evidence(context.store, evidence)
    assert seen is None or seen.rollout == found.id, "evidence is of one rollout"
    context.begin()
    found = reading.get(context.read, rollout)
    if not _is_as_it_was(found, seq):
        return []
    if seen is not None and evidence is not None:
        moves.take_evidence(context, found, seen.summary, evidence)
    decision = overtaken(context, found) or (decide(found, _findings(seen)) if seen is not None else None)
    return [] if decision is None else [_do(context, found, decision)]


def _is_as_it_was(rollout: RolloutState, seq: int) -> bool:
    return rollout.is_active and rollout.seq == seq


def _is_news(rollout: RolloutState, findings: Findings) -> bool:
    """Whether enough more was heard to be worth an event: there are few, however long it takes."""
    known = rollout.summary.entities if rollout.summary else 0
    now = findings.summary.entities
    return now > known and now - known >= NEWS * known


def _findings(seen: Evidence) -> Findings:
    return Findings(
        at=seen.at,
        summary=seen.summary,
        guarded=seen.guarded,
        differences=seen.differences,
        entities=seen.entities,
        settled_at=[],
    )


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
