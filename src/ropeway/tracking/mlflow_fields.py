"""What MLflow's filters may name: a table for each kind of thing that its clients search."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ropeway.tracking.expression import Family

FAMILIES: dict[str, Family] = {
    "metric": "metrics", "metrics": "metrics",
    "param": "params", "params": "params", "parameter": "params", "parameters": "params",
    "tag": "tags", "tags": "tags",
    "attribute": "attribute", "attributes": "attribute", "attr": "attribute", "run": "attribute",
    "dataset": "dataset", "datasets": "dataset",
}  # fmt: skip
_FEW: dict[str, Family] = {"attribute": "attribute", "tag": "tags", "tags": "tags"}

STATUS_WORDS = {
    "RUNNING": "running",
    "SCHEDULED": "scheduled",
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "interrupted",
}
"""The statuses of runs as MLflow's clients see them, and ours."""
TEXT_COMPARATORS = ("=", "!=", "LIKE", "ILIKE")
LIST_COMPARATORS = (*TEXT_COMPARATORS, "IN", "NOT IN")
NUMBER_COMPARATORS = ("=", "!=", "<", "<=", ">", ">=")
NULL_COMPARATORS = ("IS NULL", "IS NOT NULL")
FAMILY_NAMES: dict[Family, str] = {
    "metrics": "metric",
    "params": "parameter",
    "tags": "tag",
    "attribute": "attribute",
    "dataset": "dataset",
}
"""The families as MLflow's messages call them."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one kind of thing.

    Args:
        families: what may stand before the dot, and what it stands for.
        texts: attributes that are text: as written → as we call them.
        numbers: attributes that are numbers.
        ordered: attributes that one may order by, as written.
        listed: attributes that take IN; None for all.
        nullable: families that take IS NULL.
        is_typed: a param's value has to be quoted.
        has_quoted_numbers: a number may stand in quotes.
        family_error: what MLflow says to a family that is not there.
        dataset_keys: what is known of a data set.
    """

    families: Mapping[str, Family]
    texts: Mapping[str, str]
    numbers: Mapping[str, str]
    ordered: tuple[str, ...]
    listed: frozenset[str] | None
    nullable: frozenset[Family] = frozenset({"tags"})
    is_typed: bool = True
    has_quoted_numbers: bool = False
    family_error: str = "Valid entity types are ('attribute', 'tag', 'tags')"
    dataset_keys: tuple[str, ...] = field(default=("context", "digest", "name"))

    @property
    def attributes(self) -> Mapping[str, str]:
        """All attributes: as written → as we call them."""
        return {**self.texts, **self.numbers}


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


RUNS = Fields(
    families=FAMILIES,
    texts={
        **_same("run_id", "status", "user_id", "artifact_uri", "run_name"),
        **dict.fromkeys(("run name", "Run name", "Run Name"), "run_name"),
    },
    numbers={**_same("start_time", "end_time"), "created": "start_time", "Created": "start_time"},
    ordered=(
        *("artifact_uri", "run_name", "run_id", "status", "user_id"),
        *("created", "Created", "start_time", "end_time"),
    ),
    listed=frozenset({"run_id"}),
    nullable=frozenset({"tags", "params"}),
    family_error="Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']",
)
EXPERIMENTS = Fields(
    families=_FEW,
    texts=_same("name", "experiment_id"),
    numbers=_same("creation_time", "last_update_time"),
    ordered=("name", "experiment_id", "creation_time", "last_update_time"),
    listed=frozenset({"experiment_id"}),
)
REGISTERED_MODELS = Fields(
    families=_FEW,
    texts=_same("name"),
    numbers={},
    ordered=("name", "creation_timestamp", "last_updated_timestamp"),
    listed=frozenset({"name"}),
    nullable=frozenset(),
)
MODEL_VERSIONS = Fields(
    families=_FEW,
    texts=_same("name", "run_id", "source_path"),
    numbers=_same("version_number"),
    has_quoted_numbers=True,
    ordered=("name", "version_number", "creation_timestamp", "last_updated_timestamp"),
    listed=frozenset({"name", "run_id"}),
    nullable=frozenset(),
)
_MODEL_NUMBERS = {
    **_same("creation_timestamp", "last_updated_timestamp"),
    "creation_time": "creation_timestamp",
    "last_updated_time": "last_updated_timestamp",
}
LOGGED_MODELS = Fields(
    families={"metrics": "metrics", "params": "params", "tags": "tags", "attributes": "attribute"},
    texts=_same("name", "model_id", "model_type", "status", "source_run_id", "experiment_id"),
    numbers=_MODEL_NUMBERS,
    ordered=("name", "model_id", "model_type", "status", "source_run_id", *_MODEL_NUMBERS),
    listed=None,
    nullable=frozenset(),
    is_typed=False,
    family_error="Expected one of ['attributes', 'metrics', 'params', 'tags'].",
)
