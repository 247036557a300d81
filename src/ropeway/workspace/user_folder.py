"""Where a person's own things lie on this machine, outside of any project: keys, and what was seen."""

import os
from pathlib import Path

PRIVATE = 0o700


def user_folder() -> Path:
    """`$ROPEWAY_CONFIG`, else `$XDG_CONFIG_HOME/ropeway`, else `~/.config/ropeway`; perhaps not made yet."""
    own = os.environ.get("ROPEWAY_CONFIG")
    if own:
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CONFIG_HOME")
    return (Path(shared) if shared else Path("~/.config").expanduser()) / "ropeway"
