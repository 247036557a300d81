"""Makes the golden ledger of webhooks: one in which everything happened that can happen to them.

Run once for a released format, never again for the same one:

    python -m tests.golden.make_webhooks tests/golden/format-3-webhooks
"""

import json
import sqlite3
import sys
import tempfile
from pathlib import Path

from tests.golden.make import TOML, told

from ropeway.models.afar.operations import create_entry
from ropeway.testing import FixedClock, make_workspace
from ropeway.webhooks.deliver import GIVE_UP_AFTER, Deliverer
from ropeway.webhooks.operations import add_webhook, change_webhook, remove_webhook
from ropeway.workspace import LocalWorkspace, rooms

# Nobody listens there.
ADDRESS = "http://127.0.0.1:9/hook"
ALLOWED = '[webhooks]\nallow = ["127.0.0.1:9"]\n'


def walk(workspace: LocalWorkspace, clock: FixedClock) -> None:
    """A webhook that is changed, put to sleep, woken and buried; and one that stays."""
    topics = ["registered_model.created", "model_version.created"]
    first = add_webhook(workspace, name="ci", url=ADDRESS, topics=topics, description="builds", secret="s")
    add_webhook(workspace, name="chat", url=ADDRESS, topics=topics[:1], active=False)
    change_webhook(workspace, webhook=first, name="ci-2", secret="t", url=f"{ADDRESS}/2", active=False)
    change_webhook(workspace, webhook=first, active=True, topics=topics[:1], description="")
    create_entry(workspace, shown="m")
    clock.advance(seconds=GIVE_UP_AFTER.total_seconds() + 1)
    Deliverer(workspace).round()
    remove_webhook(workspace, webhook=first)


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        clock = FixedClock()
        with make_workspace(Path(scratch), toml=TOML + ALLOWED, clock=clock) as workspace:
            walk(workspace, clock)
            (target / "expected.json").write_text(
                json.dumps(told(workspace), indent=1) + "\n", encoding="utf-8"
            )
        plain = sqlite3.connect(Path(scratch) / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
