"""The project file, `ropeway.toml`: the charter, the inputs, the gate. What has a number is read by the gate.

Unknown settings are refused, so that a misspelt bar is not silently no bar.
"""

import re
import tomllib
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from ropeway.core.errors import did_you_mean
from ropeway.workspace.errors import ProjectInvalid, ProjectNotFound
from ropeway.workspace.mistakes import explain, explain_syntax

PROJECT_FILE = "ropeway.toml"
SUM_TOLERANCE = 1e-9

Scalar = bool | int | float | str
Approval = Literal["two-person", "self"]
Metric = Literal[
    "accuracy", "balanced_accuracy", "brier", "log_loss", "macro_f1", "mae", "r2", "rmse", "roc_auc"
]
"""What the charter can name; `stats.metrics` computes them, and a test holds the two lists together."""
Scale = Literal["nominal", "ordinal", "interval"]
Logged = Literal["kept", "hashed", "dropped"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the project file. Unknown keys are refused."""


class Section(Settings, frozen=True, kw_only=True):
    """`[project]`: the name, the files, and whether one person may propose and approve."""

    name: str
    pipeline: str = "pipeline.py"
    checks: str = "checks.py"
    approval: Approval = "two-person"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", self.name):
            raise ValueError(
                "`name` must be 1 to 64 letters, digits, '.', '_' or '-', a letter or digit first"
            )


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


class Project(Settings, frozen=True, kw_only=True):
    """The whole project file."""

    project: Section
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

    def __post_init__(self) -> None:
        named = self.gate.agreement
        if named is not None and named not in self.labels:
            raise ValueError(f"`agreement` names no [labels.{named}].{did_you_mean(named, self.labels)}")


def load_project(root: Path) -> Project:
    """The project file of a folder, as it stands now.

    Raises:
        ProjectNotFound: the folder has none.
        ProjectInvalid: it is not sound TOML, or a setting is unknown, missing or mistyped.
    """
    path = root / PROJECT_FILE
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise ProjectNotFound(root) from error
    return _load(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _load(path: Path, _changed_ns: int, _size: int) -> Project:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProjectInvalid(path, None, "it is not UTF-8 text") from error
    return parse_project(text, path)


def parse_project(text: str, path: Path) -> Project:
    """A project from the text of its file; `path` is named in errors."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise explain_syntax(path, text, str(error)) from error
    _flatten_params(data)
    try:
        return msgspec.convert(data, Project)
    except msgspec.ValidationError as error:
        raise explain(path, text, str(error), Project) from error


def _flatten_params(data: dict[str, Any]) -> None:
    """`[params.classifier] c = 1` says the same as `"classifier.c" = 1`."""
    params = data.get("params")
    if not isinstance(params, dict):
        return
    for name, value in list(params.items()):
        if isinstance(value, dict):
            del params[name]
            params.update({f"{name}.{inner}": scalar for inner, scalar in value.items()})
