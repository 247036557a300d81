"""What the ledger's events allow: an account of releases of its own, that trusts no projection.

It goes through all events once. On the way it holds each to what must have come before it, and notes after
each how traffic had to be divided then.
"""

from collections import Counter
from dataclasses import dataclass, field

from tests.faults.traffic import Seen

from ropeway.continuous.retraining.events import RetrainingAdvanced, RetrainingEnded, RetrainingTriggered
from ropeway.continuous.rollouts.events import (
    RolloutAdvanced,
    RolloutEnded,
    RolloutEvaluated,
    RolloutStarted,
)
from ropeway.ledger import Event
from ropeway.models.events import (
    ApprovedByRule,
    GateEvaluated,
    ModelApproved,
    ModelPromoted,
    ModelRegistered,
    TrafficRouted,
)
from ropeway.workspace import LocalWorkspace

ONCE = (
    "RetrainingTriggered",
    "RetrainingEnded",
    "FeedbackCollected",
    "DatasetArrived",
    "ModelRegistered",
    "ApprovedByRule",
    "ModelPromoted",
    "RolloutStarted",
    "RolloutEnded",
)
"""What happens once to one subject."""


@dataclass
class Division:
    """How traffic is divided: the versions by number, the rollout that divides it."""

    live: int | None = None
    arms: dict[int, float] = field(default_factory=dict)
    shadows: list[int] = field(default_factory=list)
    rollout: str = ""

    def problems(self, seen: Seen) -> list[str]:
        """Where a reading is another than this."""
        name = "" if seen.live is None else seen.live.partition("@")[0]
        wanted = Seen(
            seq=seen.seq,
            live=None if self.live is None else f"{name}@{self.live}",
            arms={f"{name}@{number}": share for number, share in self.arms.items()},
            shadows=[f"{name}@{number}" for number in self.shadows],
            rollout=self.rollout,
        )
        return [] if seen == wanted else [f"after event {seen.seq} traffic was {seen}, not {wanted}"]


