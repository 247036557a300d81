"""The controller: each round holds what is against what should be, and does what is missing.

It keeps no list of work. Whatever is killed, wherever, the next round reads from the ledger how things stand
and carries on; a lease keeps two from working at once, and its token the one that was taken for dead from
writing.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ropeway.continuous.action import Action, trouble
from ropeway.continuous.policy import model_of, require_sound
from ropeway.continuous.pulls import Pulls
from ropeway.continuous.retraining.operations import (
    Retraining,
    adopt_policy,
    live_version,
    open_retrainings,
    pause_policy,
    policy_standing,
    rolled_back,
    trigger,
)
from ropeway.continuous.retraining.saga import Progress, carry_on
from ropeway.continuous.retraining.triggers import Feed, Pending, pending
from ropeway.continuous.rollouts.errors import RolloutActive
from ropeway.continuous.rollouts.operations import list_rollouts
from ropeway.continuous.rollouts.reconcile import reconcile as move_rollouts
from ropeway.core.duration import parse_duration
from ropeway.core.errors import RopewayError
from ropeway.core.ids import ModelName
from ropeway.monitoring.observe import observe
from ropeway.monitoring.records import Alert
from ropeway.workspace import LocalWorkspace, Workspace
from ropeway.workspace.errors import LeaseLost
from ropeway.workspace.lease import TERM, Lease, take_lease
from ropeway.workspace.project import PROJECT_FILE, Project

NAME = "controller"
"""The lease, and the name under which it acts."""

Part = Callable[[Workspace], list[Action]]
Tell = Callable[[Sequence[Action]], None]


def reconcile(workspace: LocalWorkspace, *, progress: Progress | None = None) -> list[Action]:
    """One round, under the lease: watch, move rollouts, take retrainings on, begin what is asked for.

    Raises:
        LeaseHeld: a controller is at work.
        LeaseLost: another one took over while this one was at work.
    """
    with take_lease(workspace, NAME) as lease, _kept(lease), workspace.fenced(lease) as fenced:
        return _round(fenced, _Memory(fenced), progress)


def run(
    workspace: LocalWorkspace,
    *,
    every_s: float,
    stop: threading.Event,
    tell: Tell,
    progress: Progress | None = None,
) -> None:
    """Round after round until `stop` is set; what a round did that the one before had not is told.

    Args:
        workspace: where.
        every_s: how long to wait between rounds.
        stop: set from elsewhere, such as a handler of SIGTERM. The round that runs is finished first.
        tell: called with what is new, after each round that has something.
        progress: called for the steps of pipelines.

    Raises:
        LeaseHeld: a controller is at work.
        LeaseLost: another one took over while this one was at work.
    """
    with take_lease(workspace, NAME) as lease, _kept(lease), workspace.fenced(lease) as fenced:
        memory = _Memory(fenced)
        told: set[Action] = set()
        while not stop.is_set():
            actions = [*_renewed(lease), *_round(fenced, memory, progress)]
            new = [action for action in actions if action not in told]
            if new:
                tell(new)
            told = set(actions)
            stop.wait(every_s)


def ask(workspace: Workspace, why: str | None) -> Retraining:
    """Put on record that a person wants a retraining; nothing of it is done yet.

    Raises:
        NoPolicy, PolicyInvalid: there is nothing sound to go by.
        RetrainingUnderway, PolicyPausedNow: see there.
        RolloutActive: another version is on its way there; a new one would have to wait for its end.
    """
    policy = require_sound(workspace)
    name = ModelName(model_of(workspace))
    active = list_rollouts(workspace, name=name, environment=policy.environment, active=True, limit=1)
    if active:
        raise RolloutActive(name, policy.environment, active[0].id, active[0].ref)
    live = _live(workspace, name, policy.environment)
    return trigger(workspace, name=name, environment=policy.environment, trigger="hand", live=live, says=why)


def take_on(workspace: LocalWorkspace, *, progress: Progress | None = None) -> list[Action]:
    """Take on retrainings that are open, and nothing else; for a person who asked for one.

    Raises:
        LeaseHeld: a controller is at work, and takes them on itself.
    """
    with take_lease(workspace, NAME) as lease, _kept(lease), workspace.fenced(lease) as fenced:
        return _carry_on(fenced, progress)


@contextmanager
def _kept(lease: Lease) -> Iterator[None]:
    """Renew a lease while a round works, however long; a process that is stopped renews nothing."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(TERM.total_seconds() / 3):
            try:
                lease.renew()
            except LeaseLost:
                # The next write of the round is refused by the same token, and says so where it is heard.
                return
            except RopewayError:
                # The database is busy or full just now; the term is three times as long as this pause.
                continue

    thread = threading.Thread(target=renew, name="ropeway-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _renewed(lease: Lease) -> list[Action]:
    """Renew the lease between rounds; a disk that is full for a while does not end the controller."""
    try:
        lease.renew()
    except LeaseLost:
        raise
    except RopewayError as error:
        return [trouble("lease", error)]
    return []


class _Memory:
    """What a controller keeps from round to round; one that begins anew does without it."""

    def __init__(self, workspace: Workspace) -> None:
        self.feed = Feed(workspace)
        self.pulls = Pulls(workspace.clock.now())
        self.project: Project | None = None


def _round(workspace: LocalWorkspace, memory: _Memory, progress: Progress | None) -> list[Action]:
    try:
        memory.project = workspace.project
    except Exception as error:  # noqa: BLE001  the edge to a file that people edit: rollbacks must act all the same
        return [trouble(PROJECT_FILE, error), *_round_without_settings(workspace, memory.project)]
    parts: dict[str, Part] = {
        "monitoring": _watch,
        "rollouts": move_rollouts,
        "policy": _ask_a_person,
        "retraining": lambda workspace: _carry_on(workspace, progress),
        # Before what may be triggered by new data, so that it is seen in the same round.
        "sources": memory.pulls,
        "triggers": lambda workspace: _begin(workspace, memory.feed, progress),
    }
    return [action for name, part in parts.items() for action in _guarded(name, part, workspace)]


def _round_without_settings(workspace: LocalWorkspace, last: Project | None) -> list[Action]:
    """A round while the project file cannot be read: what is watched goes on, and nothing begins.

    Rollouts have their terms on record, and go back as ever; windows are judged by the settings that were
    read last, where this controller has read any.
    """
    actions = _guarded("rollouts", move_rollouts, workspace)
    if last is None:
        return actions
    with workspace.going_by(last) as as_before:
        return [*_guarded("monitoring", _watch, as_before), *actions]


def _guarded(name: str, part: Part, workspace: Workspace) -> list[Action]:
    """One part of a round; what it raises is told, and does not keep the others from their work."""
    try:
        return part(workspace)
    except LeaseLost:
        raise
    except Exception as error:  # noqa: BLE001  the edge between the parts: rollbacks must act whatever else fails
        return [trouble(name, error)]


def _watch(workspace: Workspace) -> list[Action]:
    """Judge the windows that are over; raise and resolve alerts."""
    seen = observe(workspace)
    raised = [Action("alert", alert.model, _named(alert, alert.says)) for alert in seen.raised]
    resolved = [
        Action("resolved", alert.model, _named(alert, alert.resolution or alert.says))
        for alert in seen.resolved
    ]
    errors = [Action("error", "monitoring", error) for error in seen.errors]
    # A line for each sink: what keeps one message from it keeps the others too.
    stuck = {each.sink: each for each in reversed(seen.undelivered)}
    errors += [Action("not-told", sink, each.line) for sink, each in sorted(stuck.items())]
    return [*raised, *resolved, *errors, *(Action("note", "monitoring", note) for note in seen.notes)]


def _named(alert: Alert, says: str) -> str:
    return f"{alert.rule} of {alert.model}: {says}"


def _ask_a_person(workspace: Workspace) -> list[Action]:
    """Stop by itself when one version after the other is rolled back."""
    policy = workspace.project.policy
    if policy is None:
        return []
    name = ModelName(model_of(workspace))
    state = policy_standing(workspace, name=name, environment=policy.environment)
    if state.paused_at is not None:
        return []
    back = rolled_back(
        workspace,
        name=name,
        environment=policy.environment,
        since=workspace.clock.now() - parse_duration(policy.rollbacks_within),
        # By the order on record: a clock may have stood ahead when it was resumed.
        after_seq=state.resumed_seq,
    )
    if len(back) < policy.max_rollbacks:
        return []
    reason = (
        f"{len(back)} versions were rolled back within {policy.rollbacks_within} ({', '.join(back)}); a "
        "person should see why before another is trained"
    )
    pause_policy(workspace, name=name, environment=policy.environment, reason=reason, by_rule=True)
    return [Action("paused", name, f"{reason}; then: ropeway policy resume")]


def _carry_on(workspace: Workspace, progress: Progress | None) -> list[Action]:
    """Take every retraining on that is not over."""
    waiting = open_retrainings(workspace)
    policy = workspace.project.policy
    if policy is None:
        says = "it waits: ropeway.toml has no [policy] any more"
        return [Action("waiting", each.id, says) for each in waiting]
    return [action for each in waiting for action in carry_on(workspace, each, policy, progress=progress)]


def _begin(workspace: Workspace, feed: Feed, progress: Progress | None) -> list[Action]:
    """Begin the most pressing retraining that is asked for, if nothing holds it back."""
    if workspace.project.policy is None:
        return []
    policy = require_sound(workspace)
    name, environment = ModelName(model_of(workspace)), policy.environment
    actions: list[Action] = []
    if adopt_policy(workspace, name=name, environment=environment):
        actions.append(Action("policy", name, f"goes by the policy in ropeway.toml, in {environment}"))
    asked, live = pending(workspace, policy, name, feed), _live(workspace, name, environment)
    actions += [
        Action("held", each.cause, f"{_briefly(each, live)}; held back: {'; '.join(each.held)}")
        for each in asked
        if each.held
    ]
    for each in asked:
        if not each.held:
            begun = trigger(
                workspace,
                name=name,
                environment=environment,
                trigger=each.trigger,
                cause=each.cause,
                live=live,
                says=each.says,
            )
            actions.append(Action("triggered", begun.id, _briefly(each, live)))
            return actions + carry_on(workspace, begun, policy, progress=progress)
    return actions


def _briefly(asked: Pending, live: str) -> str:
    """What asks, in a few words: an alert has said its figures in a line of its own."""
    kind, _, identity = asked.cause.partition(":")
    return f"{asked.trigger} of {live}: {identity}" if kind == "alert" else f"{asked.trigger}: {asked.says}"


def _live(workspace: Workspace, name: str, environment: str) -> str:
    """The version that is live where the policy releases; empty when none is."""
    found = live_version(workspace, name=name, environment=environment)
    return "" if found is None else found.ref
