"""What can go wrong between a workspace and its remotes.

NotFound ├── UnknownRemote · NotAtRemote · UnknownVersionHere      Conflict ├── RemoteThere · NotFitToPull
Invalid ├── BadRemoteName · BadRemotePlace · AmbiguousVersion · CannotTravel └── RemoteChanged
Damaged └── ManifestDamaged                                        Unavailable └── RemoteAway
"""

from collections.abc import Iterable

from ropeway.core.errors import Conflict, Damaged, Invalid, NotFound, Unavailable

NO_REMOTE = "ropeway remote add NAME s3://BUCKET/PREFIX   or a folder's path"


class UnknownRemote(NotFound):
    """The project file declares no remote of that name."""

    code = "unknown-remote"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__("remote", name, known, next_step=NO_REMOTE)


class BadRemoteName(Invalid):
    """Which remote is meant does not follow from what was said."""

    code = "which-remote"

    def __init__(self, known: Iterable[str]) -> None:
        names = sorted(known)
        super().__init__(
            "No remote was named, and there is " + ("none." if not names else "more than one."),
            expected=f"one of {', '.join(names)}" if names else "a table [remote.NAME] in ropeway.toml",
            next_step="--to NAME or --from NAME; without one, that named 'origin' is meant"
            if names
            else NO_REMOTE,
        )


class BadRemotePlace(Invalid):
    """A remote cannot be declared so."""

    code = "bad-remote"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The remote '{name}' cannot be declared: {reason}.",
            expected="s3://BUCKET/PREFIX, or the path of a folder; keys come from the environment",
            next_step=NO_REMOTE,
            name=name,
        )


class RemoteThere(Conflict):
    """A remote of that name is declared already."""

    code = "remote-there"

    def __init__(self, name: str, url: str) -> None:
        super().__init__(
            f"There is a remote '{name}' already: {url}.",
            expected="a new name",
            next_step=f"ropeway remote remove {name}",
            name=name,
        )


class RemoteAway(Unavailable):
    """The folder of a remote is not there."""

    code = "remote-away"

    def __init__(self, name: str, where: str) -> None:
        super().__init__(
            f"The remote '{name}' is not there: '{where}' is no folder.",
            expected="a folder; the first push makes it where the folder above is there",
            next_step="mount it, or make it; ropeway remote list shows what is declared",
            name=name,
        )


class NotAtRemote(NotFound):
    """A remote has no such version."""

    code = "not-at-remote"

    def __init__(self, ref: str, remote: str, known: Iterable[str]) -> None:
        super().__init__("version", f"{remote}/{ref}", known, next_step=f"ropeway remote status {remote}")


class UnknownVersionHere(NotFound):
    """Nothing here has the name that is to be pushed."""

    code = "nothing-to-push"

    def __init__(self, ref: str, known: Iterable[str]) -> None:
        super().__init__("dataset or model", ref, known, next_step="ropeway data list; ropeway model list")


class AmbiguousVersion(Invalid):
    """A name means more than one thing."""

    code = "ambiguous-version"

    def __init__(self, ref: str, meant: Iterable[str]) -> None:
        super().__init__(
            f"'{ref}' may mean more than one version.", expected="one of " + ", ".join(meant), ref=ref
        )


class CannotTravel(Invalid):
    """A version has no bytes here that could be brought elsewhere."""

    code = "cannot-travel"

    def __init__(self, ref: str) -> None:
        super().__init__(
            f"'{ref}' cannot be pushed: it only says where its data is.",
            expected="a version whose bytes are kept here",
            next_step="ropeway data add FILE   without --refer, then push that",
            ref=ref,
        )


class NotFitToPull(Conflict):
    """A model was taken out of use where it came from."""

    code = "not-fit-to-pull"

    def __init__(self, ref: str, state: str, project: str) -> None:
        super().__init__(
            f"'{ref}' was {state} in '{project}', where it came from.",
            expected="a version that its makers have not taken out of use",
            next_step="choose another one: ropeway remote status",
            ref=ref,
            state=state,
        )


class RemoteChanged(Conflict):
    """Something was taken away from a remote while a push relied on it."""

    code = "remote-changed"

    def __init__(self, where: str, count: int) -> None:
        super().__init__(
            f"While this was on its way, {count:,} objects were taken away from '{where}'.",
            expected="nobody who removes from it meanwhile",
            next_step="repeat the command: it sends what lacks",
            where=where,
        )


class ManifestDamaged(Damaged):
    """What a remote says of a version is not what was brought there, or does not fit what it came with."""

    code = "manifest-damaged"

    def __init__(self, where: str, digest: str, reason: str) -> None:
        super().__init__(
            f"The manifest {digest[:10]}… at '{where}' cannot be believed: {reason}.",
            expected="what a push wrote, with the digest that names it",
            next_step="ropeway push   from the workspace that it came from",
            where=where,
            digest=digest,
        )
