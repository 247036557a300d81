"""Model files opened by the library that wrote them, and asked: `ask(frame)` gives what the model gives.

`skops` as our own artifacts are (reviewed types only), `onnx` by onnxruntime, boosters by their native
readers: none of these runs anything that the file holds. `pickle` and `pyfunc` do, and are called for
approved bytes only.
"""

import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ropeway.models.adopting.errors import LoaderMissing, PackageUnreadable
from ropeway.models.adopting.mlmodel import Packaged
from ropeway.models.adopting.onnx_files import files_named

if TYPE_CHECKING:
    import polars as pl

EXTRAS = {
    "skops": "'ropeway[sklearn]'",
    "onnxruntime": "'ropeway[onnx]'",
    "mlflow": "mlflow-skinny and what the model's requirements.txt names",
}


class Model(NamedTuple):
    """A model in this process.

    Attributes:
        ask: the answers for a frame with exactly the model's columns, in the library's own form.
        classes: the names of its classes where it knows them; None where it does not classify or say.
        close: lets go of what it holds on disk.
    """

    ask: "Callable[[pl.DataFrame], Any]"
    classes: list[str] | None = None
    close: Callable[[], None] = lambda: None


def open_model(
    ref: str, packaged: Packaged, read: Callable[[str], bytes], files: Sequence[str], trusted: Sequence[str]
) -> Model:
    """The model of a package. Where loading it runs what is in it, the caller has made sure that it may.

    Args:
        ref: the version, for messages.
        packaged: what the package says of itself.
        read: gives the bytes of a file of the package, verified.
        files: the paths of all of them.
        trusted: types that a skops file may hold beyond the reviewed ones.

    Raises:
        LoaderMissing: the library is not installed here.
        UntrustedTypes: a skops file holds types that nobody has reviewed.
        PackageUnreadable: the library does not read the file.
    """
    try:
        if packaged.loader == "pyfunc":
            return _pyfunc(ref, read, files)
        if packaged.loader == "onnx":
            return _onnx(ref, packaged, read, files)
        return _LOADERS[packaged.loader](ref, packaged, read(packaged.entry), tuple(trusted))
    # Boundary: half a dozen libraries read bytes that may be anybody's, each with errors of its own.
    except Exception as error:
        from ropeway.core.errors import RopewayError

        if isinstance(error, RopewayError):
            raise
        said = (str(error).splitlines() or [""])[0][:200]
        raise PackageUnreadable(ref, f"{packaged.loader} says {type(error).__name__}: {said}") from error


def library(ref: str, name: str) -> Any:
    """A library by its name.

    Raises:
        LoaderMissing: it is not installed here.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        top = name.partition(".")[0]
        raise LoaderMissing(ref, top, EXTRAS.get(top, top)) from error


def _skops(ref: str, _: Packaged, data: bytes, trusted: tuple[str, ...]) -> Model:
    library(ref, "skops.io")
    from ropeway.pipelines.estimators import load_estimator

    return _estimator(load_estimator(data, trusted))


def _pickle(_ref: str, _: Packaged, data: bytes, _trusted: tuple[str, ...]) -> Model:
    import pickle

    return _estimator(pickle.loads(data))  # noqa: S301  exactly these bytes were approved by somebody here


def _estimator(model: Any) -> Model:
    """What follows scikit-learn's ways."""
    from ropeway.pipelines.errors import CannotPredict
    from ropeway.pipelines.probabilities import probabilities

    takes_texts = _takes_texts(model)

    def ask(frame: "pl.DataFrame") -> Any:
        given = frame.to_series(0).to_list() if takes_texts else pandas_or_polars(frame)
        if classes is None:
            return model.predict(given)
        try:
            return probabilities(model, given)
        except CannotPredict:
            return model.predict(given)

    classes = getattr(model, "classes_", None)
    classes = None if classes is None else [str(each) for each in classes]
    return Model(ask, classes)


def _takes_texts(model: Any) -> bool:
    """Whether it wants a list of texts, not a table: a vectorizer, or a pipeline that begins with one."""
    try:
        from sklearn.utils import get_tags

        wants = get_tags(model).input_tags
    except (ImportError, AttributeError, TypeError):
        return False
    return bool(wants.string and not wants.two_d_array)


