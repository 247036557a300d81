"""The second half of the demo: weeks of production pass, and the line carries on by itself.

The texts and what people said of them are real; when they arrive is made up, by a clock in a file that the
service and every command read. Nothing here knows the outcome: each evening the controller looks at what
came and does what the project's policy says, and what it did is what is told.
"""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ropeway.cli.demo_service import LOOK_EVERY_S, service
from ropeway.cli.demo_stage import Stage
from ropeway.workspace.clock import FileClock

if TYPE_CHECKING:
    import httpx

    from ropeway.continuous.rollouts.reading import RolloutState
    from ropeway.workspace import Workspace

MODEL = "sentiment"
ENVIRONMENT = "production"
LIVE = f"{MODEL}@{ENVIRONMENT}"
ANA, BEN, CONTROLLER = "Ana", "Ben", "controller"

BEFORE = timedelta(days=45)
"""How long ago the story begins, so that it ends before now."""
DAY = timedelta(days=1)
SEED = 2026
BATCH = 25
TWEET_DAYS, TWEETS_A_DAY = 5, 150
MIXED_DAYS, REVIEW_DAYS = 1, 4
REVIEWS_A_DAY = 250
LABELLED = 1000
ROLLOUT_DAYS, RELEASED_A_DAY = 12, 300
REPORT = "monitor.html"
MIRRORS_S = 30.0


class Row(NamedTuple):
    """A text as it arrives, and what people say it is."""

    key: str
    text: str
    label: str


class Answered(NamedTuple):
    """A prediction that the service gave, and what people say of its text."""

    identity: str
    label: str


def begin_rehearsal(folder: Path) -> FileClock:
    """The clock of the story: where it stood when the demo was last here, else some weeks ago."""
    clock = FileClock(folder / ".rehearsal")
    if not clock.path.exists():
        clock.set((datetime.now(UTC) - BEFORE).replace(hour=8, minute=0, second=0, microsecond=0))
    return clock


def weeks_were_told() -> bool:
    """Whether the weeks have passed in this project before, as far as their report."""
    return Path(REPORT).is_file()


class Weeks:
    """Weeks of production, a day at a time.

    Args:
        stage: where it is told.
        clock: the story's own.
    """

    def __init__(self, stage: Stage, clock: FileClock) -> None:
        self.stage = stage
        self.clock = clock
        self._random = random.Random(SEED)  # noqa: S311  arrival times, no secret
        self._tweets = _rows("tweets")
        self._reviews = _rows("reviews")
        self._waiting: list[Answered] = []
        self._last: str = ""

    def go(self) -> None:
        """From ordinary days to a new version that proved itself, and one that did not."""
        with service(LIVE, self.stage.show) as client:
            self._ordinary_days(client)
            self._another_kind_of_text(client)
            self._people_say_what_it_was(client)
            self._released(client)
            self._worse_release(client)
        self._look_back()

    def _ordinary_days(self, client: "httpx.Client") -> None:
        self.stage.heading("Days pass")
        self.stage.say(
            "Tweets arrive that no version has learnt from. The texts are real, their arrival times made up. "
            "Each night: ropeway controller --once"
        )
        for _ in range(TWEET_DAYS):
            self._day(client, self._take(self._tweets, TWEETS_A_DAY))

    def _another_kind_of_text(self, client: "httpx.Client") -> None:
        self.stage.heading("The texts change: reviews of products come instead of tweets")
        for _ in range(MIXED_DAYS):
            half = TWEETS_A_DAY // 2
            rows = [*self._take(self._tweets, half), *self._take(self._reviews, half)]
            self._day(client, self._random.sample(rows, len(rows)))
        for _ in range(REVIEW_DAYS):
            self._day(client, self._take(self._reviews, REVIEWS_A_DAY), keep=True)
        self.stage.run(ANA, "alerts")

    def _people_say_what_it_was(self, client: "httpx.Client") -> None:
        judged, self._waiting = self._waiting[:LABELLED], self._waiting[LABELLED:]
        self.stage.heading(f"People say what {len(judged):,} of them should have been")
        self._feed_back(client, judged)
        self.stage.say(f"POST /feedback, {len(judged):,} times, with what the reviews' own raters had said")
        self.stage.run(CONTROLLER, "controller", "--once")
        self._approve_what_waits()

    def _approve_what_waits(self) -> None:
        """Where a retrained version waits for a person, Ben answers for it."""
        waiting = _waiting_for_approval()
        if waiting is None:
            return
        self.stage.run(BEN, "model", "approve", waiting)
        self.stage.run(CONTROLLER, "controller", "--once")

    def _released(self, client: "httpx.Client") -> None:
        self.stage.heading("The new version proves itself, or does not")
        if not _active_rollout():
            self.stage.say(
                "No rollout has begun, so there is nothing to watch: see what the controller said."
            )
            return
        self._days_of_rollout(client)
        self.stage.run(ANA, "rollout", MODEL)

    def _worse_release(self, client: "httpx.Client") -> None:
        former = _replaced()
        if former is None:
            return
        self.stage.heading("A release that makes things worse")
        self.stage.say(
            f"The gate lets no worse version through. But {former} was live before, and may come back "
            "without it: Ana releases it again."
        )
        self.stage.run(ANA, "release", former, "--to", ENVIRONMENT)
        self._days_of_rollout(client)
        self.stage.run(ANA, "rollout", MODEL)

    def _days_of_rollout(self, client: "httpx.Client") -> None:
        """Days with labels the next morning, until the rollout has ended or the reviews have."""
        for _ in range(ROLLOUT_DAYS):
            rows = self._take(self._reviews, RELEASED_A_DAY)
            if not rows:
                self.stage.say("All reviews have been sent; the test stays as it is.")
                return
            self._day(client, rows, judge=True)
            if not _active_rollout():
                return

    def _look_back(self) -> None:
        self.stage.heading("How production is now")
        self.stage.run(ANA, "monitor")
        self.stage.run(ANA, "model", "history", MODEL)
        self.stage.run(ANA, "monitor", "report", "--out", REPORT)
        self.stage.heading("From an answer of the new version, all the way back")
        self.stage.run(BEN, "why", self._last)

    def _day(
        self, client: "httpx.Client", rows: Sequence[Row], *, judge: bool = False, keep: bool = False
    ) -> None:
        """One day: texts at made-up hours, labels at night where there are some, then the controller."""
        midnight = self.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        batches = [rows[at : at + BATCH] for at in range(0, len(rows), BATCH)]
        hours = sorted(self._random.uniform(8.5, 23.5) for _ in batches)
        answered: list[Answered] = []
        for hour, batch in zip(hours, batches, strict=True):
            self.clock.set(max(midnight + timedelta(hours=hour), self.clock.now()))
            answered += self._ask(client, batch)
        _wait_for_mirrors(client)
        self._last = answered[-1].identity if answered else self._last
        self.clock.set(midnight + DAY + timedelta(minutes=5))
        if judge:
            self._feed_back(client, answered)
        elif keep:
            self._waiting += answered
        done = self.stage.run_quietly(CONTROLLER, "controller", "--once")
        self._tell_day(midnight, len(rows), len(answered) if judge else 0, done)

    def _tell_day(self, day: datetime, sent: int, judged: int, done: Any) -> None:
        labels = f", {judged:,} judged by people" if judged else ""
        self.stage.say(f"  {day:%d %b}  {sent:,} texts answered{labels}")
        for action in done or []:
            self.stage.say(f"          {action.kind}: {action.says}")

    def _take(self, rows: list[Row], many: int) -> list[Row]:
        taken, rows[:many] = rows[:many], []
        return taken

    def _ask(self, client: "httpx.Client", rows: Sequence[Row]) -> list[Answered]:
        body = {"rows": [{"id": row.key, "text": row.text} for row in rows]}
        reply = client.post("/predict", json=body)
        reply.raise_for_status()
        answers: list[dict[str, Any]] = reply.json()["predictions"]
        return [Answered(answer["id"], row.label) for answer, row in zip(answers, rows, strict=True)]

    def _feed_back(self, client: "httpx.Client", answered: Sequence[Answered]) -> None:
        for prediction in answered:
            body = {"id": prediction.identity, "value": prediction.label, "by": "raters"}
            client.post("/feedback", json=body).raise_for_status()


