"""Bringing one spool to the server that keeps its run's workspace: what waited, and what comes meanwhile.

Contract: brought twice is stored once, also by two processes at once: a run begins and ends under a key, each
batch of points says where it begins, objects go by digest. Broken off anywhere, it goes on from what the
server has. The spool goes when all of it is there, and not before; what is refused stays.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ropeway.core.ids import Digest
from ropeway.store import is_abandoned, read_frames, salvage_segment
from ropeway.store.errors import SegmentDamaged
from ropeway.tracking.errors import NothingWaits, RunNotFound, SourceElsewhere
from ropeway.tracking.events import CodeRecord, Harvest, HostRecord
from ropeway.tracking.harvest import Found, gathered, read_spool, sorted_out
from ropeway.tracking.join import send_rows, tell
from ropeway.tracking.operations import finish, interrupt, start
from ropeway.tracking.seal import seal_points
from ropeway.tracking.series import nothing
from ropeway.tracking.spool import (
    ArtifactKept,
    Begun,
    Ended,
    Joins,
    SpoolRecord,
    decoder,
    part_of,
    run_of,
    set_aside,
)
from ropeway.workspace import Workspace

READ_AT_ONCE = 4 << 20
POINTS_AT_ONCE = 50_000
BEGINNER = "spool"
"""The source of the points of the process that began a run; those that joined have their part's name."""

SAID_AT_START = ("kind", "name", "params", "tags", "argv", "hostname", "inputs", "parent")


