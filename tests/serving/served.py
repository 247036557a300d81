"""Real servables for the serving tests, and a process that serves them: `python served.py FOLDER [PORT]`.

FOLDER holds `alias` (the version to serve, such as `mood@1`, or a routing as JSON) and gets the workspace's
home.
"""

import json
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ropeway.core.errors import NotFound
from ropeway.models.routing import RoutedArm, Routing
from ropeway.serving.errors import ModelRecalled

GOOD = ("good", "great", "love")


class Mood:
    """A word counter with three classes. Each version has its own certainty, so answers tell them apart."""

    inputs: Mapping[str, str] = {"text": "String"}
    nullable: Collection[str] = ()
    outputs: Sequence[str] = ("negative", "neutral", "positive")

    def __init__(self, version: int) -> None:
        self.ref = f"mood@{version}"
        self.certainty = 0.5 + version / 100

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        texts = rows["text"].to_list()
        if "raise" in texts:
            raise RuntimeError("secret /etc/passwd")
        if "exit" in texts:
            sys.exit(3)
        if "slow" in texts:
            time.sleep(0.3)
        if "nan" in texts:
            return pl.DataFrame({name: [float("nan")] * len(texts) for name in self.outputs})
        if "fewer" in texts:
            return pl.DataFrame({name: [0.1] for name in self.outputs}).clear()
        high, low = self.certainty, (1 - self.certainty) / 2
        best = [2 if any(word in text for word in GOOD) else 0 if "bad" in text else 1 for text in texts]
        return pl.DataFrame(
            {name: [high if at == i else low for at in best] for i, name in enumerate(self.outputs)}
        )

    def close(self) -> None:
        return None


RAISES, SLEEPS, HANGS, READS_MORE, ANSWERS_LESS, EXITS, RECOVERS = 31, 32, 33, 34, 35, 36, 37
"""Versions of their own kind: the others are sound, and none over 90 loads."""


class Raising(Mood):
    """Fails on every row."""

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        if rows["text"].to_list() != ["some text"]:
            raise RuntimeError("a bug of the new version")
        return super().predict(rows)


class Sleeping(Mood):
    """Takes a while for every row."""

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        time.sleep(0.5)
        return super().predict(rows)


class Hanging(Mood):
    """Never comes back, but from being warmed."""

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        if rows["text"].to_list() != ["some text"]:
            threading.Event().wait()
        return super().predict(rows)


class Recovering(Mood):
    """Fails on the first row that it is asked, and never again."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.has_failed = False

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        if rows["text"].to_list() != ["some text"] and not self.has_failed:
            self.has_failed = True
            raise RuntimeError("not ready yet")
        return super().predict(rows)


class ReadingMore(Mood):
    """Wants a column that requests do not have."""

    inputs: Mapping[str, str] = {"text": "String", "age": "Int64"}


class AnsweringLess(Mood):
    """Knows two classes only."""

    outputs: Sequence[str] = ("negative", "positive")


KINDS: Mapping[int, type[Mood]] = {
    RAISES: Raising,
    SLEEPS: Sleeping,
    HANGS: Hanging,
    RECOVERS: Recovering,
    READS_MORE: ReadingMore,
    ANSWERS_LESS: AnsweringLess,
}


def routing(
    live: int = 1, shadows: Sequence[int] = (), salt: str = "salt-1", rollout: str = "r-1", **arms: float
) -> str:
    """What `alias` holds for a routing: `routing(1, v2=0.5)` gives mood@2 a half."""
    shares = [[f"mood@{name[1:]}", share] for name, share in arms.items()]
    asked = [f"mood@{version}" for version in shadows]
    return json.dumps(
        {"live": f"mood@{live}", "arms": shares, "shadows": asked, "salt": salt, "rollout": rollout}
    )


def parse_routing(text: str) -> Routing:
    found = json.loads(text)
    found["arms"] = [RoutedArm(ref=ref, share=share) for ref, share in found["arms"]]
    return Routing(name="mood", environment="production", **found)


class Sizes:
    """A number from columns of every plain kind."""

    ref = "sizes@1"
    inputs: Mapping[str, str] = {
        "width": "Float64",
        "count": "Int8",
        "is_new": "Boolean",
        "made": "Date",
        "seen": "Datetime(time_unit='us', time_zone=None)",
        "kind": "String",
    }
    nullable: Collection[str] = ("kind",)
    outputs: Sequence[str] = ("prediction",)

    def predict(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.select(prediction=pl.col("width") * pl.col("count"))

    def close(self) -> None:
        return None


class FolderSource:
    """What the file `alias` names. A version over 90 does not load."""

    def __init__(self, folder: Path) -> None:
        self.alias = folder / "alias"

    def resolve(self) -> Routing | str:
        if not self.alias.exists():
            raise NotFound("alias", str(self.alias.name))
        alias = self.alias.read_text().strip()
        if alias.startswith("recalled "):
            raise ModelRecalled(alias.removeprefix("recalled "))
        return parse_routing(alias) if alias.startswith("{") else alias

    def load(self, ref: str) -> Any:
        if ref == "sizes@1":
            return Sizes()
        version = int(ref.partition("@")[2])
        if version > 90:
            raise NotFound("model version", ref)
        if version == EXITS:
            sys.exit(3)
        return KINDS.get(version, Mood)(version)

    def close(self) -> None:
        return None


def main() -> None:
    from ropeway.serving.service import serve

    folder = Path(sys.argv[1])
    port = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2].isdigit() else 0
    serve(
        FolderSource(folder),
        folder / "home",
        model="mood",
        environment="production",
        port=port,
        entity="customer" if "customer" in sys.argv else None,
        on_ready=lambda url, _deployment: print(url, flush=True),
    )


if __name__ == "__main__":
    main()
