"""What a package of MLflow says is data: it is translated, or refused in words, and never imported."""

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ropeway.models.adopting.adopt import adopt, taken_columns
from ropeway.models.adopting.answers import ForeignSlice, as_columns
from ropeway.models.adopting.errors import (
    ColumnsUnknown,
    ForeignAnswer,
    LoaderMissing,
    PackageUnreadable,
    Quarantined,
)
from ropeway.models.adopting.loaders import Model, open_model
from ropeway.models.adopting.mlmodel import Column, Packaged, read_mlmodel
from ropeway.models.adopting.onnx_files import files_named
from ropeway.models.adopting.operations import ForeignDetail, look_at_foreign
from ropeway.models.afar.operations import create_entry, register_foreign
from ropeway.models.errors import ForeignPackage
from ropeway.models.load import load_model
from ropeway.models.operations import gate_model
from ropeway.tracking.afar.operations import open_run, put_run_file
from ropeway.workspace import LocalWorkspace

SKOPS = {"sklearn": {"pickled_model": "model.skops", "serialization_format": "skops"}}
PICKLED = {"sklearn": {"pickled_model": "model.pkl"}}
CODE = {"python_function": {"loader_module": "evil", "code": "code"}}
ONNX_SAYS = {"0": [0.1, 1.0], "1": [0.9, 0.0]}
COLUMNS = json.dumps([{"type": "double", "name": "x"}, {"type": "long", "name": "n", "required": False}])


def said(flavors: dict[str, Any], signature: str = COLUMNS) -> bytes:
    return json.dumps({"flavors": flavors, "signature": {"inputs": signature}}).encode()


@pytest.mark.parametrize(
    ("flavors", "loader", "runs_code"),
    [
        (SKOPS, "skops", False),
        (PICKLED, "pickle", True),
        (CODE, "pyfunc", True),
        ({**CODE, **SKOPS}, "skops", False),
        ({"onnx": {"data": "model.onnx"}, **PICKLED}, "onnx", False),
        (
            {"xgboost": {"data": "model.ubj", "model_class": "xgboost.sklearn.XGBClassifier"}},
            "xgboost",
            False,
        ),
        ({"lightgbm": {"data": "model.lgb"}}, "lightgbm", False),
        ({"lightgbm": {"data": "model.pkl"}}, "pickle", True),
        ({"lightgbm": {"data": "model.skops"}}, "skops", False),
        ({"catboost": {"data": "model.cb", "model_type": "CatBoostClassifier"}}, "catboost", False),
    ],
)
def test_the_flavor_that_runs_nothing_goes_first(
    flavors: dict[str, Any], loader: str, runs_code: bool
) -> None:
    files = ["model.skops", "model.pkl", "model.onnx", "model.ubj", "model.lgb", "model.cb"]
    found = read_mlmodel("m@1", said(flavors), files)
    assert (found.loader, bool(found.runs_code)) == (loader, runs_code)
    assert found.columns == [Column("x", "Float64"), Column("n", "Int64", is_required=False)]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"a: [",
        b"[" * 5000,
        b"!!python/object/apply:os.system ['true']",
        b"x" * (2 << 20),
        said({}),
        said({"spark": {}}),
        said({"sklearn": {"pickled_model": "../../etc/passwd.skops"}}),
        said(SKOPS, "{"),
        said(SKOPS, json.dumps([{"type": "map", "name": "x"}])),
        said(SKOPS, json.dumps([{"type": "double", "name": "x"}] * 2)),
        said(
            SKOPS, json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3, 3]}}])
        ),
    ],
)
def test_what_cannot_be_loaded_is_said_so(raw: bytes) -> None:
    with pytest.raises(PackageUnreadable, match="cannot be read"):
        read_mlmodel("m@1", raw, ["model.skops"])


def told(columns: list[Column] | None) -> ForeignDetail:
    packaged = Packaged(
        flavor="sklearn", loader="skops", entry="m", kind="", columns=columns, runs_code="", tool=""
    )
    return ForeignDetail(
        ref="m@1", run="", packaged=packaged, files={}, source="", is_approved=False, is_adopted=False
    )


def test_columns_without_names_are_named_by_a_person() -> None:
    frame = pl.DataFrame({"id": [1], "x": [0.5], "z": [1.5], "label": ["a"]})
    tensor = [Column("", "Float64")] * 2
    assert [each.name for each in taken_columns(told(tensor), frame, ["z", "x"], ["id", "label"])] == [
        "z",
        "x",
    ]
    one = frame.select("id", "x", "label")
    assert taken_columns(told([Column("", "String")]), one, [], ["id", "label"]) == [Column("x", "String")]
    for columns, named in ((tensor, []), (None, []), (tensor, ["x"]), ([Column("label", "String")], [])):
        with pytest.raises(ColumnsUnknown, match="cannot be asked"):
            taken_columns(told(columns), frame, named, ["id", "label"])


