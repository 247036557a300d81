"""What can be wrong with summaries.

RopewayError
├── Conflict
│   ├── SketchesDiffer       merged: summaries of different kinds of column
│   └── VocabularyMissing    updated: without the vocabulary that was counted against
└── Damaged
└── ProfileUnreadable    read: bytes that are no profile, or of a later format
"""

from ropeway.core.errors import Conflict, Damaged


class SketchesDiffer(Conflict):
    """Two summaries that do not summarise the same thing."""

    code = "sketches-differ"

    def __init__(self, column: str, this: str, other: str) -> None:
        super().__init__(
            f"The summaries of column '{column}' cannot be merged: one is of {this}, the other of {other}.",
            expected="summaries made with the same kinds and vocabularies",
            next_step="make both with the kinds and vocabularies of one reference profile",
            column=column,
            this=this,
            other=other,
        )


class VocabularyMissing(Conflict):
    """More texts, but not the vocabulary that the earlier ones were held against."""

    code = "vocabulary-missing"

    def __init__(self, vocabulary: str) -> None:
        super().__init__(
            f"Texts were counted against the vocabulary '{vocabulary}', which is not at hand.",
            expected="the vocabularies that the profile was made with",
            next_step="read it with them: Profile.from_bytes(data, vocabularies=reference.vocabularies)",
            vocabulary=vocabulary,
        )


class ProfileUnreadable(Damaged):
    """Bytes that are not a profile."""

    code = "profile-unreadable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"These bytes are not a profile: {reason}.",
            expected="what `Profile.to_bytes` wrote",
            next_step="make the profile again from its rows",
            reason=reason,
        )
