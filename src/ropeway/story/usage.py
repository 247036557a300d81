"""How often each model version answered, and what was said of it: counted from the log's segments.

Reads every record: linear in the predictions kept here.
"""

from pathlib import Path

import msgspec

from ropeway.serving.record import all_feedback, all_predictions


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """One version's answers: how many, how many were judged, and how many of those were right."""

    predictions: int = 0
    judged: int = 0
    right: int = 0


def usage_by_version(home: Path) -> dict[str, Usage]:
    """Each model version's use, by its `name@number`. Of several judgements of one answer the last holds."""
    verdicts = {}
    for said in sorted(all_feedback(home), key=lambda record: record.at):
        verdicts[said.id] = said.value
    found: dict[str, Usage] = {}
    for identity, record in all_predictions(home):
        before = found.get(record.model, Usage())
        is_judged = identity in verdicts
        found[record.model] = Usage(
            predictions=before.predictions + 1,
            judged=before.judged + is_judged,
            right=before.right + (is_judged and verdicts[identity] == record.prediction),
        )
    return found
