"""What the project file names outside the workspace: the store, heads, remotes.

Nothing is sent anywhere but to the store, where a few bytes come and go.
"""

import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ropeway.core.errors import RopewayError
from ropeway.keeping.doctor.signs import Sign
from ropeway.workspace import Context

BUCKET = "s3://"
FILE = "file://"
CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)
"""One of these says who one is to a bucket; a machine in the cloud may need none."""


def look_at_store(context: Context) -> Iterator[Sign]:
    """Where the objects are; a bucket is written to, read and cleaned up, for else one learns it too late."""
    bucket = context.store.bucket
    if bucket is None:
        yield Sign(
            part="elsewhere", name="store", verdict="ok", says="the objects are in .ropeway, and nowhere else"
        )
        return
    try:
        took_s = bucket.probe()
    except RopewayError as error:
        yield Sign(part="elsewhere", name="store", verdict="fail", says=error.what, next_step=error.next_step)
        return
    says = f"{bucket.where}: written and read in {took_s * 1e3:.0f} ms; what is in .ropeway are copies"
    yield Sign(part="elsewhere", name="store", verdict="ok", says=says)


def look_at_outside_heads(context: Context) -> Iterator[Sign]:
    """`[audit] heads`: whether heads reach the place where who changes the workspace does not."""
    heads = context.project.audit.heads
    if heads is None:
        says = "heads are kept here and in your own folder alone; a shared drive makes them others' to hold"
        yield Sign(part="elsewhere", name="heads", verdict="ok", says=says)
        return
    folder = context.root / Path(heads).expanduser()
    yield _folder("heads", folder, "[audit] heads")


def look_at_remotes(context: Context) -> Iterator[Sign]:
    """`[remote.NAME]`: whether each could be reached from here, as far as that shows without asking it."""
    places: Mapping[str, Any] = getattr(context.project, "remote", {})
    for name, place in places.items():
        if not place.url.startswith(BUCKET):
            folder = context.root / Path(place.url.removeprefix(FILE)).expanduser()
            yield _folder(f"remote {name}", folder, f"`url` of [remote.{name}]")
        elif find_spec("obstore") is None:
            says = f"{place.url} cannot be reached: the part for buckets is not installed"
            yield Sign(
                part="elsewhere",
                name=f"remote {name}",
                verdict="fail",
                says=says,
                next_step="pip install 'ropeway[s3]'",
            )
        else:
            is_known = any(os.environ.get(each) for each in CREDENTIALS)
            yield Sign(
                part="elsewhere",
                name=f"remote {name}",
                verdict="ok" if is_known else "warn",
                says=place.url if is_known else f"{place.url}, and no credentials are set",
                next_step="" if is_known else "export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…",
            )


def _folder(name: str, folder: Path, setting: str) -> Sign:
    """Whether a folder that is to be written to is there and lets us."""
    if not folder.is_dir():
        return Sign(
            part="elsewhere",
            name=name,
            verdict="warn",
            says=f"{folder} is not there",
            next_step=f"mount it, or change {setting} in ropeway.toml; it is made when it is first needed",
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        return Sign(
            part="elsewhere",
            name=name,
            verdict="fail",
            says=f"{folder} cannot be written",
            next_step=f"ask who owns it, or change {setting} in ropeway.toml",
        )
    return Sign(part="elsewhere", name=name, verdict="ok", says=str(folder))
