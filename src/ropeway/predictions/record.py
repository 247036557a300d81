"""What is written for each answer and each feedback, and how it is found again from an id.

Records are JSON inside the store's segments: `.ropeway/segments/predictions/REPLICA-SEGMENT.seg` and, beside
it, `…/feedback/…`. Nothing here touches the database, so a serving process keeps answering when that is
busy or gone.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import PredictionId
from ropeway.predictions.errors import UnknownPrediction
from ropeway.predictions.identity import Place, parse_id
from ropeway.store import read_record

PREDICTIONS = Path("segments") / "predictions"
FEEDBACK = Path("segments") / "feedback"
SHADOWS = Path("segments") / "shadows"
"""Folders below the workspace's home."""

KEPT, HASHED, DROPPED = "kept", "hashed", "dropped"

Value = str | bool | int | float | None


class SegmentHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What stands first in a segment: who wrote it, for what, and how columns are logged in it."""

    kind: str
    replica: str
    segment: int
    started_at: datetime
    host: str
    process: int
    ropeway: str
    model: str = ""
    environment: str = ""
    columns: dict[str, str] = {}
    salt: str = ""


class PredictionRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer as logged. The version stands in each record: a hot swap changes it within one segment.

    Attributes:
        latency_us: how long the row waited for this version: its turn, and the answering.
        run_us: the answering alone; 0 where nobody knows.
        entity: what divides traffic, as text, by the policy of its column; empty when nothing is declared.
        carried: what the request carried beside the inputs, by the policy of each column.
        error: the code of what it failed with; then nothing was answered, and `prediction` is None.
        rollout: the rollout on whose behalf this version answered, or another should have; else empty.
        instead_of: the version that should have answered and failed, where the live one answered for it.
    """

    at: datetime
    model: str
    inputs: dict[str, Any]
    prediction: Value
    probabilities: dict[str, float] | None = None
    latency_us: int
    hashed: list[str] = []
    dropped: list[str] = []
    entity: str = ""
    carried: dict[str, Any] = {}
    error: str = ""
    rollout: str = ""
    instead_of: str = ""
    run_us: int = 0


class ShadowRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What another version would have answered: never given to anybody, held beside what was.

    Attributes:
        of: the answer that was given to the same row.
        model: the version that was asked beside it.
        latency_us: of its answering alone: nobody waits for its turn.
        error: the code of what it failed with; then there is no prediction.
        rollout: for which rollout it was asked.
    """

    of: PredictionId
    at: datetime
    model: str
    prediction: Value = None
    probabilities: dict[str, float] | None = None
    latency_us: int = 0
    error: str = ""
    rollout: str = ""


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """One answer as found again: the record, and the process that gave it."""

    id: PredictionId
    at: datetime
    model: str
    environment: str
    inputs: dict[str, Any]
    hashed: list[str]
    dropped: list[str]
    prediction: Value
    probabilities: dict[str, float] | None
    latency_us: int
    replica: str
    host: str
    process: int
    entity: str = ""
    carried: dict[str, Any] = {}
    error: str = ""
    rollout: str = ""
    instead_of: str = ""
    run_us: int = 0


class FeedbackRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What someone said a prediction should have been. The latest holds; the earlier stay."""

    id: PredictionId
    value: Value
    at: datetime
    by: str = ""
    note: str = ""


