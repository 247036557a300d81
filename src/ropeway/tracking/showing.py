"""Figures, tables, images, texts and structures as files of a run, each in the form that its name ends in.

Nothing is pickled, and no library of figures is imported: an object is asked for what it can write of itself.
"""

import io
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ropeway.core.ids import Digest
from ropeway.tracking.errors import ArtifactMissing, SettingInvalid
from ropeway.tracking.pictures import png
from ropeway.tracking.tabular import frame_of

FIGURES = (".png", ".svg", ".pdf", ".jpg", ".json", ".html")
TABLES = (".parquet", ".csv", ".json")
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tiff")
TEXTS = (".txt", ".md", ".html", ".svg", ".csv", ".json", ".yaml", ".yml", ".toml", ".log")
FORMATS = {".jpg": "jpeg", ".tif": "tiff"}


class Shows:
    """The part of a run that keeps what people look at; each is a file under `artifact`."""

    def artifact(self, name: str, data: bytes | str | Path) -> Digest:
        """Keep a file with the run; gives its digest."""
        raise NotImplementedError

    def figure(self, name: str, figure: Any) -> Digest:
        """Keep a figure of matplotlib, seaborn or plotly, or whatever else writes itself as they do.

        Args:
            name: how it is called in the run; `.png`, `.svg`, `.pdf`, `.jpg`, and of plotly `.json` and
                `.html`. Without an ending: what the library writes without help, PNG or JSON.
            figure: the figure, or axes in one.

        Raises:
            SettingInvalid: it writes nothing of that form.
        """
        found = figure if hasattr(figure, "savefig") else getattr(figure, "figure", figure)
        writes_itself = hasattr(found, "savefig")
        name = _named(name, ".png" if writes_itself else ".json", FIGURES)
        ending = _ending(name)
        data: bytes | str
        if writes_itself and ending not in (".json", ".html"):
            data = _written(lambda target: found.savefig(target, format=ending[1:], bbox_inches="tight"))
        elif hasattr(found, "to_json") and ending == ".json":
            data = found.to_json()
        elif hasattr(found, "to_html") and ending == ".html":
            data = found.to_html()
        elif hasattr(found, "to_image"):
            try:
                data = found.to_image(format=ending[1:])
            # Without a browser plotly cannot paint, and says so in its own ways.
            except (ValueError, RuntimeError, OSError, ImportError) as error:
                raise _refusal(
                    name, figure, f".json or .html, which need no help; {_brief(error)}"
                ) from error
        else:
            raise _refusal(name, figure, "a figure that writes this form, such as one of matplotlib as .png")
        return self.artifact(name, data)

    def table(self, name: str, rows: Any) -> Digest:
        """Keep a table.

        Args:
            name: how it is called in the run: `.parquet` (without an ending), `.csv` or `.json`.
            rows: a frame of polars or pandas, an array of two dimensions, a list of rows as dicts, or a
                dict of columns.

        Raises:
            SettingInvalid: it is no table.
        """
        name = _named(name, ".parquet", TABLES)
        return self.artifact(name, _table(name, rows))

    def image(self, name: str, image: Any) -> Digest:
        """Keep an image.

        Args:
            name: how it is called in the run: `.png` (without an ending), `.jpg`, `.gif`, `.webp`.
            image: bytes or a `Path` of an image, an image of PIL, or an array or tensor: height x width (x
                channels, which may stand first), 0 to 255 or floats from 0 to 1, as PNG.

        Raises:
            SettingInvalid: it is no image.
            ArtifactMissing: the path is no file.
        """
        if isinstance(image, Path):
            if not image.is_file():
                raise ArtifactMissing(image)
            return self.artifact(_named(name, image.suffix.lower() or ".png", IMAGES), image)
        name = _named(name, ".png", IMAGES)
        if isinstance(image, bytes):
            return self.artifact(name, image)
        if hasattr(image, "save") and hasattr(image, "mode"):
            form = FORMATS.get(_ending(name), _ending(name)[1:])
            try:
                return self.artifact(name, _written(lambda target: image.save(target, format=form)))
            except (ValueError, KeyError, OSError) as error:
                raise _refusal(name, image, f"an image that {form} can hold; {_brief(error)}") from error
        if _ending(name) != ".png":
            raise _refusal(name, image, "an array as .png")
        if hasattr(image, "detach"):  # a tensor of torch
            image = image.detach().cpu().numpy()
        try:
            return self.artifact(name, png(image))
        except (ValueError, TypeError) as error:
            raise _refusal(name, image, f"height x width, or x 1 to 4 channels; {error}") from error

    def text(self, name: str, text: str) -> Digest:
        """Keep a text; without an ending its name gets `.txt`."""
        if not isinstance(text, str):
            raise _refusal(name, text, "a text; run.json(name, value) for structures")
        return self.artifact(_named(name, ".txt", TEXTS), text)

    def json(self, name: str, value: Any) -> Digest:
        """Keep a structure of dicts, lists, texts and numbers as JSON; without an ending it gets `.json`.

        Raises:
            SettingInvalid: it holds what JSON cannot say.
        """
        import msgspec

        try:
            data = msgspec.json.format(msgspec.json.encode(value), indent=2)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise _refusal(name, value, f"dicts, lists, texts and numbers; {error}") from error
        return self.artifact(_named(name, ".json", (".json",)), data)


def _named(name: str, usual: str, endings: Sequence[str]) -> str:
    """The name with an ending.

    Raises:
        SettingInvalid: it ends in another form.
    """
    ending = _ending(name)
    if not ending:
        return f"{name}{usual}"
    if ending not in endings:
        reason = f"nothing of this kind is written as '{ending}'"
        raise SettingInvalid("artifact", name, reason, expected="one of " + ", ".join(endings))
    return name


def _ending(name: str) -> str:
    return PurePosixPath(str(name)).suffix.lower()


def _written(write: Callable[[io.BytesIO], object]) -> bytes:
    target = io.BytesIO()
    write(target)
    return target.getvalue()


def _table(name: str, rows: Any) -> bytes | str:
    import polars as pl

    try:
        frame = frame_of(rows)
        match _ending(name):
            case ".json":
                return frame.write_json()
            case ".csv":
                return frame.write_csv()
            case _:
                return _written(frame.write_parquet)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        raise _refusal(
            name, rows, f"a frame, a list of rows as dicts, or a dict of columns; {_brief(error)}"
        ) from error


def _brief(error: Exception) -> str:
    """The first line of what another library says."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _refusal(name: str, value: object, expected: str) -> SettingInvalid:
    return SettingInvalid("artifact", str(name), f"it is a {type(value).__name__}", expected=expected)
