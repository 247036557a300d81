"""A model in production and its traffic, written as a service writes it: real segments, real routing."""

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from models_packages import judge, register

from ropeway.continuous.rollouts.operations import get_rollout, release
from ropeway.continuous.rollouts.reading import RolloutState
from ropeway.continuous.rollouts.reconcile import reconcile
from ropeway.core.ids import PredictionId
from ropeway.models.operations import approve_model, get_routing
from ropeway.models.registry import ModelVersion
from ropeway.predictions.record import FeedbackRecord, ShadowRecord
from ropeway.serving.division import Division
from ropeway.serving.log import PredictionLog
from ropeway.testing import FixedClock, make_workspace
from ropeway.workspace import LocalWorkspace

TOML = """
[project]
name = "sentiment"
[environments.production]
[environments.staging]
[charter.cost.yes]
no = 4.0
[charter.cost.no]
yes = 1.0
[rollout]
steps = {steps}
min_entities = {min_entities}
deadline = "7d"
{rollout}
"""
STEPS = '["shadow", 0.5]'
MODEL = "sentiment"
LIVE, CANDIDATE = "sentiment@1", "sentiment@2"

Answerer = Callable[[str, random.Random], object]
"""What a version says where something is true; may raise `Failed`."""


class Failed(Exception):
    """The version gives no answer."""


def right_in(share: float) -> Answerer:
    """A version that is right so often."""
    return lambda truth, draw: truth if draw.random() < share else {"yes": "no", "no": "yes"}[truth]


def failing_in(share: float) -> Answerer:
    """A version that is always right, where it answers."""

    def answer(truth: str, draw: random.Random) -> str:
        if draw.random() < share:
            raise Failed
        return truth

    return answer


class World:
    """A project with version 1 live and version 2 approved.

    Args:
        folder: where.
        rollout: more lines of `[rollout]`.
        steps: of `[rollout]`.
        min_entities: of `[rollout]`.
        toml: another project file altogether.
    """

    def __init__(
        self,
        folder: Path,
        *,
        rollout: str = "",
        steps: str = STEPS,
        min_entities: int = 30,
        toml: str | None = None,
    ) -> None:
        self.clock = FixedClock()
        text = toml or TOML.format(rollout=rollout, steps=steps, min_entities=min_entities)
        self.ana = make_workspace(folder, toml=text, clock=self.clock)
        self.ben = LocalWorkspace(folder, actor="ben", clock=self.clock)
        self.log = PredictionLog(self.ana.home, model=MODEL, environment="production", clock=self.clock)
        self.draw = random.Random(7)
        self.latency_us = {LIVE: 1000, CANDIDATE: 1000}
        self.salt = ""
        release(self.ben, ref=self.approved("1").ref)
        self.approved("2")

    def close(self) -> None:
        self.log.close()
        self.ben.close()
        self.ana.close()

    def package(self, learnt: str) -> ModelVersion:
        return register(self.ana, learnt=learnt)

    def approved(self, learnt: str) -> ModelVersion:
        """A new version that has passed its gate and is approved."""
        version = self.package(learnt)
        judge(self.ana, version)
        return approve_model(self.ben, ref=version.ref)

    def release(self, ref: str = CANDIDATE, **settings: object) -> RolloutState:
        rollout = release(self.ben, ref=ref, **settings).rollout
        assert rollout is not None
        return rollout

    @property
    def rollout(self) -> RolloutState:
        return get_rollout(self.ana, rollout=MODEL)

    def serve(
        self,
        rows: int,
        *,
        live: Answerer,
        candidate: Answerer,
        entities: int | None = None,
        labelled: float | dict[str, float] = 1.0,
        truths: Callable[[random.Random], object] = lambda draw: draw.choice(["yes", "no"]),
    ) -> list[PredictionId]:
        """Answer some rows a second apart, and say what is true of them, as a service and people would."""
        routing = get_routing(self.ana, name=MODEL)
        division = Division(routing.salt, [arm.share for arm in routing.arms])
        answerers = {LIVE: live, CANDIDATE: candidate}
        given = []
        for _ in range(rows):
            self.clock.advance(seconds=1)
            entity = f"customer {self.draw.randrange(entities)}" if entities else ""
            at = division.arm_of(entity)
            who = routing.live if at is None else routing.arms[at].ref
            truth = truths(self.draw)
            beside = [ref for ref in (*routing.shadows, routing.live) if routing.shadows and ref != who]
            said, who = self._answer(who, answerers, truth, entity, routing.rollout)
            for ref in dict.fromkeys(each for each in beside if each != who):
                self._shadow(said, ref, answerers[ref], truth, routing.rollout)
            share = labelled[who] if isinstance(labelled, dict) else labelled
            if self.draw.random() < share:
                self.say(said, truth)
            given.append(said)
        return given

    def say(self, prediction: PredictionId, truth: object, *, after: float = 0) -> None:
        """Feedback, so many seconds from now by its clock."""
        at = self.clock.now() + timedelta(seconds=after)
        self.log.add_feedback(FeedbackRecord(id=prediction, value=truth, at=at))

    def reconcile(self) -> list[str]:
        """What was done, as kinds."""
        return [action.kind for action in reconcile(self.ben)]

    def run(self, rounds: int, **traffic: object) -> list[str]:
        """Serve and reconcile in turn until the rollout is over; gives what was done."""
        done: list[str] = []
        for _ in range(rounds):
            self.serve(20, **traffic)
            done += self.reconcile()
            if not self.rollout.is_active:
                break
        return done

    def _answer(
        self,
        who: str,
        answerers: dict[str, Answerer],
        truth: object,
        entity: str,
        rollout: str,
        instead_of: str = "",
    ) -> tuple[PredictionId, str]:
        on_behalf = rollout if who != LIVE or instead_of else ""
        try:
            said, error = answerers[who](truth, self.draw), ""
        except Failed:
            said, error = None, "prediction-failed"
        identity = self.log.add(
            who,
            {"text": "x"},
            said,
            None,
            at=self.clock.now(),
            latency_us=self._latency(who),
            entity=entity,
            error=error,
            rollout=on_behalf,
            instead_of=instead_of,
        )
        # Where an arm fails, the live version answers: a record of its own.
        if error and who != LIVE:
            return self._answer(LIVE, answerers, truth, entity, rollout, instead_of=who)
        return identity, who

    def _shadow(self, of: PredictionId, ref: str, answerer: Answerer, truth: object, rollout: str) -> None:
        try:
            said, error = answerer(truth, self.draw), ""
        except Failed:
            said, error = None, "prediction-failed"
        self.log.add_shadow(
            ShadowRecord(
                of=of,
                at=self.clock.now(),
                model=ref,
                prediction=said,
                latency_us=self._latency(ref),
                error=error,
                rollout=rollout,
            )
        )

    def _latency(self, ref: str) -> int:
        return self.latency_us.get(ref, 1000) + self.draw.randrange(100)