@pytest.mark.parametrize(
    ("gives", "outputs", "wanted"),
    [
        (np.array([1.5, 2.0]), ["prediction"], {"prediction": [1.5, 2.0]}),
        (np.array([[0.2, 0.8], [1.0, 0.0]]), ["a", "b"], {"a": [0.2, 1.0], "b": [0.8, 0.0]}),
        (np.array([0.75, 0.0]), ["0", "1"], {"0": [0.25, 1.0], "1": [0.75, 0.0]}),
        (np.array(["b", "a"]), ["a", "b"], {"a": [0.0, 1.0], "b": [1.0, 0.0]}),
        ([np.array([1, 0]), [{0: 0.1, 1: 0.9}, {0: 1.0, 1: 0.0}]], ["0", "1"], ONNX_SAYS),
        ([np.array([1, 0]), np.array([[0.1, 0.9], [1.0, 0.0]])], ["0", "1"], ONNX_SAYS),
    ],
)  # fmt: skip
def test_answers_of_any_form_become_columns(gives: Any, outputs: list[str], wanted: dict[str, Any]) -> None:
    found = as_columns(gives, outputs, 2)
    assert isinstance(found, pl.DataFrame), found
    assert found.to_dict(as_series=False) == wanted


def test_a_model_that_fails_or_says_too_little_is_no_answer() -> None:
    def fail(_: pl.DataFrame) -> Any:
        raise SystemError("boom")

    frame = pl.DataFrame({"x": [1.0, 2.0]})
    for ask in (fail, lambda _: np.array([1.0]), lambda _: np.array(["x", "y"])):
        with pytest.raises(ForeignAnswer, match="was asked and"):
            ForeignSlice("m@1", Model(ask), ["x"], ["prediction"]).predict(frame)


@pytest.mark.parametrize("loader", ["onnx", "xgboost", "lightgbm", "catboost", "pyfunc"])
def test_a_library_that_is_not_installed_is_named(loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("onnxruntime", "xgboost", "lightgbm", "catboost", "mlflow.pyfunc"):
        monkeypatch.setitem(sys.modules, name, None)
    packaged = Packaged(flavor=loader, loader=loader, entry="m", kind="", columns=None, runs_code="", tool="")
    with pytest.raises(LoaderMissing, match="is not installed here"):
        open_model("m@1", packaged, lambda _: b"", ["m"], ())


def wire(*path: int, inside: bytes) -> bytes:
    """A message of protobuf within others, by the numbers of their fields."""
    for number in reversed(path):
        inside = bytes([number << 3 & 127 | 130, number >> 4, len(inside)]) + inside
    return inside


ELSEWHERE = wire(13, inside=wire(1, inside=b"location") + wire(2, inside=b".env"))


@pytest.mark.parametrize(
    "path",
    [(7, 5), (7, 15, 1), (7, 1, 5, 5), (7, 1, 5, 6, 5), (7, 1, 5, 11, 1, 5, 10), (25, 7, 5, 5), (20, 1, 5)],
)  # fmt: skip
def test_a_model_of_onnx_whose_weights_are_not_in_its_package_is_refused(path: tuple[int, ...]) -> None:
    packaged = Packaged(flavor="onnx", loader="onnx", entry="m", kind="", columns=None, runs_code="", tool="")
    model = wire(*path, inside=wire(8, inside=b"w") + ELSEWHERE)
    with pytest.raises(PackageUnreadable, match="not beside it"):
        open_model("m@1", packaged, lambda _: model, ["m"], ())
    assert files_named(model) == {".env"}
    assert not files_named(wire(*path, inside=wire(9, inside=b"location .env")))


@pytest.mark.parametrize(
    "data",
    # The last is the field 7 to a reader that drops what is above 32 bits, as protobuf's does.
    [b"\x3a\xff", b"\x3a", b"\xff" * 20, b"\x0b", b"\x00\x00\x00\x00ORTM", b"\xba\x80\x80\x80\x10\x00"],
)
def test_what_is_no_model_of_onnx_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut off|unknown kind|own form"):
        files_named(data)


class Evil:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize(("flavors", "file"), [(PICKLED, "model.pkl"), (CODE, "code/evil.py")])
def test_nothing_in_a_package_runs_without_approval(
    ana: LocalWorkspace, tmp_path: Path, flavors: dict[str, Any], file: str
) -> None:
    mark = tmp_path / "ran"
    evil = pickle.dumps(Evil(mark)) if file.endswith(".pkl") else f"open({str(mark)!r}, 'w')".encode()
    run = open_run(ana, experiment="0")
    for name, held in (("m/MLmodel", said(flavors)), (f"m/{file}", evil)):
        put_run_file(ana, run=run.hex, path=name, digest=ana.store.put(held))
    create_entry(ana, shown="clf")
    register_foreign(ana, shown="clf", origin=f"runs:/{run.hex}/m", run=run.hex)
    assert look_at_foreign(ana, ref="clf@1").quarantine
    for refused, attempt in (
        (Quarantined, lambda: adopt(ana, "clf@1")),
        (ForeignPackage, lambda: gate_model(ana, ref="clf@1")),
        (ForeignPackage, lambda: load_model(ana, "clf@1")),
    ):
        with pytest.raises(refused):
            attempt()
    assert not mark.exists()
