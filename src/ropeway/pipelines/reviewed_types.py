"""Types that a model file may hold beyond skops' own list, each looked at in the library's source.

The list holds for the releases named in `REVIEWED_FOR` alone: with another release of scikit-learn it does
not apply until someone has looked again. A project adds types that it has reviewed under `[models]
trusted_types`.
"""

REVIEWED_FOR = ("1.9",)
"""scikit-learn's major.minor releases whose source was read for this list."""

# Raw node tables that compiled code walks without looking at bounds: trusted only together with the check of
# every index in `estimators._check_tree`, which runs before anything is built.
CHECKED_TREES = frozenset(
    ("sklearn.tree._tree.Tree", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor")
)

# Compiled code walks these by their indices as well: their structure is checked in full before they are used.
CHECKED_SPARSE = frozenset(
    f"scipy.sparse._{form}.{form}_{kind}" for form in ("csr", "csc", "coo") for kind in ("matrix", "array")
)

# Plain Python objects: attributes are set, nothing runs on load.
PLAIN = frozenset(
    (
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.CompoundKernel",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.DotProduct",
        "sklearn.gaussian_process.kernels.Exponentiation",
        "sklearn.gaussian_process.kernels.Matern",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.gaussian_process.kernels.RationalQuadratic",
        "sklearn.gaussian_process.kernels.Sum",
        "sklearn.gaussian_process.kernels.WhiteKernel",
        "sklearn.multiclass._ConstantPredictor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    )
)

# Functions that score features while fitting; they are not called by `predict` or `transform`.
FUNCTIONS = frozenset(
    (
        "numpy.mean",
        "sklearn.feature_selection._mutual_info.mutual_info_classif",
        "sklearn.feature_selection._mutual_info.mutual_info_regression",
        "sklearn.feature_selection._univariate_selection.chi2",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.feature_selection._univariate_selection.f_regression",
    )
)

# A dtype is read from an empty array that numpy loads without pickle.
DTYPES = frozenset(("numpy.dtype",))

REVIEWED = CHECKED_TREES | CHECKED_SPARSE | PLAIN | FUNCTIONS | DTYPES


def reviewed() -> frozenset[str]:
    """The list, if it holds for the scikit-learn that is installed; else nothing."""
    from sklearn import __version__

    return REVIEWED if ".".join(__version__.split(".")[:2]) in REVIEWED_FOR else frozenset()