def _wait_for_mirrors(client: "httpx.Client") -> None:
    """Until the other version has been asked about all of the day's rows: that is done when nobody waits."""
    give_up = time.monotonic() + MIRRORS_S
    while time.monotonic() < give_up and client.get("/health").json().get("mirrored_rows_waiting"):
        time.sleep(LOOK_EVERY_S)


def _rows(kind: str) -> list[Row]:
    """Texts with what their raters said, in an order of their own: tweets of the test part, or reviews."""
    import polars as pl

    from ropeway.labels.aggregate import cut
    from ropeway.workspace import open_local

    with open_local() as workspace:
        labels = workspace.project.labels[MODEL]
        frame = pl.read_parquet(workspace.root / "data" / f"{kind}.parquet")
        if kind == "tweets":
            frame = frame.filter(pl.col("id").is_in(_test_keys(workspace)))
    frame = frame.select("id", "text", cut(pl.col("ratings").list.mean(), labels.cutoffs).alias("label"))
    return [Row(*row) for row in frame.sample(fraction=1, shuffle=True, seed=SEED).iter_rows()]


def _test_keys(workspace: "Workspace") -> list[str]:
    """The keys of tweets that no version learns from."""
    from ropeway.data.assign import assign_split, split_frame
    from ropeway.data.load import load, resolve

    rows_input = workspace.project.inputs["rows"]
    version = resolve(workspace, rows_input.dataset)
    split = assign_split(workspace, version, rows_input)
    parts = split_frame(workspace, version, split, load(workspace, version))
    keys: list[str] = parts.filter(parts["part"] == "test")["key"].to_list()
    return keys


def _waiting_for_approval() -> str | None:
    """The newest version, when it has passed the gate and nobody has answered for it yet."""
    from ropeway.models.operations import list_models
    from ropeway.models.states import State
    from ropeway.workspace import open_local

    with open_local() as workspace:
        newest = list_models(workspace, name=MODEL, limit=1)[0]
    return newest.ref if newest.state is State.VALIDATED else None


def _rollouts() -> "list[RolloutState]":
    from ropeway.continuous.rollouts.operations import list_rollouts
    from ropeway.workspace import open_local

    with open_local() as workspace:
        return list_rollouts(workspace, name=MODEL, environment=ENVIRONMENT)


def _active_rollout() -> bool:
    return any(rollout.ended_at is None for rollout in _rollouts())


def _replaced() -> str | None:
    """The version that was live before the newest rollout replaced it; None where none did."""
    newest = next(iter(_rollouts()), None)
    return newest.champion if newest is not None and newest.outcome == "promoted" else None
