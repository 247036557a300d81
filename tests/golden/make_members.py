"""Makes the golden ledger of a team: one in which everything happened that can happen to members and tokens.

Run once for a released format, never again for the same one:

    python -m tests.golden.make_members tests/golden/format-1-members
"""

import json
import sqlite3
import sys
import tempfile
from pathlib import Path

from tests.golden.make import TOML, told

from ropeway.members.operations import (
    add_member,
    grant_role,
    issue_for,
    issue_own,
    list_members,
    remove_member,
    revoke_any,
    revoke_own,
)
from ropeway.members.secrets import TOKEN, draw
from ropeway.testing import make_workspace
from ropeway.workspace import Caller, LocalWorkspace, rooms


def walk(workspace: LocalWorkspace) -> None:
    """Everything that can happen, some of it as a member who was recognized."""
    for name, role in (("ana", "admin"), ("ben", "approver"), ("cleo", "viewer"), ("dora", "contributor")):
        add_member(workspace, name=name, role=role)
    grant_role(workspace, name="cleo", role="operator")
    remove_member(workspace, name="dora")
    add_member(workspace, name="dora", role="viewer")
    first, narrow, lost = draw(TOKEN), draw(TOKEN), draw(TOKEN)
    issue_own(workspace, token=first.id, digest=first.digest, label="laptop")
    person = next(each.person for each in list_members(workspace) if each.name == "ana")
    known = workspace.acting(Caller(name="ana", person=person, auth="token", credential=first.id))
    issue_for(
        known,
        name="ben",
        token=narrow.id,
        digest=narrow.digest,
        role="contributor",
        read_only=True,
        only=["data:read"],
        lasts="30d",
    )
    issue_own(known, token=lost.id, digest=lost.digest)
    revoke_own(known, token=lost.id, reason="left on a train")
    revoke_any(
        known.acting(Caller(name="ana", person=person, auth="session")), token=first.id, and_issued=True
    )


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        with make_workspace(Path(scratch), toml=TOML) as workspace:
            walk(workspace)
            (target / "expected.json").write_text(
                json.dumps(told(workspace), indent=1) + "\n", encoding="utf-8"
            )
        plain = sqlite3.connect(Path(scratch) / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
