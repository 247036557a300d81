"""scikit-learn estimators: one canonical form, loaded only with reviewed types."""

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from ropeway.pipelines.errors import UntrustedTypes
from ropeway.pipelines.estimators import content_digest, dump, load, load_estimator
from ropeway.pipelines.writing import NoFormat, Trust

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = np.where(X[:, 0] + X[:, 1] > 0, "yes", "no")

MAKERS = {
    "scaled logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "ridge on a column": lambda: make_pipeline(ColumnTransformer([("s", StandardScaler(), [0, 2])]), Ridge()),
    "tree": lambda: DecisionTreeClassifier(random_state=0),
    "forest": lambda: RandomForestClassifier(5, random_state=0),
    "boosting": lambda: HistGradientBoostingClassifier(max_iter=3, random_state=0),
}


@pytest.mark.parametrize("name", MAKERS)
def test_two_fits_of_one_model_have_one_digest_and_answer_alike(name):
    truth = (Y == "yes").astype(float) if "ridge" in name else Y
    one, other = (MAKERS[name]().fit(X, truth) for _ in range(2))
    raw = [skops.io.dumps(each) for each in (one, other)]
    assert raw[0] != raw[1]
    assert content_digest(raw[0]) == content_digest(raw[1])
    dumped = dump(one, Trust())
    assert dumped.content == content_digest(raw[1])
    assert np.array_equal(load_estimator(dumped.data).predict(X), one.predict(X))


@given(st.floats(0.01, 100), st.floats(0.01, 100))
@settings(max_examples=15, deadline=None)
def test_digests_are_equal_exactly_when_the_models_are(one, other):
    digests = [dump(Ridge(alpha).fit(X, X[:, 0]), Trust()).content for alpha in (one, other, one)]
    assert digests[0] == digests[2]
    assert (digests[0] == digests[1]) == (one == other)


def test_a_digest_does_not_depend_on_the_process():
    script = (
        "from sklearn.feature_extraction.text import TfidfVectorizer\n"
        "from ropeway.pipelines.estimators import dump\nfrom ropeway.pipelines.writing import Trust\n"
        "print(dump(TfidfVectorizer(stop_words=['c']).fit(['a bc', 'bc d e']), Trust()).content)"
    )
    found = {
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        for _ in "ab"
    }
    assert len(found) == 1
    assert (
        dump(TfidfVectorizer(stop_words=["c"]).fit(["a bc", "bc d e"]), Trust()).content
        == found.pop().strip()
    )


def test_unknown_types_are_named_with_the_setting_that_trusts_them():
    raw = skops.io.dumps(make_pipeline(FunctionTransformer(np.linalg.norm)))
    with pytest.raises(UntrustedTypes, match=r"numpy.linalg") as caught:
        load_estimator(raw)
    assert "[models] trusted_types" in caught.value.next_step
    assert load_estimator(raw, tuple(caught.value.facts["types"]))


def test_an_estimator_that_could_not_be_loaded_again_is_not_kept():
    with pytest.raises(NoFormat, match=r"nobody has reviewed.*trusted_types"):
        dump(FunctionTransformer(np.linalg.norm), Trust())


def test_an_estimator_that_skops_cannot_write_is_told():
    with pytest.raises(NoFormat, match="skops cannot write it"):
        dump(FunctionTransformer(x for x in ()), Trust())


def _tampered(raw: bytes, field: str, value: int) -> bytes:
    """The file with one field of the first node of a tree set to something else."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(".npy"):
                array = np.load(io.BytesIO(data))
                if array.dtype.names and field in array.dtype.names:
                    array[field][0] = value
                    data = (made := io.BytesIO(), np.save(made, array))[0].getvalue()
            new.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("tree", "left_child", 10**6),
        ("tree", "right_child", 0),
        ("tree", "feature", 4),
        ("tree", "feature", 10**6),
        ("boosting", "left", 10**6),
        ("boosting", "feature_idx", 4000),
    ],
)
def test_a_tree_whose_indices_point_elsewhere_is_refused(name, field, value):
    raw = dump(MAKERS[name]().fit(X, Y), Trust()).data
    with pytest.raises(ValueError, match="a tree in the model file"):
        load_estimator(_tampered(raw, field, value))


def test_a_type_smuggled_in_under_the_projects_name_is_refused(load_code):
    code = load_code(
        {"pipeline.py": "from subprocess import run\nfrom sklearn.preprocessing import FunctionTransformer\n"}
    )
    raw = skops.io.dumps(FunctionTransformer(np.linalg.norm))
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(buffer, "w") as new:
        schema = json.loads(old.read("schema.json"))
        schema["content"]["content"]["func"].update(__module__="ropeway_project.pipeline", __class__="run")
        new.writestr("schema.json", json.dumps(schema))
    with pytest.raises(UntrustedTypes, match=r"ropeway_project.pipeline.run"):
        load(buffer.getvalue(), Trust(code=code))


PROJECT = """
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import FunctionTransformer

def double(x):
    return x * 2

class Shift(BaseEstimator, TransformerMixin):
    def __init__(self, by=1.0):
        self.by = by
    def fit(self, x, y=None):
        self.fitted_ = True
        return self
    def transform(self, x):
        return x + self.by + EXTRA

EXTRA = 0
made = Shift(2.0).fit([1])
function = FunctionTransformer(double)
"""


@pytest.mark.parametrize("name", ["made", "function"])
def test_project_classes_and_functions_are_found_in_the_load_that_is_given(load_code, name):
    one = load_code({"pipeline.py": PROJECT})
    other = load_code({"pipeline.py": PROJECT.replace("EXTRA = 0", "EXTRA = 100").replace("x * 2", "x * 20")})
    dumped = dump(getattr(one.modules["pipeline"].module, name), Trust(code=one))
    assert dumped.has_project_types
    same, newer = (load(dumped.data, Trust(code=code)).transform(np.array([1.0]))[0] for code in (one, other))
    assert (same, newer) == ((3.0, 103.0) if name == "made" else (2.0, 20.0))
    assert dump(getattr(other.modules["pipeline"].module, name), Trust(code=other)).content == dumped.content