def pandas_or_polars(frame: "pl.DataFrame") -> Any:
    """A pandas frame, which is what the model was logged with, where there is pandas."""
    try:
        import pandas as pd
    except ModuleNotFoundError:
        return frame
    return pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns})


def matrix(frame: "pl.DataFrame", dtype: str = "float64") -> Any:
    """The columns side by side."""
    import numpy as np

    return np.column_stack([frame[name].to_numpy() for name in frame.columns]).astype(dtype)


def _onnx(ref: str, packaged: Packaged, read: Callable[[str], bytes], files: Sequence[str]) -> Model:
    """Weights that lie beside the model are handed over from memory, those of the package alone."""
    data = read(packaged.entry)
    above = packaged.entry.rpartition("/")[0]
    beside = {path.rpartition("/")[2]: path for path in files if path.rpartition("/")[0] == above}
    named = sorted(files_named(data))
    if not set(named) <= beside.keys():
        raise PackageUnreadable(ref, "its weights are in files that are not beside it, and are not opened")
    runtime = library(ref, "onnxruntime")
    options = runtime.SessionOptions()
    if named:
        contents = [read(beside[name]) for name in named]
        options.add_external_initializers_from_files_in_memory(named, contents, list(map(len, contents)))
    # Alone in a folder: whatever else the model names is not found, and nothing of ours is read as weights.
    with tempfile.TemporaryDirectory(prefix="ropeway-onnx-") as folder:
        path = Path(folder, "model.onnx")
        path.write_bytes(data)
        # Its own providers only: those that the package asks for may be libraries by path.
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    asked = session.get_inputs()

    def ask(frame: "pl.DataFrame") -> Any:
        if len(asked) == 1:
            return session.run(None, {asked[0].name: matrix(frame, _ONNX.get(asked[0].type, "float32"))})
        columns = {
            each.name: matrix(frame.select(each.name), _ONNX.get(each.type, "float32")) for each in asked
        }
        return session.run(None, columns)

    return Model(ask)


_ONNX = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}


def _xgboost(ref: str, _: Packaged, data: bytes, _trusted: tuple[str, ...]) -> Model:
    xgboost = library(ref, "xgboost")
    booster = xgboost.Booster()
    booster.load_model(bytearray(data))
    # A booster answers probabilities, whichever class wrapped it.
    return Model(
        lambda frame: booster.predict(xgboost.DMatrix(matrix(frame), feature_names=booster.feature_names))
    )


def _lightgbm(ref: str, _: Packaged, data: bytes, _trusted: tuple[str, ...]) -> Model:
    booster = library(ref, "lightgbm").Booster(model_str=data.decode())
    return Model(lambda frame: booster.predict(matrix(frame)))


def _catboost(ref: str, packaged: Packaged, data: bytes, _trusted: tuple[str, ...]) -> Model:
    catboost = library(ref, "catboost")
    made = {
        "CatBoostClassifier": catboost.CatBoostClassifier,
        "CatBoostRegressor": catboost.CatBoostRegressor,
    }
    model = made.get(packaged.kind, catboost.CatBoost)()
    model.load_model(stream=io.BytesIO(data))
    return (
        _estimator(model)
        if packaged.kind == "CatBoostClassifier"
        else Model(lambda frame: model.predict(pandas_or_polars(frame)))
    )


def _pyfunc(ref: str, read: Callable[[str], bytes], files: Sequence[str]) -> Model:
    """By MLflow itself, from a folder of its own: imports the package's code. For approved bytes only."""
    pyfunc = library(ref, "mlflow.pyfunc")
    folder = tempfile.TemporaryDirectory(prefix="ropeway-pyfunc-")
    for name in files:
        place = Path(folder.name, name)
        if ".." in place.parts:
            raise PackageUnreadable(ref, f"it has a file '{name[:200]}'")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(read(name))
    model = pyfunc.load_model(folder.name)
    return Model(lambda frame: model.predict(pandas_or_polars(frame)), close=folder.cleanup)


_LOADERS: Mapping[str, Callable[[str, Packaged, bytes, tuple[str, ...]], Model]] = {
    "skops": _skops,
    "pickle": _pickle,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
}
