"""What a foreign model gives, as our columns: a number in `prediction`, or one column for each class."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ropeway.models.adopting.errors import ForeignAnswer
from ropeway.models.adopting.loaders import Model
from ropeway.pipelines.errors import ColumnMissing

if TYPE_CHECKING:
    import polars as pl

PREDICTION = "prediction"
TWO = 2


class ForeignSlice:
    """A foreign model in the place of a slice of ours: rows in, named columns out."""

    def __init__(self, ref: str, model: Model, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        self.ref = ref
        self._model = model
        self._inputs = list(inputs)
        self._outputs = list(outputs)

    def predict(self, rows: "pl.DataFrame") -> "pl.DataFrame":
        """The answers, one row for each row, in the same order.

        Raises:
            ColumnMissing: a column of the signature is not there.
            ForeignAnswer: the model failed, or gave what cannot be read as the columns that it gives.
        """
        missing = [name for name in self._inputs if name not in rows.columns]
        if missing:
            raise ColumnMissing(missing, rows.columns)
        try:
            said = self._model.ask(rows.select(self._inputs))
        # Boundary: somebody else's library on somebody else's model; it must not take a server down.
        except Exception as error:
            first = (str(error).splitlines() or [""])[0][:200]
            raise ForeignAnswer(self.ref, f"raised {type(error).__name__}: {first}") from error
        found = as_columns(said, self._outputs, rows.height)
        if isinstance(found, str):
            raise ForeignAnswer(self.ref, found)
        return found

    def close(self) -> None:
        """Let go of what it holds on disk."""
        self._model.close()


def as_columns(said: Any, outputs: Sequence[str], height: int) -> "pl.DataFrame | str":
    """A model's answers in these columns; a sentence where they cannot be read so."""
    import numpy as np
    import polars as pl

    if isinstance(said, pl.DataFrame):
        if said.columns != list(outputs):
            return f"answered the columns {said.columns[:10]}, and gives {list(outputs)[:10]}"
        return said
    if isinstance(said, list) and said and not np.isscalar(said[0]):
        # ONNX gives several outputs: labels first, then probabilities, which maps may hold.
        said = _last_of(said, outputs)
    values = np.asarray(said)
    if values.ndim == TWO and values.shape[1] == 1:
        values = values[:, 0]
    if len(values) != height:
        return f"gave {len(values)} answers for {height} rows"
    if list(outputs) == [PREDICTION]:
        return _numbers(values)
    if values.ndim == TWO:
        if values.shape[1] != len(outputs):
            return f"gave {values.shape[1]} columns for {len(outputs)} classes"
        return pl.DataFrame({name: values[:, at].astype(np.float64) for at, name in enumerate(outputs)})
    if len(outputs) == TWO and values.dtype.kind == "f" and ((values >= 0) & (values <= 1)).all():
        high = values.astype(np.float64)
        return pl.DataFrame({outputs[0]: 1 - high, outputs[1]: high})
    return _chosen(values, outputs)


def _last_of(said: list[Any], outputs: Sequence[str]) -> Any:
    import numpy as np

    for each in reversed(said):
        if isinstance(each, list) and each and isinstance(each[0], dict):
            named = [{str(key): value for key, value in row.items()} for row in each]
            return np.asarray([[row.get(name, 0.0) for name in outputs] for row in named])
        if getattr(each, "ndim", 0) == TWO and each.shape[1] == len(outputs):
            return each
    return said[0]


def _numbers(values: Any) -> "pl.DataFrame | str":
    import numpy as np
    import polars as pl

    try:
        return pl.DataFrame({PREDICTION: values.astype(np.float64)})
    except (TypeError, ValueError):
        return "gave something else than a number"


def _chosen(values: Any, outputs: Sequence[str]) -> "pl.DataFrame | str":
    """Labels, as certainties: the class that was said gets 1."""
    import numpy as np
    import polars as pl

    texts = [str(each) for each in values.tolist()]
    unknown = sorted(set(texts) - set(outputs))
    if unknown:
        return f"answered '{unknown[0][:100]}', which is no class of the target"
    return pl.DataFrame(
        {name: np.asarray([text == name for text in texts], dtype=np.float64) for name in outputs}
    )
