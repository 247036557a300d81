"""Running jobs: promised in the ledger first, run in a thread, their end in the ledger too.

A server that dies leaves `job-accepted` without `job-finished`, and a lock that nobody holds: the job then
reads `interrupted`. It is not run again by itself: only its caller knows whether half of it may be done
twice.
"""

import logging
import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import select

from ropeway.core.errors import RopewayError
from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest, JobId, new_id
from ropeway.ledger.errors import IdempotencyMismatch
from ropeway.server.events import JobAccepted, JobFinished
from ropeway.server.operations import lock_path
from ropeway.server.projections import asked_for
from ropeway.server.projections import job as job_table
from ropeway.serving.discretion import discreet
from ropeway.serving.errors import Internal
from ropeway.store import SegmentWriter
from ropeway.workspace import Caller, Context, LocalWorkspace, Operation
from ropeway.workspace.errors import PermissionDenied

logger = logging.getLogger("ropeway.server")

KEYED_LENGTH = 24
"""Hex digits of a key's digest in the id of the job that it names."""


def _accept(context: Context, *, job: str, operation: str, server: str, arguments: dict[str, Any]) -> bool:
    """Whether the job is new; a key that was used before names the job that it started then.

    Raises:
        IdempotencyMismatch: that was another operation's, another caller's, or had other arguments.
    """
    context.begin()
    known = context.read.execute(select(job_table).where(job_table.c.id == job)).first()
    if known is None:
        context.append(JobAccepted(job=JobId(job), operation=operation, server=server, arguments=arguments))
        return True
    # Of arguments that were erased nobody can say whether they were the same.
    asked = known.asked or asked_for(context.actor, arguments)
    if (known.operation, asked) != (operation, asked_for(context.actor, arguments)):
        raise IdempotencyMismatch(job, operation)
    return False


def _finish(context: Context, *, job: str, succeeded: bool, outcome: str) -> str:
    context.append(JobFinished(job=JobId(job), succeeded=succeeded, outcome=Digest(outcome)))
    return job


# Not registered: they are no routes, since who could finish another's job?
accept_job = Operation("jobs.accept", "command", "jobs:write", _accept)
finish_job = Operation("jobs.finish", "command", "jobs:write", _finish)


class JobRunner:
    """Runs jobs for one server, one after the other.

    Args:
        workspace: where they run and are recorded.
    """

    def __init__(self, workspace: LocalWorkspace) -> None:
        self.workspace = workspace
        self.server = new_id("server")
        self._lock = SegmentWriter(lock_path(workspace.home, self.server), b"{}")
        self._turn = threading.Lock()

    def submit(
        self,
        operation: Operation[..., Any],
        arguments: Mapping[str, Any],
        key: str | None,
        *,
        caller: Caller | None = None,
    ) -> JobId:
        """Promise a job, then run it; on return the promise is durable. With a key, it is given only once.

        Args:
            operation: which.
            arguments: by name.
            key: an idempotency key.
            caller: whose job it is, with the permissions that they have now; the workspace's own when absent.
        """
        caller = caller or self.workspace.caller
        workspace = self.workspace.acting(caller)
        # Promising and ending it is the server's part: it takes no permission but the operation's.
        clerk = self.workspace.acting(msgspec.structs.replace(caller, allowed=None))
        if not caller.may(operation.permission):
            raise PermissionDenied(operation.name, operation.permission)
        # Defaults filled in: leaving an argument out and giving its default is the same question.
        checked = msgspec.to_builtins(operation.check(arguments))
        job = new_id("job") if key is None else f"job_{digest_bytes(key.encode())[:KEYED_LENGTH]}"
        promise = {
            "job": job,
            "operation": operation.name,
            "server": self.server,
            "arguments": checked,
        }
        if clerk.perform(accept_job, promise):
            run = partial(self._run, JobId(job), operation, arguments, workspace, clerk)
            # A daemon: a server that is told to stop does not wait for hours of work.
            threading.Thread(target=run, name=f"ropeway-{job}", daemon=True).start()
        return JobId(job)

    def close(self) -> None:
        """Let go of the lock: what still runs is given up, and reads `interrupted`."""
        self._lock.close()

    def _run(
        self,
        job: JobId,
        operation: Operation[..., Any],
        arguments: Mapping[str, Any],
        workspace: LocalWorkspace,
        clerk: LocalWorkspace,
    ) -> None:
        with self._turn:
            succeeded, outcome = self._outcome(operation, arguments, workspace)
            try:
                digest = clerk.store.put(outcome)
                finish_job(clerk, job=job, succeeded=succeeded, outcome=digest)
            except Exception:  # the thread's edge: nothing above would tell anyone
                logger.exception("the end of %s could not be recorded", job)

    def _outcome(
        self, operation: Operation[..., Any], arguments: Mapping[str, Any], workspace: LocalWorkspace
    ) -> tuple[bool, bytes]:
        try:
            return True, msgspec.json.encode(workspace.perform(operation, arguments))
        except RopewayError as error:
            return False, msgspec.json.encode(discreet(error, workspace.root).to_dict(), enc_hook=str)
        except Exception:  # the thread's edge, as at a request's
            logger.exception("%s failed", operation.name)
            return False, msgspec.json.encode(Internal().to_dict())
