"""The project file, `ropeway.toml`: the charter, the inputs, the gate. What has a number is read by the gate.

Unknown settings are refused, so that a misspelt bar is not silently no bar.
"""

import re
from datetime import date, timedelta
from posixpath import normpath
from typing import Any, Literal

import msgspec

from ropeway.core.duration import parse_duration
from ropeway.core.errors import did_you_mean
from ropeway.store.errors import LOCAL
from ropeway.workspace.remote_places import RemotePlace, check_names, problem_of_url
from ropeway.workspace.settings import Settings
from ropeway.workspace.sources import Source

PROJECT_FILE = "ropeway.toml"
OWN_FOLDERS = (".ropeway", "contracts", ".git")
"""Folders of a project in which nothing else is to be written."""
SUM_TOLERANCE = 1e-9
LONGEST = timedelta(days=36_525)
"""No length of time in the settings is longer: a moment so far from now may not be a date."""

Scalar = bool | int | float | str
Approval = Literal["two-person", "self"]
Metric = Literal[
    "accuracy", "balanced_accuracy", "brier", "log_loss", "macro_f1", "mae", "r2", "rmse", "roc_auc"
]
"""What the charter can name; `stats.metrics` computes them, and a test holds the two lists together."""
OF_NUMBERS = ("mae", "r2", "rmse")
"""Those of numbers, of which no error is the largest."""
Scale = Literal["nominal", "ordinal", "interval"]
Logged = Literal["kept", "hashed", "dropped"]
Trigger = Literal["drift", "degradation", "new-data", "schedule"]
"""What may begin a retraining besides a person."""
Watched = Literal["drift", "degradation", "quality", "errors", "latency", "coverage", "silence"]
"""What an alert rule can be about."""


class Section(Settings, frozen=True, kw_only=True):
    """`[project]`: the name, the files, and whether one person may propose and approve."""

    name: str
    pipeline: str = "pipeline.py"
    checks: str = "checks.py"
    approval: Approval = "two-person"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", self.name):
            raise ValueError(
                "`name` must be 1 to 64 letters, digits, '.', '_' or '-', a letter or digit first"
            )


class Where(Settings, frozen=True, kw_only=True):
    """`[workspace]`: where ledger and objects are, or the server that keeps both, if not this folder.

    Attributes:
        ledger: a file, or a PostgreSQL database.
        store: where the objects are: `s3://BUCKET/PREFIX`, or a folder that several machines see.
        server: the URL of a server.
    """

    ledger: str = ""
    store: str = ""
    server: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if "://" in self.ledger and "@" in self.ledger and ":" in self.ledger.split("://")[1].split("@")[0]:
            raise ValueError(
                "`ledger` holds a password, which this file would show to everybody: give it by "
                "$ROPEWAY_LEDGER, $PGPASSWORD or ~/.pgpass"
            )
        if self.store not in ("", LOCAL) and (problem := problem_of_url(self.store)):
            raise ValueError(f"`store` {problem}")
        if self.server is not None and not self.server.startswith(("http://", "https://")):
            raise ValueError("`server` is a URL, beginning with https:// (or http:// on this machine)")


class Charter(Settings, frozen=True, kw_only=True):
    """`[charter]`: every box of the machine-learning canvas, and the numbers that the gate reads."""

    value: str = ""
    decision: str = ""
    task: str = ""
    sources: str = ""
    collecting: str = ""
    features: str = ""
    predictions: str = ""
    renewal: str = ""
    offline_evaluation: str = ""
    live_evaluation: str = ""
    metric: Metric = "macro_f1"
    bar: float | None = None
    confidence: float = 0.95
    deadline: date | None = None
    budget: float | None = None
    cost: dict[str, dict[str, float]] = {}

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.5 <= self.confidence < 1:
            raise ValueError("`confidence` must be at least 0.5 and under 1, such as 0.95")
        if any(cost < 0 for row in self.cost.values() for cost in row.values()):
            raise ValueError("`cost` must not be negative: 0 is the cost of a right answer")


CANVAS = (
    "value",
    "decision",
    "task",
    "sources",
    "collecting",
    "features",
    "predictions",
    "renewal",
    "offline_evaluation",
    "live_evaluation",
)
"""The boxes of the canvas that are words, in the order in which they are read."""


