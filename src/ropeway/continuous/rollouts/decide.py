"""What follows for a rollout: pure functions of how it stands, what was found, and what the registry says.

The order is the rule: who does harm goes first, what is held waits, what is proven goes on, and only then
does the deadline count.
"""

from datetime import datetime
from typing import Literal

import msgspec

from ropeway.continuous.rollouts import moves
from ropeway.continuous.rollouts.events import SHADOW
from ropeway.continuous.rollouts.evidence import Findings
from ropeway.continuous.rollouts.moves import PROMOTED
from ropeway.continuous.rollouts.projections import HELD
from ropeway.continuous.rollouts.reading import GUARD, HARM, ROLLED_BACK, RolloutState, step_name
from ropeway.models import registry
from ropeway.models.routing import recorded_routing
from ropeway.models.states import State
from ropeway.workspace import Context
from ropeway.workspace.errors import ProjectInvalid, ProjectNotFound

FUTILE, UNDECIDED, SUPERSEDED, WITHDRAWN = "futile", "undecided", "superseded", "withdrawn"
UNWATCHED = "cannot be watched"
GONE = frozenset({State.RECALLED, State.REJECTED, State.RETIRED, State.CANDIDATE})


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done, by which rule, and why. `outcome`: of an end; the reason, of a hold."""

    act: Literal["advance", "promote", "end", "hold"]
    rule: str
    says: str
    outcome: str = ""


def decide(rollout: RolloutState, findings: Findings) -> Decision | None:
    """What the evidence asks for; None to go on as it is."""
    summary, guarded = findings.summary, findings.guarded
    for name, says in guarded.broken.items():
        return _end(ROLLED_BACK, f"{GUARD}{name}", says)
    if summary.verdict == "harm":
        return _end(ROLLED_BACK, HARM, summary.says)
    if rollout.state == HELD:
        return None
    is_heard = summary.in_step >= rollout.terms.min_entities and not guarded.waits
    is_last = rollout.step == len(rollout.shares) - 1
    if is_last and is_heard and summary.verdict == "gain":
        return Decision(act="promote", rule="proven gain", says=summary.says, outcome=PROMOTED)
    if summary.verdict == "futile" and not guarded.waits:
        return _end(FUTILE, "futility", summary.says)
    if findings.at >= rollout.deadline_at:
        return _overdue(rollout, findings.guarded.waits or findings.summary.says)
    if is_heard and not is_last:
        says = f"{summary.in_step:,} entities heard of at {step_name(rollout.share)}, and no harm"
        return Decision(act="advance", rule="min_entities", says=says)
    return None


def unheard(rollout: RolloutState, why: str, code: str, *, at: datetime, passes: bool) -> Decision | None:
    """What follows where the log cannot be read: nobody is left with a version that nobody watches.

    Args:
        rollout: as it stands.
        why: what is wrong, in a sentence.
        code: the same, for machines.
        at: the time of the look.
        passes: the next look may find the log readable; until the deadline it is waited for.
    """
    if not passes and rollout.share > SHADOW:
        return _end(ROLLED_BACK, UNWATCHED, f"what production says of it cannot be read. {why}")
    if rollout.state == HELD:
        return None
    if at >= rollout.deadline_at:
        return _overdue(rollout, why)
    if passes:
        return None
    says = f"what production says of it cannot be read. {why}"
    return Decision(act="hold", rule=UNWATCHED, says=says, outcome=code)


def overtaken(context: Context, rollout: RolloutState) -> Decision | None:
    """What the registry asks for, whatever the evidence is: the world may have moved on meanwhile."""
    if not _is_declared(context, rollout.environment):
        says = f"ropeway.toml has no environment {rollout.environment} any more"
        return _end(WITHDRAWN, "environment removed", says)
    live = registry.number_in(context.read, rollout.name, rollout.environment)
    if not moves.is_live(context, rollout):
        now = f"{rollout.name}@{live} is live" if live else "nothing is live"
        says = f"{now} in {rollout.environment} now, not {rollout.champion}: there is nothing to compare with"
        return _end(SUPERSEDED, "another version is live", says)
    state = registry.get(context.read, rollout.name, rollout.number).state
    if state in GONE:
        return _end(WITHDRAWN, "no longer approved", f"{rollout.ref} is {state.value}")
    routing = recorded_routing(context.read, rollout.name, rollout.environment)
    if routing.rollout != rollout.id:
        says = "somebody divided the traffic otherwise: what is measured is not this rollout's any more"
        return _end(SUPERSEDED, "traffic divided by hand", says)
    if state is State.VALIDATED and rollout.state != HELD:
        says = f"{rollout.ref} was gated again, and its approval is taken back: approve it, then resume"
        return Decision(act="hold", rule="no longer approved", says=says, outcome="not-approved")
    return None


def _is_declared(context: Context, environment: str) -> bool:
    """Whether the project has an environment; one whose file cannot be read just now has lost none."""
    try:
        return environment in context.project.environments
    except (ProjectInvalid, ProjectNotFound, OSError):
        return True


def _overdue(rollout: RolloutState, why: str) -> Decision:
    """The deadline is over and nothing is proven: a valid ending, or a person's to decide."""
    says = f"the deadline is over. {why}".removesuffix(".")
    if rollout.terms.undecided != "hold":
        return _end(UNDECIDED, "deadline", says)
    where = f"it stays at {step_name(rollout.share)} and waits for a person"
    return Decision(act="hold", rule="deadline", says=f"{says}; {where}", outcome=UNDECIDED)


def _end(outcome: str, rule: str, says: str) -> Decision:
    return Decision(act="end", rule=rule, says=says, outcome=outcome)
