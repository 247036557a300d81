"""PyTorch: means over an epoch for loops of one's own, and a callback for Lightning. Imports neither."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from ropeway.tracking.run import Run


class Means:
    """Weighted means of what a loop's batches tell, logged once at the end of its `with` block.

    A tensor is added where it is, without waiting for the device: its number is asked for once, at the end.
    What raised in the block is not logged.

    Args:
        run: an open one.
        step: the epoch.
        part: stands before the names, as in `train/loss`.

    Example:
        ```python
        for epoch in range(10):
            with Means(run, epoch, part="train") as means:
                for inputs, targets in loader:
                    ...
                    means.add(len(inputs), loss=loss)
        ```
    """

    def __init__(self, run: Run, step: int | None = None, *, part: str = "") -> None:
        self._run = run
        self._step = step
        self._before = f"{part}/" if part else ""
        self._sums: dict[str, Any] = {}
        self._weights: dict[str, float] = {}

    def add(self, weight: float = 1, /, **values: Any) -> None:
        """Add a batch's means, which stand for `weight` rows."""
        for name, value in values.items():
            # A tensor that hangs on its graph would keep all of it.
            plain = value.detach() if hasattr(value, "detach") else value
            self._sums[name] = plain * weight + self._sums.get(name, 0)
            self._weights[name] = self._weights.get(name, 0) + weight

    def read(self) -> dict[str, float]:
        """The means until now."""
        return {
            f"{self._before}{name}": float(total) / self._weights[name]
            for name, total in self._sums.items()
            if self._weights[name]
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        found = self.read() if error is None else {}
        if found:
            self._run.log(self._step, **found)


class LightningCallback:
    """For Lightning's `Trainer(callbacks=[…])`: what it logs at steps and epochs, hyperparameters once.

    Of several processes that train one model, only the first records.

    Args:
        run: an open one.
        every: batches between two looks at the metrics of training steps.
    """

    def __init__(self, run: Run, *, every: int = 50) -> None:
        self._run = run
        self._every = every
        self._said: dict[str, float] = {}

    @property
    def state_key(self) -> str:
        """Under which Lightning keeps a callback's state in checkpoints; there is none."""
        return type(self).__qualname__

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the run has it."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is taken up again."""

    def on_fit_start(self, trainer: Any, module: Any) -> None:
        """Record the module's hyperparameters."""
        settings = {str(key): value for key, value in dict(getattr(module, "hparams", {})).items()}
        if settings and self._is_first(trainer):
            self._run.set(**{key: _plain(value) for key, value in settings.items()})

    def on_train_batch_end(self, trainer: Any, _module: Any, _outputs: Any, _batch: Any, index: int) -> None:
        """Record what was logged in training steps, now and then."""
        if (index + 1) % self._every == 0:
            self._log(trainer)

    def on_train_epoch_end(self, trainer: Any, _module: Any) -> None:
        """Record what an epoch came to."""
        self._log(trainer)

    def on_validation_end(self, trainer: Any, _module: Any) -> None:
        """Record what validation came to; the check before training is none."""
        if not getattr(trainer, "sanity_checking", False):
            self._log(trainer)

    def on_test_end(self, trainer: Any, _module: Any) -> None:
        """Record what the test came to."""
        self._log(trainer)

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Every other hook that Lightning calls does nothing."""
        if name.startswith("on_") or name in ("setup", "teardown"):
            return lambda *_given, **_named: None
        raise AttributeError(name)

    def _log(self, trainer: Any) -> None:
        if not self._is_first(trainer):
            return
        found = {name: float(value) for name, value in trainer.callback_metrics.items()}
        # What has not moved since was said at its own step.
        news = {name: value for name, value in found.items() if self._said.get(name) != value}
        if news:
            self._run.log(int(trainer.global_step), **news)
            self._said |= news

    @staticmethod
    def _is_first(trainer: Any) -> bool:
        return bool(getattr(trainer, "is_global_zero", True))


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)