class Columns:
    """How the columns of a request are logged: kept, hashed or dropped.

    A hashed value is BLAKE3 of the segment's salt and the value's JSON: equal values are equal within what
    one process wrote, and a table of known hashes is of no use. Whoever holds the segment can test a guess.

    Args:
        policy: column name to `kept`, `hashed` or `dropped`; a column that is not named is kept.
        salt: stands in the segment's header.

    Attributes:
        keeps_all: no column is hashed or dropped.
    """

    def __init__(self, policy: Mapping[str, str], salt: str) -> None:
        self.policy = dict(policy)
        self.salt = salt
        self._salt = bytes.fromhex(salt)
        self.keeps_all = not any(way != KEPT for way in self.policy.values())

    def apply(self, row: dict[str, Any]) -> tuple[dict[str, Any], list[str], list[str]]:
        """The row as it may be written, the names of what was hashed, and of what was dropped."""
        if self.keeps_all:
            return row, [], []
        inputs: dict[str, Any] = {}
        hashed: list[str] = []
        dropped: list[str] = []
        for name, value in row.items():
            way = self.policy.get(name, KEPT)
            if way == DROPPED:
                dropped.append(name)
            elif way == HASHED:
                hashed.append(name)
                inputs[name] = self.hash(value)
            else:
                inputs[name] = value
        return inputs, hashed, dropped

    def hash(self, value: Any) -> str:
        """The digest that stands in the log for a value."""
        return digest_bytes(self._salt + msgspec.json.encode(value))


_decode_header = msgspec.json.Decoder(SegmentHeader).decode
_decode_prediction = msgspec.json.Decoder(PredictionRecord).decode
_decode_feedback = msgspec.json.Decoder(FeedbackRecord).decode


def find_in(home: Path, prediction: str) -> Prediction:
    """The answer with that id: from its one segment below `home`, or from the Parquet that this became.

    Raises:
        UnknownPrediction: the id is of another form, or no record has it.
        SegmentDamaged: the segment is there but its beginning is not sound.
        LedgerBusy, LedgerDamaged: the segment is not there, and the ledger cannot say whether it is sealed.
    """
    place = parse_id(prediction)
    if place is None:
        raise UnknownPrediction(prediction[:80])
    path = home / PREDICTIONS / place.file_name
    try:
        record = read_record(path, place.ordinal)
        header = read_header(path)
    except FileNotFoundError:
        from ropeway.predictions.lookup import look_up

        found = look_up(home, place)
        if found is None:
            raise UnknownPrediction(prediction) from None
        record, header = found
    if record is None:
        raise UnknownPrediction(prediction)
    return _as_found(place, header, _decode_prediction(record))


def _as_found(place: Place, header: SegmentHeader, record: PredictionRecord) -> Prediction:
    return Prediction(
        id=place.id(),
        at=record.at,
        model=record.model,
        environment=header.environment,
        inputs=record.inputs,
        hashed=record.hashed,
        dropped=record.dropped,
        prediction=record.prediction,
        probabilities=record.probabilities,
        latency_us=record.latency_us,
        entity=record.entity,
        carried=record.carried,
        error=record.error,
        rollout=record.rollout,
        instead_of=record.instead_of,
        run_us=record.run_us,
        replica=place.replica,
        host=header.host,
        process=header.process,
    )


def read_header(path: Path) -> SegmentHeader:
    """The header of a segment; reads only its beginning.

    Raises:
        SegmentDamaged: the segment's beginning is not sound.
    """
    header = read_record(path, -1)
    assert header is not None  # read_record raises before it answers None for the header
    return _decode_header(header)


def feedback_in(home: Path, prediction: str) -> list[FeedbackRecord]:
    """All that was said of a prediction, oldest first; the last one holds."""
    from ropeway.predictions.lookup import said_of

    return [_decode_feedback(record) for record in said_of(home, prediction)]


def all_feedback(home: Path) -> Iterator[FeedbackRecord]:
    """Every feedback record below `home`, sealed or not."""
    from ropeway.predictions.lookup import every_record

    for _, record in every_record(home, "feedback"):
        yield _decode_feedback(record)


def all_predictions(home: Path) -> Iterator[tuple[PredictionId, PredictionRecord]]:
    """Every logged answer below `home` with its id, sealed or not; failed ones too."""
    from ropeway.predictions.lookup import every_record

    for identity, record in every_record(home, "predictions"):
        yield PredictionId(identity), _decode_prediction(record)
