"""Sources that are due by their `schedule` are pulled from, each at most once for a due time.

That a source was asked and had nothing new is not put on record: a controller that begins anew asks again.
"""

from datetime import datetime

from ropeway.continuous.action import Action, trouble
from ropeway.continuous.schedule import broken_field, last_due, zone_of
from ropeway.core.errors import RopewayError
from ropeway.data.operations import last_pull
from ropeway.workspace import Workspace
from ropeway.workspace.tables.source import Source


class Pulls:
    """When each source was last asked, as far as this controller knows."""

    def __init__(self, since: datetime) -> None:
        self._since = since
        self._asked: dict[str, datetime] = {}

    def __call__(self, workspace: Workspace) -> list[Action]:
        """Pull from every source that is due."""
        actions: list[Action] = []
        for name, source in workspace.project.source.items():
            if source.schedule is None:
                continue
            if (wrong := _unsound(name, source)) is not None:
                actions.append(wrong)
            elif self._is_due(workspace, name, source):
                # Asked, whatever comes of it: what is down is not asked again in each round.
                self._asked[name] = workspace.clock.now()
                actions += _pull(workspace, name)
        return actions

    def _is_due(self, workspace: Workspace, name: str, source: Source) -> bool:
        zone = zone_of(source.time_zone)
        assert zone is not None
        assert source.schedule is not None
        last = last_pull(workspace, source=name)
        after = self._asked.get(name) or (last.at if last is not None else self._since)
        return last_due(source.schedule, zone, after=after, until=workspace.clock.now()) is not None


def _pull(workspace: Workspace, name: str) -> list[Action]:
    from ropeway.data.pull import pull

    try:
        pulled = pull(workspace, name)
    except RopewayError as error:
        return [trouble(f"source {name}", error)]
    if not pulled.is_new or pulled.version is None:
        return []
    broken = "" if pulled.version.is_trainable else "; it breaks its contract or a check, and cannot train"
    return [Action("pulled", pulled.version.shown, f"{pulled.says} from source {name}{broken}")]


def _unsound(name: str, source: Source) -> Action | None:
    """What is wrong with a schedule, or its time zone."""
    assert source.schedule is not None
    if zone_of(source.time_zone) is None:
        return Action("error", f"source {name}", f"`time_zone` is '{source.time_zone}', which is none")
    if (wrong := broken_field(source.schedule)) is not None:
        return Action("error", f"source {name}", f"`schedule`: {wrong[0]}; it may be {wrong[1]}")
    return None