class Input(Settings, frozen=True, kw_only=True):
    """`[inputs.NAME]`: a dataset that the pipeline reads. The one named `rows` is what requests look like."""

    dataset: str
    key: str = "id"
    target: str | None = None
    exclude: list[str] = []


class Split(Settings, frozen=True, kw_only=True):
    """`[split]`: how rows fall into train, tune and test, by their key, for ever."""

    salt: str = "1"
    train: float = 0.6
    tune: float = 0.2
    test: float = 0.2
    near_duplicates: list[str] = []
    group: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.train, self.tune, self.test) <= 0:
            raise ValueError("`train`, `tune` and `test` must each be over 0")
        if abs(self.train + self.tune + self.test - 1) > SUM_TOLERANCE:
            raise ValueError("`train`, `tune` and `test` must add up to 1")


class Evaluate(Settings, frozen=True, kw_only=True):
    """`[evaluate]`: which served step is held against the target."""

    prediction: str | None = None


class Cutoff(Settings, frozen=True, kw_only=True):
    """One class of a cut scale: means `below` the bound, or `upto` it; the last one has no bound."""

    label: str
    below: float | None = None
    upto: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.below is not None and self.upto is not None:
            raise ValueError("a cut-off has `below` or `upto`, not both")

    @property
    def bound(self) -> float | None:
        """The number at which the class ends."""
        return self.below if self.below is not None else self.upto


class LabelSet(Settings, frozen=True, kw_only=True):
    """`[labels.NAME]`: where ratings come from, under which guide, and how they become one label."""

    dataset: str
    guide: str
    snapshot: str
    item: str = "id"
    ratings: str | None = None
    rater: str | None = None
    value: str | None = None
    scale: Scale = "nominal"
    allowed: list[float | str] | None = None
    aggregate: Literal["majority", "mean"] = "majority"
    cutoffs: list[Cutoff] = []
    adjudicate_below: float = 0.6
    keep: list[str] = []

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.ratings is None) == (self.value is None):
            raise ValueError(
                "ratings come as a list in one column (`ratings`) or one a row (`value`): name one"
            )
        if self.aggregate == "mean" and not self.cutoffs:
            raise ValueError('`aggregate = "mean"` needs `cutoffs`, to make classes of means')
        if self.aggregate == "mean" and self.scale == "nominal":
            raise ValueError('a nominal scale has no mean: use `aggregate = "majority"` or another `scale`')
        bounds = [cutoff.bound for cutoff in self.cutoffs]
        inner = [bound for bound in bounds[:-1] if bound is not None]
        if bounds and (bounds[-1] is not None or len(inner) < len(bounds) - 1 or inner != sorted(inner)):
            raise ValueError("`cutoffs` must rise, each with a bound but the last")


class Gate(Settings, frozen=True, kw_only=True):
    """`[gate]`: what a version must pass besides the charter's bar."""

    agreement: str | None = None
    min_agreement: float = 0.667
    min_gain: float = 0.0
    min_rows: int = 30
    max_skew: float = 1e-6
    bootstrap: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 100 <= self.bootstrap <= 100_000:
            raise ValueError("`bootstrap` must be 100 to 100,000 resamples")
        if self.min_rows < 1:
            raise ValueError("`min_rows` must be at least 1")


class Models(Settings, frozen=True, kw_only=True):
    """`[models]`: types beyond the reviewed ones that this project lets a model file hold."""

    trusted_types: list[str] = []


class Environment(Settings, frozen=True, kw_only=True):
    """`[environments.NAME]`: a place where a version can be live."""

    about: str = ""


def _production_only() -> dict[str, Environment]:
    return {"production": Environment()}


class Log(Settings, frozen=True, kw_only=True):
    """`[log]`: what the prediction log holds of each request column: kept, hashed or dropped."""

    columns: dict[str, Logged] = {}


QUIET = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]")
"""Hours of the day as `[policy] quiet` writes them."""


def _check_durations(settings: Settings, *names: str) -> None:
    for name in names:
        try:
            length = parse_duration(getattr(settings, name))
        except ValueError as error:
            raise ValueError(f"`{name}`: {error}") from error
        if name not in ("settle", "cooldown") and not length:
            raise ValueError(f"`{name}` must be longer than nothing")
        if length > LONGEST:
            raise ValueError(f"`{name}` must be at most 36,525 days, which is a hundred years")