class Shipment:
    """One spool on its way. Not for several threads at once.

    Args:
        workspace: the server's.
        path: the spool, whose writer may live.
        at_once: so many points go in one command.

    Attributes:
        run: whose it is.
        points: how many points of it the server has.
    """

    def __init__(self, workspace: Workspace, path: Path, *, at_once: int = POINTS_AT_ONCE) -> None:
        self.run = run_of(path)
        self.points = 0
        self._workspace = workspace
        self._path = path
        self._at_once = at_once
        self._is_begun = False
        self._is_damaged = False
        self._is_torn = False
        self._at = self._count = self._last_us = 0
        self._records: list[SpoolRecord] = []

    def bring(self, *, at_most: int | None = None) -> bool:
        """Bring what is there now; gives whether that was all, and the spool is gone.

        Args:
            at_most: how many bytes of the spool, of a run that lives; it costs the run that much less.

        Raises:
            ServerUnreachable: no answer came; again later.
            RopewayError: the server refuses something; the spool stays.
        """
        try:
            # Asked first: what was written before its writer let go of it is then read.
            is_over = is_abandoned(self._path)
            if self._is_torn:
                self._rewind()  # all was read at the last try, in another way
            if not self._is_begun:
                self._begin()
            was_there = self.points > 0
            self._bring_points(at_most if not is_over else None)
            if not is_over:
                return False
            self._bring_rest()
            while was_there and self._is_set_back():
                self._bring_points(None)
                self._bring_rest()
        except FileNotFoundError:
            return True  # another process was faster
        except RunNotFound:
            self._is_begun = False  # a server that was set back to an earlier day
            raise
        self._end()
        return True

    def _begin(self) -> None:
        begun = begun_in(self._path)
        if begun is None:
            raise NothingWaits(self._path)
        if isinstance(begun, Begun):
            code = msgspec.convert(begun.start["code"], CodeRecord)
            environment = Digest(begun.start["environment"])
            store = self._workspace.store
            self._note([*store.read_tree(code.tree).values(), code.tree, environment])
            start.keyed(
                self._workspace,
                f"begin-{self.run}-{begun.at_us}",
                run=self.run,
                began_at=_moment(begun.at_us),
                code=code,
                environment=environment,
                host=msgspec.convert(begun.start["host"], HostRecord),
                **{name: begun.start[name] for name in SAID_AT_START},
            )
        self._is_begun = True

    def _bring_points(self, at_most: int | None) -> None:
        read = 0
        while at_most is None or read < at_most:
            try:
                frames, at = read_frames(self._path, self._at, min(READ_AT_ONCE, at_most or READ_AT_ONCE))
            except SegmentDamaged:
                return  # all that is sound comes at its end
            read += at - self._at
            if not frames:
                self._at = at
                return
            found = sorted_out(frames)
            self._is_damaged |= found.damaged
            known = self._at, self._count, self._last_us, len(self._records)
            self._at = at
            try:
                self._take(found)
            # What did not go is read again the next time; what was raised goes on its way.
            except BaseException:
                self._at, self._count, self._last_us, many = known
                del self._records[many:]
                raise

    def _bring_rest(self) -> None:
        """What stands behind a damaged place, or is a cut-off end."""
        if self._at < self._path.stat().st_size:
            found = read_spool(self._path)
            self._is_damaged |= found.damaged
            self._is_torn = True
            self._rewind()
            self._take(found)

    def _is_set_back(self) -> bool:
        """Whether the server lacks points that it had, as one set back to an earlier day does."""
        try:
            source = part_of(self._path) or BEGINNER
            count = self._count
            send_rows(self._workspace, self.run, nothing(), source=source, upto=count, after=count)
        except SourceElsewhere as error:
            self.points = int(str(error.facts["upto"]))
            self._rewind()
            return True
        return False

    def _take(self, found: Found) -> None:
        self._records += found.records
        self._note(record.digest for record in found.records if isinstance(record, ArtifactKept))
        first = self._count
        self._count += len(found.points)
        self._last_us = max(self._last_us, *found.points.at_us[-1:].tolist(), 0)
        while self.points < self._count:
            at = max(first, self.points)
            try:
                rows = found.points.take(slice(at - first, at - first + self._at_once))
                upto, source = at + len(rows), part_of(self._path) or BEGINNER
                send_rows(self._workspace, self.run, rows, source=source, upto=upto, after=at)
                self.points = upto
            except SourceElsewhere as error:
                self.points = int(str(error.facts["upto"]))
                if self.points < first:
                    # A server that was set back: what is read already is read again.
                    self._rewind()
                    return

    def _end(self) -> None:
        """Say that the run has ended, and how; then the spool may go."""
        if part_of(self._path):
            tell(self._workspace, self.run, part_of(self._path), self._records)
        else:
            self._finish()
        seal_points(self._workspace, run=self.run)
        if self._is_damaged:
            set_aside(self._path)
        self._path.unlink(missing_ok=True)

    def _finish(self) -> None:
        said = gathered(self._records)
        harvest = Harvest(artifacts=said.artifacts, inputs=said.inputs)
        ended = next((each for each in reversed(self._records) if isinstance(each, Ended)), None)
        if ended is None or ended.status == "interrupted":
            signs = [each.at_us for each in self._records]
            interrupt(
                self._workspace,
                run=self.run,
                harvest=harvest,
                params=said.params,
                tags=said.tags,
                last_sign_at=_moment(max([*signs, self._last_us])),
                was_torn=self._is_torn,
            )
            return
        finish.keyed(
            self._workspace,
            f"end-{self.run}-{ended.at_us}",
            run=self.run,
            status="failed" if ended.status == "failed" else "finished",
            harvest=harvest,
            params=said.params,
            tags=said.tags,
            error_type=ended.error_type,
            error=ended.error,
            wall_s=ended.wall_s,
            cpu_s=ended.cpu_s,
            peak_memory_bytes=ended.peak_memory_bytes,
            ended_at=_moment(ended.at_us),
        )

    def _note(self, digests: Iterable[Digest]) -> None:
        """Objects that the next command needs are brought with it."""
        for digest in digests:
            self._workspace.store.renew(digest)

    def _rewind(self) -> None:
        self._at = self._count = self._last_us = 0
        self._records = []


def begun_in(path: Path) -> Begun | Joins | None:
    """What a spool says of the server that it is for; None for one of a workspace that is here."""
    try:
        frames, _ = read_frames(path, 0, READ_AT_ONCE)
    except SegmentDamaged:
        frames = salvage_segment(path).records
    try:
        first = decoder.decode(frames[0]) if frames else None
    except (msgspec.MsgspecError, ValueError):
        return None
    return first if isinstance(first, Begun | Joins) else None


def _moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC)