class Releases:
    """The account. `problems` are what came without what must precede it; `divided` is by event."""

    def __init__(self, workspace: LocalWorkspace) -> None:
        self.problems: list[str] = []
        self.divided: dict[int, Division] = {}
        self.happened: Counter[tuple[str, str]] = Counter()
        self._now = Division()
        self._active: RolloutStarted | None = None
        self._step = 0
        self._verdict = ""
        self._registered: set[int] = set()
        self._passed: set[int] = set()
        self._approved: set[int] = set()
        self._stages: dict[str, list[str]] = {}
        self._by_retraining: Counter[str] = Counter()
        self._promoted_by: RolloutStarted | None = None
        with workspace.ledger.reading() as connection:
            for fact in workspace.ledger.facts(connection):
                self._take(fact.seq, fact.event)
                self.divided[fact.seq] = self._now
        self._account_for_ends()

    def held_against(self, seen: list[Seen]) -> list[str]:
        """Readings of the division that the events do not bear out."""
        found = []
        for each in seen:
            if each.seq not in self.divided:
                found.append(f"traffic was read after event {each.seq}, which is not there")
            else:
                found += self.divided[each.seq].problems(each)
        return found

    def _take(self, seq: int, event: Event) -> None:
        self.happened[type(event).__name__, event.subject()] += 1
        match event:
            case ModelRegistered():
                self._registered.add(event.number)
            case GateEvaluated():
                (self._passed.add if event.passed else self._passed.discard)(event.number)
            case ApprovedByRule() | ModelApproved():
                self._require(event.number in self._passed, seq, f"@{event.number} approved, gate not passed")
                self._approved.add(event.number)
            case ModelPromoted():
                self._promoted(seq, event)
            case TrafficRouted():
                self._routed(seq, event)
            case RolloutStarted() | RolloutAdvanced() | RolloutEvaluated() | RolloutEnded():
                self._moved(seq, event)
            case RetrainingTriggered() | RetrainingAdvanced() | RetrainingEnded():
                self._retrained(seq, event)

    def _promoted(self, seq: int, event: ModelPromoted) -> None:
        self._require(event.number in self._approved, seq, f"@{event.number} is live and was not approved")
        if self._now.live is not None:
            rollout = self._active
            is_tried = rollout is not None and rollout.number == event.number
            self._require(is_tried, seq, f"@{event.number} is live without a rollout")
            if rollout is not None:
                self._require(
                    self._step == len(rollout.steps) - 1, seq, f"@{event.number} is live from an early step"
                )
            self._require(self._verdict == "gain", seq, f"@{event.number} is live without a proven gain")
            self._promoted_by = rollout
        self._now = Division(live=event.number)

    def _routed(self, seq: int, event: TrafficRouted) -> None:
        arms = {arm.number: arm.share for arm in event.arms}
        self._require(event.live == self._now.live, seq, f"routed around @{event.live}, which is not live")
        for number in {*arms, *event.shadows}:
            self._require(number in self._approved, seq, f"traffic to @{number}, which is not approved")
            is_tried = self._active is not None and self._active.number == number
            self._require(is_tried, seq, f"traffic to @{number}, which no rollout has released")
        if self._active is not None and arms:
            share = self._active.steps[self._step]
            self._require(
                arms == {self._active.number: share}, seq, f"traffic is {arms}, the step is {share}"
            )
        self._now = Division(event.live, arms, list(event.shadows), event.rollout)

    def _moved(
        self, seq: int, event: RolloutStarted | RolloutAdvanced | RolloutEvaluated | RolloutEnded
    ) -> None:
        if isinstance(event, RolloutStarted):
            self._require(self._active is None, seq, "a rollout began while another was active")
            self._require(event.number in self._approved, seq, f"a rollout of @{event.number}, not approved")
            self._active, self._step, self._verdict = event, 0, ""
            self._by_retraining[event.retraining] += 1
            return
        active = self._active
        if active is None or active.rollout != event.rollout:
            self.problems.append(f"event {seq}: {type(event).__name__} of a rollout that is not active")
        elif isinstance(event, RolloutEvaluated):
            self._verdict = event.summary.verdict
        elif isinstance(event, RolloutAdvanced):
            self._require(event.step == self._step + 1, seq, f"from step {self._step} to {event.step}")
            self._step = event.step
        else:
            is_live = self._promoted_by is active
            self._require((event.outcome == "promoted") == is_live, seq, f"ended as {event.outcome}")
            self._active = None

    def _retrained(self, seq: int, event: RetrainingTriggered | RetrainingAdvanced | RetrainingEnded) -> None:
        stages = self._stages.setdefault(event.retraining, [])
        if isinstance(event, RetrainingTriggered):
            stages.append("triggered")
            return
        self._require(bool(stages) and "ended" not in stages, seq, f"a step of {event.retraining}: {stages}")
        stage = event.stage if isinstance(event, RetrainingAdvanced) else "ended"
        self._require(stage not in stages, seq, f"stage {stage} of {event.retraining} a second time")
        if isinstance(event, RetrainingEnded) and event.outcome == "released":
            self._require(self._by_retraining[event.retraining] == 1, seq, "released without its one rollout")
        stages.append(stage)

    def _account_for_ends(self) -> None:
        self.problems += [
            f"{name} of {subject}: {count} times"
            for (name, subject), count in self.happened.items()
            if name in ONCE and count > 1
        ]
        self.problems += [
            f"retraining {retraining} began {count} rollouts"
            for retraining, count in self._by_retraining.items()
            if retraining and count > 1
        ]
        is_open = [each for each, stages in self._stages.items() if "ended" not in stages]
        if len(is_open) > 1:
            self.problems.append(f"retrainings open at once: {is_open}")

    def _require(self, is_so: bool, seq: int, otherwise: str) -> None:
        if not is_so:
            self.problems.append(f"event {seq}: {otherwise}")