class Serving(Settings, frozen=True, kw_only=True):
    """`[serving]`: what divides traffic between versions, and what requests carry beside the inputs."""

    entity: str | None = None
    carry: list[str] = []

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.entity == "":
            raise ValueError("`entity` names no column; leave it out where each prediction falls by itself")
        if "" in self.carry:
            raise ValueError("`carry` holds an empty name")
        twice = sorted({name for name in self.carry if self.carry.count(name) > 1})
        if twice:
            raise ValueError(f"`carry` names '{twice[0]}' twice")


class Monitor(Settings, frozen=True, kw_only=True):
    """`[monitor]`: how production is cut into windows, and what counts as drift."""

    window: str = "1d"
    min_rows: int = 100
    alpha: float = 0.01
    min_effect: float = 0.1
    segment: str = "5m"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_durations(self, "window", "segment")
        if self.min_rows < 1:
            raise ValueError("`min_rows` must be at least 1")
        if not 0 < self.alpha < 1:
            raise ValueError("`alpha` must be over 0 and under 1, such as 0.01")
        if not 0 <= self.min_effect < 1:
            raise ValueError("`min_effect` must be at least 0 and under 1, such as 0.1")


SHARES = ("drift", "quality", "errors", "coverage")
"""What alerts are told of by a figure from 0 to 1."""


class AlertRule(Settings, frozen=True, kw_only=True):
    """`[alerts.NAME]`: when somebody is to be told, and through which sinks."""

    when: Watched
    above: float | None = None
    below: float | None = None
    windows: int = 1
    severity: Literal["warn", "page"] = "warn"
    sinks: list[str] = []

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.above is not None and self.below is not None:
            raise ValueError("an alert has `above` or `below`, not both")
        self._check_limit()
        if self.windows < 1:
            raise ValueError("`windows` must be at least 1")

    def _check_limit(self) -> None:
        """Refuse a limit that is always broken, or never."""
        # A metric such as r2 may be under nothing.
        if self.when == "degradation":
            return
        if self.above is not None and self.above < 0:
            raise ValueError(f'`above` is {self.above:g}: what "{self.when}" is about is always more')
        if self.below is not None and self.below <= 0:
            raise ValueError(f'`below` is {self.below:g}: what "{self.when}" is about is never less')
        if self.when in SHARES and self.above is not None and self.above >= 1:
            raise ValueError(f'`above` is {self.above:g}: "{self.when}" is told from 0 to 1')
        if self.when == "silence" and self.below is not None:
            raise ValueError("`below` means nothing of silence; `above` is how many windows may pass")
        if self.when != "coverage" and self.below is not None:
            raise ValueError(f'`below` would tell that all is well with "{self.when}"; `above` is its limit')


class Sink(Settings, frozen=True, kw_only=True):
    """`[sinks.NAME]`: where alerts go: a signed webhook, or lines in a file."""

    kind: Literal["webhook", "file"]
    url: str | None = None
    secret_env: str | None = None
    path: str | None = None
    allow_private: bool = False
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind == "webhook":
            if not self.url or not self.url.startswith(("http://", "https://")):
                raise ValueError("a webhook needs `url`, beginning with http:// or https://")
            if not self.secret_env:
                raise ValueError(
                    "a webhook is signed: `secret_env` names the environment variable with the secret"
                )
        elif not self.path:
            raise ValueError("a file sink needs `path`")
        if not 0 < self.timeout_s <= 60:
            raise ValueError("`timeout_s` must be over 0 and at most 60")


class PolicyData(Settings, frozen=True, kw_only=True):
    """`[policy.data]`: what a retraining learns from beside the data there is."""

    feedback: bool = True
    last: str = "90d"
    min_rows: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_durations(self, "last")
        if self.min_rows < 1:
            raise ValueError("`min_rows` must be at least 1")


