"""Errors of the labels room.

NotFound ── LabelSetNotFound   no [labels.NAME] in ropeway.toml
         ├─ RatingsNotFound    nothing was imported yet
         ├─ ItemNotFound       no such item among the ratings
         └─ GuideMissing       no guide at the path that ropeway.toml names
Invalid  ── BadRatings         ratings that the scale does not know, or none, or in a form not asked for
         └─ BadLabel           a label that the set does not have
Conflict ── SettingsChanged    the settings are not those that the ratings were imported with
         └─ SnapshotMoved      somebody decided an item while its snapshot was made
Refused  ── RatingsKept        a kept column holds the ratings themselves
"""

from collections.abc import Iterable, Sequence

from ropeway.core.errors import Conflict, Invalid, NotFound, Refused


class LabelSetNotFound(NotFound):
    """No such label set in the project file."""

    code = "label-set-not-found"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        known = list(known)
        step = (
            ""
            if known
            else "write a [labels.NAME] table in ropeway.toml; docs/settings.md names its settings"
        )
        super().__init__("label set", name, known=known, next_step=step)


class RatingsNotFound(NotFound):
    """No ratings were imported for the label set."""

    code = "ratings-not-found"

    def __init__(self, name: str) -> None:
        super().__init__("import of ratings for", name, next_step=f"ropeway labels import {name}")


class ItemNotFound(NotFound):
    """No such item among the ratings."""

    code = "item-not-found"

    def __init__(self, labels: str, item: str, known: Iterable[str]) -> None:
        super().__init__("rated item", item, known=known, next_step=f"ropeway labels queue {labels}")
        # Thousands of keys explain nothing; the near one is in the sentence.
        self.expected = "the key of an item that was rated"


class GuideMissing(NotFound):
    """No guide where the project file says."""

    code = "guide-missing"

    def __init__(self, path: str) -> None:
        super().__init__("guide", path, next_step=f"write down in {path} what raters are to go by")
        self.expected = "a Markdown file: ratings are given under a guide, which is kept with them"


class BadRatings(Invalid):
    """Ratings that cannot be taken as they are."""

    code = "bad-ratings"

    def __init__(self, labels: str, reason: str, *, expected: str) -> None:
        super().__init__(
            f"The ratings of '{labels}' cannot be taken: {reason}.",
            expected=expected,
            next_step=f"mend the data, or [labels.{labels}] in ropeway.toml; "
            f"then: ropeway labels import {labels}",
            labels=labels,
        )


class BadLabel(Invalid):
    """A label that the set does not have."""

    code = "bad-label"

    def __init__(self, labels: str, label: str, known: Sequence[str]) -> None:
        super().__init__(
            f"'{label}' is no label of '{labels}'.",
            expected="one of " + ", ".join(known),
            next_step=f"ropeway labels adjudicate {labels} ITEM LABEL",
            labels=labels,
            label=label,
        )


class SettingsChanged(Conflict):
    """Ratings that were imported under other settings than those of ropeway.toml."""

    code = "label-settings-changed"

    def __init__(self, labels: str) -> None:
        super().__init__(
            f"The settings of '{labels}' changed since its ratings were imported.",
            expected=f"ratings imported with [labels.{labels}] of ropeway.toml as it now stands",
            next_step=f"ropeway labels import {labels}",
            labels=labels,
        )


class RatingsKept(Refused):
    """A kept column that holds the ratings themselves."""

    code = "keep-leaks-ratings"

    def __init__(self, labels: str, column: str, role: str) -> None:
        super().__init__(
            f"`keep` of '{labels}' names '{column}', which is its `{role}`: a model would be shown what the "
            "label was made of, and learn to repeat it.",
            expected="columns that a request will have when nobody has rated it",
            next_step=f"take '{column}' out of `keep` in ropeway.toml [labels.{labels}]",
            labels=labels,
            column=column,
            role=role,
        )


class SnapshotMoved(Conflict):
    """Somebody decided an item while a snapshot was made without that decision."""

    code = "snapshot-moved"

    def __init__(self, labels: str) -> None:
        super().__init__(
            f"An item of '{labels}' was decided while the snapshot was made.",
            expected="a snapshot with every decision before it",
            next_step=f"ropeway labels snapshot {labels}",
            labels=labels,
        )
