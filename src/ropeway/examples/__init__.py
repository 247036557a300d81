"""The worked examples that come with the package, each with real data and a project around it.

`tweets`: rated tweets and reviews, which `ropeway demo` goes through. `bikes`: hours of a bike share, which
docs/tutorial/bikes.md goes through. Sources and licences stand in each one's `README.md` and
`LICENSE-DATA.txt`, which every copy carries.
"""

import shutil
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from ropeway.core.errors import NotFound

LEFT_OUT = ("__pycache__",)


class ExampleMissing(NotFound):
    """No such example, or no such file in one."""

    code = "example-missing"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__("example", name, known=known, next_step="ropeway demo")


def names() -> list[str]:
    """The examples that there are."""
    root = Path(str(files("ropeway.examples")))
    return sorted(folder.name for folder in root.iterdir() if (folder / "ropeway.toml").is_file())


def path(name: str) -> Path:
    """The place of an example, or of a file in one: `tweets/data/tweets.parquet`.

    Raises:
        ExampleMissing: there is none of that name.
    """
    root = Path(str(files("ropeway.examples")))
    found = root / name
    if not found.exists() or ".." in Path(name).parts or Path(name).is_absolute():
        known = (str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())
        raise ExampleMissing(name, (file for file in known if not file.endswith((".py", ".pyc"))))
    return found


def read_bytes(name: str) -> bytes:
    """The bytes of a file in an example."""
    return path(name).read_bytes()


def copy_template(name: str, folder: Path) -> list[Path]:
    """Copy an example project into a folder; files that stand there already are left as they are.

    Args:
        name: the example, such as `tweets`.
        folder: where; made when absent.

    Returns:
        The files that were written.

    Example:
        >>> from tempfile import mkdtemp
        >>> written = copy_template("tweets", Path(mkdtemp()))
        >>> sorted(file.name for file in written if file.suffix == ".py")
        ['checks.py', 'pipeline.py']
    """
    source = path(name)
    written: list[Path] = []
    for file in sorted(source.rglob("*")):
        inside = file.relative_to(source)
        target = folder / inside
        if not file.is_file() or set(inside.parts) & set(LEFT_OUT) or target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        written.append(target)
    return written