class Policy(Settings, frozen=True, kw_only=True):
    """`[policy]`: when a model is trained anew, with what, and who lets it out."""

    model: str | None = None
    environment: str = "production"
    triggers: list[Trigger] = []
    schedule: str | None = None
    time_zone: str = "UTC"
    params: dict[str, Scalar] = {}
    data: PolicyData = PolicyData()
    approval: Literal["two-person", "self", "by-rule"] = "two-person"
    quiet: list[str] = []
    max_runs: int = 4
    per: str = "30d"
    cooldown: str = "1d"
    max_rollbacks: int = 2
    rollbacks_within: str = "7d"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_durations(self, "per", "cooldown", "rollbacks_within")
        if "schedule" in self.triggers and not self.schedule:
            raise ValueError('the trigger "schedule" needs `schedule`, such as "0 3 * * 1"')
        if self.schedule and "schedule" not in self.triggers:
            raise ValueError('`schedule` is set, but `triggers` has no "schedule"')
        if self.max_runs < 1:
            raise ValueError("`max_runs` must be at least 1; without a policy nothing runs by itself")
        if self.max_rollbacks < 1:
            raise ValueError("`max_rollbacks` must be at least 1")
        for hours in self.quiet:
            if not QUIET.fullmatch(hours):
                raise ValueError(f"`quiet` has '{hours}'; write hours as \"22:00-06:00\"")
            if hours[:5] == hours[6:]:
                raise ValueError(f"`quiet` has '{hours}', which ends as it begins: no time, or the whole day")


class Guards(Settings, frozen=True, kw_only=True):
    """`[rollout.guards]`: what stops a rollout whatever its costs are."""

    latency_ratio: float = 2.0
    error_rate: float = 0.01
    coverage_gap: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.latency_ratio <= 1:
            raise ValueError("`latency_ratio` must be over 1: the candidate's p99 beside the live version's")
        if not 0 <= self.error_rate <= 1 or not 0 < self.coverage_gap <= 1:
            raise ValueError("`error_rate` and `coverage_gap` are shares, from 0 to 1")


class Rollout(Settings, frozen=True, kw_only=True):
    """`[rollout]`: the steps by which a version reaches users, and the test that it must pass on the way."""

    steps: list[str | float] = msgspec.field(default_factory=lambda: ["shadow", 0.1, 0.5])
    min_entities: int = 100
    settle: str = "0s"
    deadline: str = "14d"
    mirror: bool = True
    alpha: float = 0.05
    spend: float = 0.2
    harm_alpha: float = 0.05
    min_gain: float = 0.0
    error_cap: float | None = None
    undecided: Literal["hold", "roll-back"] = "hold"
    guards: Guards = Guards()

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_durations(self, "settle", "deadline")
        if parse_duration(self.settle) >= parse_duration(self.deadline):
            raise ValueError(
                f"`settle` is {self.settle}, not shorter than `deadline`, {self.deadline}: nothing could be "
                "decided in time"
            )
        shares = [step for step in self.steps if not isinstance(step, str)]
        words = [step for step in self.steps if isinstance(step, str)]
        if not self.steps or any(word != "shadow" for word in words) or "shadow" in self.steps[1:]:
            raise ValueError('`steps` are shares of traffic, with "shadow" at most as the first')
        if any(not 0 < share < 1 for share in shares) or shares != sorted(set(shares)):
            raise ValueError("shares in `steps` must rise, each over 0 and under 1: live is not among them")
        if not 0 < self.alpha < 1 or not 0 < self.harm_alpha < 1:
            raise ValueError("`alpha` and `harm_alpha` must be over 0 and under 1")
        if not 0 < self.spend < 1:
            raise ValueError("`spend` is the share of what is left of alpha that a release takes")
        if self.min_entities < 1:
            raise ValueError("`min_entities` must be at least 1")
        if self.min_gain < 0:
            raise ValueError("`min_gain` must not be negative: a release must not make things worse")
        if self.error_cap is not None and self.error_cap <= 0:
            raise ValueError("`error_cap` must be over 0")


class Audit(Settings, frozen=True, kw_only=True):
    """`[audit]`: where the ledger's signed heads are kept besides."""

    heads: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        place = normpath(self.heads or "heads")
        if place == "." or place.split("/")[0] in OWN_FOLDERS:
            raise ValueError(
                f"`heads` of [audit] is '{self.heads}': heads prove something only where who changes the "
                "workspace does not reach, such as a shared drive"
            )


