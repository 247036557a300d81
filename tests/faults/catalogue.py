"""Every operation that faults are tried on, by name. A new one: a class in `operations/`, a line here.

A child loads the module of its own operation only: all together they would double what it costs to start one.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path

from tests.faults.operation import FaultOperation

_CLASSES = {
    "first opening": "opening:OpenFirst",
    "ledger transaction": "ledger:RecordEvents",
    "store.put": "store:PutObjects",
    "store.put_folder": "store:PutFolders",
    "store.remove": "store:RemoveObjects",
    "data add": "data:AddData",
    "labels import": "labels:ImportLabels",
    "run.log": "tracking:LogPoints",
    "run.log, flush": "tracking:FlushPoints",
    "tracked run": "tracking:TrackRuns",
    "pipeline run": "pipelines:RunPipeline",
    "model register": "models:RegisterModels",
    "gate": "models:JudgeModels",
    "approve, promote": "models:PromoteModels",
    "serving": "serving:ServePredictions",
    "seal": "predictions:SealSegments",
    "observe": "predictions:ObserveProduction",
    "gc": "keeping:CollectDead",
    "backup": "keeping:MakeBackups",
    "upgrade": "upgrade:UpgradeOldest",
    "controller": "loop:ControlLoop",
}


class _Operations(Mapping[str, type[FaultOperation]]):
    """The classes, each loaded when it is asked for."""

    def __getitem__(self, name: str) -> type[FaultOperation]:
        module, _, class_name = _CLASSES[name].partition(":")
        found: type[FaultOperation] = getattr(import_module(f"tests.faults.operations.{module}"), class_name)
        assert found.name == name
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)


OPERATIONS: Mapping[str, type[FaultOperation]] = _Operations()


def beside(name: str, root: Path) -> AbstractContextManager[None]:
    """What goes on in a project beside an operation, and is not killed with it."""
    return _BESIDE.get(name, lambda _root: nullcontext())(root)


def _traffic(root: Path) -> AbstractContextManager[None]:
    from tests.faults.traffic import traffic_beside

    return traffic_beside(root)


_BESIDE: dict[str, Callable[[Path], AbstractContextManager[None]]] = {"controller": _traffic}
