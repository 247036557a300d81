"""Custom checks: plain functions of a project that give the rows with which something is wrong.

```python
import polars as pl
from ropeway import check

@check("orders")
def no_order_from_the_future(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("ordered") > pl.col("arrived"))
```

They stand in the project's `checks.py`. Here lives how they are declared, found and run; not what they check.
"""

import importlib.util
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ropeway.data.errors import CheckRaised
from ropeway.data.records import CheckResult, Severity

if TYPE_CHECKING:
    import polars as pl

CheckFunction = Callable[["pl.DataFrame"], object]
F = TypeVar("F", bound=Callable[..., object])

EXAMPLES = 5
_MARK = "__ropeway_check__"


@dataclass(frozen=True, slots=True)
class Mark:
    """What `@check` notes on a function."""

    datasets: tuple[str, ...]
    severity: Severity


def check(*datasets: str, severity: Severity = "error") -> Callable[[F], F]:
    """Declare a check of one or several datasets. The function stays an ordinary function.

    Args:
        datasets: the names of the datasets that it is for.
        severity: `error`: a version with offending rows cannot train; `warn`: it is shown and recorded.

    Example:
        >>> @check("orders")
        ... def paid_twice(rows):
        ...     return rows.filter(rows["payments"] > 1)
    """
    if not datasets or not all(isinstance(name, str) for name in datasets):
        raise TypeError('@check needs the name of a dataset: @check("orders")')
    if severity not in ("warn", "error"):
        raise TypeError(f'@check: severity is "warn" or "error", not {severity!r}')

    def mark(function: F) -> F:
        setattr(function, _MARK, Mark(datasets, severity))
        return function

    return mark


def run_checks(
    file: Path, dataset: str, rows: "pl.DataFrame", *, key: Sequence[str] = ()
) -> list[CheckResult]:
    """Run the checks of one dataset, in the order in which the file has them.

    Args:
        file: the project's checks; none when it is absent.
        dataset: whose checks.
        rows: the dataset's rows; each check gets its own frame.
        key: the columns that tell rows apart, for naming the offending ones.

    Raises:
        CheckRaised: the file cannot be loaded, a check raised, or gave something other than a frame.
    """
    if not file.is_file():
        return []
    found = [
        (name, value, getattr(value, _MARK))
        for name, value in vars(_load(file)).items()
        if isinstance(getattr(value, _MARK, None), Mark)
    ]
    return [
        _run(file, name, function, mark, rows, key)
        for name, function, mark in found
        if dataset in mark.datasets
    ]


def _load(file: Path) -> object:
    """The checks' module, fresh; modules beside it can be imported."""
    name = "ropeway_project_checks"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(module)
    # Boundary: the user's code may raise anything.
    except Exception as error:
        raise CheckRaised(file.name, file.name, _reason(error), _line(error, file)) from error
    finally:
        sys.path.remove(str(file.parent))
    return module


def _run(
    file: Path, name: str, function: CheckFunction, mark: Mark, rows: "pl.DataFrame", key: Sequence[str]
) -> CheckResult:
    import polars as pl

    try:
        offending = function(rows.clone())
    # Boundary: the user's code may raise anything.
    except Exception as error:
        raise CheckRaised(name, file.name, _reason(error), _line(error, file)) from error
    if isinstance(offending, pl.LazyFrame):
        offending = offending.collect()
    if not isinstance(offending, pl.DataFrame):
        raise CheckRaised(name, file.name, f"it returned {type(offending).__name__}, not a frame of rows")
    return CheckResult(
        name=name,
        severity=mark.severity,
        offending=offending.height,
        about=(function.__doc__ or "").strip().partition("\n")[0],
        examples=_examples(offending.head(EXAMPLES), key),
    )


def _examples(offending: "pl.DataFrame", key: Sequence[str]) -> list[str]:
    """The keys of offending rows, as far as the check kept them."""
    if not key or any(name not in offending.columns for name in key):
        return []
    return ["+".join(str(value) for value in row) for row in offending.select(key).iter_rows()]


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _line(error: BaseException, file: Path) -> int | None:
    """The last line of the file that the error passed through."""
    if isinstance(error, SyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if Path(frame.filename) == file), None)
