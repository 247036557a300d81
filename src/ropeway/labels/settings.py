"""A label set's settings against the data and against the import that is on record. No polars."""

from collections.abc import Sequence

from ropeway.core.hashing import digest_json
from ropeway.core.ids import Digest
from ropeway.data.errors import ColumnNotFound
from ropeway.labels.errors import RatingsKept, SettingsChanged
from ropeway.labels.records import RatingsVersion
from ropeway.workspace import LabelSet

READ_BY_IMPORT = ("dataset", "guide", "item", "ratings", "rater", "value", "scale", "allowed")
"""What an import depends on; cut-offs, aggregate and the like are applied afresh each time."""


def settings_digest(settings: LabelSet) -> Digest:
    """What an import was told, as a digest."""
    return digest_json({name: getattr(settings, name) for name in READ_BY_IMPORT})


def require_current(version: RatingsVersion, settings: LabelSet) -> None:
    """Refuse ratings that were imported under other settings.

    Raises:
        SettingsChanged: ropeway.toml was edited since.
    """
    if version.settings is not None and version.settings != settings_digest(settings):
        raise SettingsChanged(version.labels)


def check_keep(name: str, settings: LabelSet, columns: Sequence[str]) -> None:
    """Refuse kept columns that are not there, or that hold the ratings themselves.

    Raises:
        ColumnNotFound: the data has no such column.
        RatingsKept: the column is the label set's `ratings`, `rater` or `value`.
    """
    for column in settings.keep:
        if column not in columns:
            raise ColumnNotFound(settings.dataset, column, columns, f"`keep` in ropeway.toml [labels.{name}]")
        for role in ("ratings", "rater", "value"):
            if getattr(settings, role) == column:
                raise RatingsKept(name, column, role)