class Webhooks(Settings, frozen=True, kw_only=True):
    """`[webhooks]`: which hosts a webhook may name that it could not otherwise, and how long one may take.

    Attributes:
        allow: hosts on this machine or in a private network, `ci.internal` or `127.0.0.1:9000`; http too.
        timeout_s: for one message, from the look-up of the name to the answer.
    """

    allow: list[str] = []
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for each in self.allow:
            if not re.fullmatch(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?", each):
                raise ValueError(
                    f"`allow` of [webhooks] has '{each}': write a host, or a host and a port, such as "
                    '"ci.internal:8080"'
                )
        if not 0 < self.timeout_s <= 30:
            raise ValueError("`timeout_s` of [webhooks] must be over 0 and at most 30")


class Project(Settings, frozen=True, kw_only=True):
    """The whole project file."""

    project: Section
    workspace: Where = Where()
    charter: Charter = Charter()
    inputs: dict[str, Input] = {}
    split: Split = Split()
    params: dict[str, Scalar] = {}
    evaluate: Evaluate = Evaluate()
    labels: dict[str, LabelSet] = {}
    gate: Gate = Gate()
    models: Models = Models()
    environments: dict[str, Environment] = msgspec.field(
        default_factory=lambda: {"production": Environment()}
    )
    log: Log = Log()
    serving: Serving = Serving()
    monitor: Monitor = Monitor()
    alerts: dict[str, AlertRule] = {}
    sinks: dict[str, Sink] = {}
    policy: Policy | None = None
    rollout: Rollout = Rollout()
    source: dict[str, Source] = {}
    remote: dict[str, RemotePlace] = {}
    retention: dict[str, Any] = {}
    audit: Audit = Audit()
    webhooks: Webhooks = Webhooks()

    def __post_init__(self) -> None:
        super().__post_init__()
        named = self.gate.agreement
        if named is not None and named not in self.labels:
            raise ValueError(f"`agreement` names no [labels.{named}].{did_you_mean(named, self.labels)}")
        for name, rule in self.alerts.items():
            for sink in rule.sinks:
                if sink not in self.sinks:
                    hint = did_you_mean(sink, self.sinks)
                    raise ValueError(f"`sinks` of [alerts.{name}] names no [sinks.{sink}].{hint}")
        if self.policy is not None and self.policy.environment not in self.environments:
            hint = did_you_mean(self.policy.environment, self.environments)
            raise ValueError(f"`environment` of [policy] is no [environments.NAME].{hint}")
        check_names(self.remote)
        self._check_gains()
        self._check_requests()
        for name, each in self.sinks.items():
            place = normpath(each.path or "")
            if place in self.own_files or place.split("/")[0] in OWN_FOLDERS:
                raise ValueError(
                    f"`path` of [sinks.{name}] is '{each.path}', which Ropeway reads itself: alerts would "
                    "spoil it"
                )

    @property
    def own_files(self) -> list[str]:
        """The files of the project that Ropeway reads, within its folder."""
        guides = [labels.guide for labels in self.labels.values()]
        return [
            normpath(each) for each in (PROJECT_FILE, self.project.pipeline, self.project.checks, *guides)
        ]

    def _check_requests(self) -> None:
        """Refuse that a request should bring the truth, which nobody knows yet when it is sent."""
        targets = {each.target for each in self.inputs.values()}
        if self.serving.entity is not None and self.serving.entity in targets:
            raise ValueError(f"`entity` of [serving] is '{self.serving.entity}', which is to be predicted")
        for name in self.serving.carry:
            if name in targets:
                raise ValueError(f"`carry` of [serving] has '{name}', which is to be predicted")

    def _check_gains(self) -> None:
        """Refuse a gain that no version could make: more than the dearest mistake costs."""
        if self.charter.metric in OF_NUMBERS:
            return
        # What is not priced costs 0 right and 1 wrong.
        dearest = max([1.0, *(cost for row in self.charter.cost.values() for cost in row.values())])
        for table, gain in (("gate", self.gate.min_gain), ("rollout", self.rollout.min_gain)):
            if gain >= dearest:
                raise ValueError(
                    f"`min_gain` of [{table}] is {gain:g}, and by [charter] the dearest mistake costs "
                    f"{dearest:g}: no version could save as much"
                )
