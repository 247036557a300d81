"""The project file, `ropeway.toml`, as a whole; its larger tables stand in `workspace.tables`.

Unknown settings are refused, so that a misspelt bar is not silently no bar.
"""

import re
from posixpath import normpath
from typing import Any, Literal

import msgspec

from ropeway.core.errors import did_you_mean
from ropeway.store.errors import LOCAL
from ropeway.workspace.settings import Scalar, Settings
from ropeway.workspace.tables.charter import OF_NUMBERS, Charter
from ropeway.workspace.tables.labels import LabelSet
from ropeway.workspace.tables.monitor import AlertRule, Monitor, Sink
from ropeway.workspace.tables.policy import Policy
from ropeway.workspace.tables.remote import RemotePlace, check_names, problem_of_url
from ropeway.workspace.tables.rollout import Rollout
from ropeway.workspace.tables.source import Source

PROJECT_FILE = "ropeway.toml"
OWN_FOLDERS = (".ropeway", "contracts", ".git")
"""Folders of a project in which nothing else is to be written."""
SUM_TOLERANCE = 1e-9
Approval = Literal["two-person", "self"]
Logged = Literal["kept", "hashed", "dropped"]


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


class Log(Settings, frozen=True, kw_only=True):
    """`[log]`: what the prediction log holds of each request column: kept, hashed or dropped."""

    columns: dict[str, Logged] = {}


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
