"""What a pipeline starts from: rows and target of the parts of dataset versions, named by what they hold.

Digests are known without reading anything; frames are read when a step that must run asks for them. The
`test` part is not to be had here at all, by no second name either: of any dataset that holds the same rows
(another version, what they were labelled from) a step gets those of the part `train` only.
"""

import re
import threading
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ropeway.core.hashing import digest_json
from ropeway.core.ids import Digest
from ropeway.data.records import DatasetVersion, SplitRecord
from ropeway.pipelines.errors import InputMissing, InputWithoutKey, NoRows, TargetMissing
from ropeway.pipelines.graph import ROWS, TARGET, TUNE_ROWS
from ropeway.workspace import Input, Workspace

if TYPE_CHECKING:
    import polars as pl

Part = Literal["train", "tune"]
SHOWN_KEYS = 5
_SNAPSHOT_SOURCE = re.compile(r"labels of '.*' on (?P<dataset>.+)")
"""How a snapshot of labels says where its rows are from; see `labels.snapshot`."""


class Inputs:
    """The inputs of one run, resolved to versions.

    Args:
        workspace: where the datasets are.

    Raises:
        InputMissing: the project declares no `[inputs.rows]`.
        DatasetNotFound: a dataset is not there.
        ContractViolated, ChecksFailed: a version may not train.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._declared = workspace.project.inputs
        if ROWS not in self._declared:
            raise InputMissing(ROWS, "pipeline")
        self._versions: dict[str, DatasetVersion] = {}
        self._lock = threading.RLock()
        self._frames: dict[str, Any] = {}

    @property
    def names(self) -> list[str]:
        """All names that a step may ask for."""
        special = [TARGET, TUNE_ROWS] if self.rows.target is not None else [TUNE_ROWS]
        return [*self._declared, *special]

    @property
    def rows(self) -> Input:
        """The declaration of `rows`."""
        return self._declared[ROWS]

    def references(self, asked: Iterable[str]) -> dict[str, str]:
        """The dataset version behind each input that is asked for, `rows` always among them."""
        names = dict.fromkeys([ROWS, *(name for name in asked if name in self._declared)])
        return {name: self.version(name).reference for name in names}

    def version(self, name: str) -> DatasetVersion:
        """The version of an input, checked that it may train."""
        from ropeway.data.load import require_trainable, resolve

        with self._lock:
            if name not in self._versions:
                version = resolve(self._workspace, self._declared[name].dataset)
                require_trainable(version)
                if not version.is_kept:
                    from ropeway.data.referred import require_unchanged

                    # Here, and not when rows are read: a step that is cached reads none.
                    require_unchanged(self._workspace, version)
                self._versions[name] = version
            return self._versions[name]

    @cached_property
    def split(self) -> SplitRecord:
        """Which row belongs to which part."""
        from ropeway.data.assign import assign_split

        record = assign_split(self._workspace, self.version(ROWS), self.rows)
        if not record.parts.get("train"):
            raise NoRows("train", self.version(ROWS).shown, record.rows)
        return record

    def token(self, name: str) -> Digest:
        """What an input holds, as a digest, without reading it."""
        if name in (ROWS, TARGET, TUNE_ROWS):
            version = self.version(ROWS)
            return digest_json([name, version.version, version.columns, self.split.digest, self._hidden])
        version = self.version(name)
        if (key := self._shared_key(name)) is not None:
            seen = [name, version.version, version.columns, self.split.digest, self._hidden, key]
            return digest_json(["train only", *seen])
        return digest_json([name, version.version, version.columns])

    def load(self, name: str) -> Any:
        """The value that a step gets under this name."""
        with self._lock:
            if name not in self._frames:
                self._frames[name] = self._load(name)
            return self._frames[name]

    def part(self, part: Part) -> "tuple[pl.DataFrame, pl.Series | None]":
        """Rows as a request would show them, and their truth, of one part."""
        frame = self._part(part)
        target = self.rows.target
        return self._shown(frame), frame[target] if target is not None else None

    def _load(self, name: str) -> Any:
        if name == ROWS:
            return self._shown(self._part("train"))
        if name == TARGET:
            return self._part("train")[str(self.rows.target)]
        if name == TUNE_ROWS:
            # With the target: a fit that stops early needs both.
            hidden = [column for column in self._hidden if column != self.rows.target]
            return self._part("tune").drop(hidden)
        key = self._shared_key(name)
        return self._read(name) if key is None else self._train_only(name, key)

    def _train_only(self, name: str, key: str) -> "pl.DataFrame":
        """Of a dataset that holds the same rows, those of the part `train`."""
        import polars as pl

        from ropeway.data.key_text import key_text

        frame = self._read(name)
        if key not in frame.columns:
            raise InputWithoutKey(name, key, self.version(name).shown, self.version(ROWS).shown)
        train = key_text(self._parts.filter(pl.col("part") == pl.lit("train")).get_column("key"))
        found = frame.filter(key_text(frame[key]).is_in(train.implode()))
        # What it was labelled from holds no label; another version of the rows does.
        is_same = self.version(name).name == self.version(ROWS).name
        return self._shown(found) if is_same else found

    def _shared_key(self, name: str) -> str | None:
        """The column by which an input's rows are those of `rows`; None when they are rows of their own."""
        rows, version = self.version(ROWS), self.version(name)
        if version.name == rows.name or version.version == rows.version:
            return self.rows.key
        return self._kin.get(version.name)

    @cached_property
    def _kin(self) -> dict[str, str]:
        """Datasets from which `rows` was labelled, or that were labelled from the same, with their key."""
        version = self.version(ROWS)
        links = [
            (each.dataset.partition("@")[0], each.snapshot, each.item)
            for each in self._workspace.project.labels.values()
        ]
        if (told := _SNAPSHOT_SOURCE.fullmatch(version.source or "")) is not None:
            links.append((told["dataset"], version.name, self.rows.key))
        found: dict[str, str] = {str(version.name): self.rows.key}
        for _ in links:
            for one, other, key in links:
                if one in found or other in found:
                    found.setdefault(one, key)
                    found.setdefault(other, key)
        return found

    def _part(self, part: Part) -> "pl.DataFrame":
        import polars as pl

        with self._lock:
            if f"part {part}" not in self._frames:
                frame = self._read(ROWS)
                self._frames[f"part {part}"] = frame.filter(self._parts.get_column("part") == pl.lit(part))
            found: pl.DataFrame = self._frames[f"part {part}"]
            return found

    @cached_property
    def _parts(self) -> "pl.DataFrame":
        from ropeway.data.assign import split_frame

        return split_frame(self._workspace, self.version(ROWS), self.split, self._read(ROWS))

    def _read(self, name: str) -> "pl.DataFrame":
        from ropeway.data.errors import ColumnNotFound
        from ropeway.data.load import load

        with self._lock:
            if f"frame {name}" not in self._frames:
                frame = load(self._workspace, self.version(name))
                target = self._declared[name].target
                if target is not None and target not in frame.columns:
                    raise ColumnNotFound(
                        self.version(name).name,
                        target,
                        frame.columns,
                        f"`target` in ropeway.toml [inputs.{name}]",
                    )
                if name == ROWS and target is not None:
                    self._check_target(frame, target)
                self._frames[f"frame {name}"] = frame
            found: pl.DataFrame = self._frames[f"frame {name}"]
            return found

    def _check_target(self, frame: "pl.DataFrame", target: str) -> None:
        """Refuse rows without truth before anything is learnt: neither a fit nor a figure could use them."""
        import polars as pl

        truth = frame[target]
        missing = truth.is_null() | truth.is_nan() if truth.dtype.is_float() else truth.is_null()
        if missing.any():
            keyed = frame.filter(missing).select(pl.col(self.rows.key)).head(SHOWN_KEYS)
            shown = [str(key) for (key,) in keyed.iter_rows()]
            raise TargetMissing(self.version(ROWS).shown, target, int(missing.sum()), shown)

    @cached_property
    def _hidden(self) -> list[str]:
        """Columns that no request has: the target, labels, and what the project excludes."""
        names = [*self.rows.exclude, *self.version(ROWS).label_columns]
        if self.rows.target is not None:
            names.append(self.rows.target)
        return sorted(set(names))

    @property
    def hidden(self) -> list[str]:
        """Columns of the dataset that are never in `rows`."""
        return self._hidden

    def _shown(self, frame: "pl.DataFrame") -> "pl.DataFrame":
        return frame.drop(self._hidden, strict=False)
