"""A version in this process: the model, its compiled signature, its thread, and what it did so far."""

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from ropeway.serving.answer import frame_of
from ropeway.serving.lane import Lane
from ropeway.serving.signature import Request, Servable, Signature

WIDER = {
    "Int8": ("Int16", "Int32", "Int64", "Float32", "Float64"),
    "Int16": ("Int32", "Int64", "Float32", "Float64"),
    "Int32": ("Int64", "Float64"),
    "Int64": ("Float64",),
    "UInt8": ("UInt16", "UInt32", "UInt64", "Int16", "Int32", "Int64", "Float32", "Float64"),
    "UInt16": ("UInt32", "UInt64", "Int32", "Int64", "Float32", "Float64"),
    "UInt32": ("UInt64", "Int64", "Float64"),
    "UInt64": ("Float64",),
    "Float32": ("Float64",),
}
"""Types that hold every value of the first (integers past 2^53 apart, which JSON's numbers lose anyway)."""


class Tally(msgspec.Struct):
    """What a version did since the process began."""

    answered: int = 0
    errors: int = 0
    latency_us: int = 0
    mirrored: int = 0
    mirror_errors: int = 0
    mirrors_dropped: int = 0

    def add(self, rows: int, latency_us: int) -> None:
        """Rows that were answered in one go."""
        self.answered += rows
        self.latency_us += latency_us * rows


class Loaded:
    """A version that is ready to answer.

    Attributes:
        lane: its thread, where it answers.
        mirroring: held by the mirror that asks it, where it is asked beside others instead.
    """

    def __init__(self, servable: Servable, since: datetime, tally: Tally | None = None) -> None:
        self.servable = servable
        self.signature = Signature(servable.inputs, nullable=servable.nullable)
        self.since = since
        self.ref = servable.ref
        self.tally = tally or Tally()
        self.lane = Lane(f"ropeway-{servable.ref}")
        self.mirroring = threading.Lock()

    def close(self) -> None:
        """Let go of the model; it is not asked again."""
        self.lane.close()
        self.servable.close()


def warm(version: Loaded) -> None:
    """Ask once with made-up values, so that no client waits for what is loaded on first use.

    A model may rightly refuse values that mean nothing; that is no reason against it.
    """
    row: dict[str, list[Any]] = {name: [kind.example] for name, kind in version.signature.kinds.items()}
    try:
        version.servable.predict(frame_of(version.servable, Request(row, 1, is_batch=False)))
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  the user's code, as in `ask`
        return


def differences(live: Servable, other: Servable) -> list[str]:
    """Why `other` could not stand in for `live`; empty when it can.

    It must read no more than requests hold, in types that hold their values, and answer of the same kind.
    """
    return [*_input_differences(live, other), *_output_differences(live, other)]


def _input_differences(live: Servable, other: Servable) -> Iterator[str]:
    for name, kind in other.inputs.items():
        given = live.inputs.get(name)
        if given is None:
            yield f"it also reads '{name}'"
        elif kind != given and kind not in WIDER.get(given, ()):
            yield f"it reads '{name}' as {kind}, not as {given}"
        elif name in live.nullable and name not in other.nullable:
            yield f"it takes no null in '{name}'"


def _output_differences(live: Servable, other: Servable) -> Iterator[str]:
    had, has = set(live.outputs), set(other.outputs)
    if missing := sorted(had - has):
        yield "it does not answer " + ", ".join(map(repr, missing))
    if added := sorted(has - had):
        yield "it also answers " + ", ".join(map(repr, added))
