"""What can be asked of remotes and done with them. They run where the workspace is, with its keys."""

from ropeway.remotes import fetch as fetching
from ropeway.remotes.records import Fetched, PulledVersions, Pushed, RemoteListed, RemoteStatus
from ropeway.workspace import Context, operation


@operation("remotes.list", kind="query", permission="remotes:read")
def list_remotes(context: Context) -> list[RemoteListed]:
    """The remotes of the project file, with what the last look found there; nobody is asked now."""
    return [
        RemoteListed(
            name=name,
            url=place.url,
            endpoint=place.endpoint,
            known=fetching.known_refs(context.store, name, place.url),
        )
        for name, place in sorted(context.project.remote.items())
    ]


@operation("remotes.status", kind="job", permission="remotes:read")
def remote_status(context: Context, *, remote: str | None = None, verify: bool = False) -> RemoteStatus:
    """Which versions are here and there, and how many bytes would travel.

    Args:
        context: the call.
        remote: which; the only one by default, or `origin`.
        verify: read every byte there as well.
    """
    from ropeway.remotes.status import status

    return status(context, remote, verify=verify)


@operation("remotes.push", kind="job", permission="remotes:push")
def push(
    context: Context,
    *,
    refs: list[str] = [],  # noqa: B006  copied for each call by `Operation.arguments`
    to: str | None = None,
    everything: bool = False,
    with_data: bool = False,
    verify: bool = False,
) -> Pushed:
    """Bring versions to a remote: only what lacks there travels.

    Args:
        context: the call.
        refs: `tweets`, `tweets@v2`, `mood@3`; the newest where no version is said.
        to: which remote; the only one by default, or `origin`.
        everything: all versions of all datasets and models.
        with_data: the datasets that models learnt from as well.
        verify: read there what they need, and bring again what is damaged.
    """
    from ropeway.remotes.push import push as bring_there

    return bring_there(context, refs, to=to, everything=everything, with_data=with_data, verify=verify)


@operation("remotes.fetch", kind="job", permission="remotes:pull")
def fetch(
    context: Context,
    *,
    refs: list[str] = [],  # noqa: B006
    source: str | None = None,
    refs_only: bool = False,
) -> Fetched:
    """Learn which versions a remote has, and bring their objects here; nothing is recorded.

    Args:
        context: the call.
        refs: which; all by default.
        source: which remote; the only one by default, or `origin`.
        refs_only: bring no objects.
    """
    return fetching.fetch(context, refs, source=source, refs_only=refs_only)


@operation("remotes.pull", kind="job", permission="remotes:pull", runs_code=True)
def pull(
    context: Context,
    *,
    refs: list[str] = [],  # noqa: B006
    source: str | None = None,
    everything: bool = False,
) -> PulledVersions:
    """Fetch versions and record them here. The project's own checks look at data that comes.

    Args:
        context: the call.
        refs: which; the newest there where no version is said.
        source: which remote; the only one by default, or `origin`.
        everything: all that are there, but for models that were recalled or rejected.
    """
    from ropeway.remotes.pull import pull as record_here

    return record_here(context, refs, source=source, everything=everything)
