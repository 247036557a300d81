"""Models in the formats of other libraries answer as those libraries do."""

from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np
import polars as pl
import pytest

from ropeway.models.adopting.answers import ForeignSlice
from ropeway.models.adopting.errors import PackageUnreadable
from ropeway.models.adopting.loaders import Model, open_model
from ropeway.models.adopting.mlmodel import Packaged

# The softmax of the first two columns of X·W, a product with 300 columns whose weights lie in weights.data.
ONNX = bytes.fromhex(
    "080912003ada010a110a01580a015712014822064d61744d756c0a1e0a01480a014912014722064761746865722a0b0a0461786973"
    "1801a001020a1c0a01471201502207536f66746d61782a0b0a04617869731801a001021201672a43080208ac0210014201576a180a"
    "086c6f636174696f6e120c776569676874732e646174616a0b0a066f66667365741201306a0e0a066c656e67746812043234303070"
    "012a19080210074201494a10000000000000000001000000000000005a110a0158120c0a0a080112060a000a02080262110a015012"
    "0c0a0a080112060a000a02080242040a001011"
)
ROWS = pl.DataFrame({"x": [2.0, 30.0], "z": [5.0, 0.0]})


def opened(loader: str, entry: str, files: Mapping[str, bytes]) -> Model:
    packaged = Packaged(
        flavor=loader, loader=loader, entry=entry, kind="", columns=None, runs_code="", tool=""
    )
    return open_model("m@1", packaged, files.__getitem__, list(files), ())


def test_onnx_takes_weights_that_lie_beside_it_and_only_those_of_its_package(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = np.zeros((2, 300), dtype="<f4")
    weights[0, 0] = 1
    model = opened("onnx", "m/model.onnx", {"m/model.onnx": ONNX, "m/weights.data": weights.tobytes()})
    said = ForeignSlice("m@1", model, ["x", "z"], ["a", "b"]).predict(ROWS)
    assert said["a"].to_list() == pytest.approx([1 / (1 + np.exp(-2.0)), 1.0])
    # A file of ours that has the name of its weights is not read.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.data").write_bytes(weights.tobytes())
    with pytest.raises(PackageUnreadable, match="not beside it"):
        opened("onnx", "m/model.onnx", {"m/model.onnx": ONNX})


def test_a_booster_in_its_own_format_answers_as_its_library_does() -> None:
    x = np.array([[row / 4, row % 7.0] for row in range(240)])
    options = {"objective": "binary", "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(options, lightgbm.Dataset(x, (x[:, 0] >= 30).astype(int)), 5)
    model = opened("lightgbm", "model.lgb", {"model.lgb": booster.model_to_string().encode()})
    said = ForeignSlice("m@1", model, ["x", "z"], ["high", "low"]).predict(ROWS)
    # Its 1 is the second of the classes in their order.
    assert said["low"].to_list() == pytest.approx(booster.predict(ROWS.to_numpy()).tolist())
