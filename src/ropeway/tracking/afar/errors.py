"""What can go wrong with what clients tell from afar.

NotFound  └── ExperimentNotFound · LoggedModelNotFound · FileNotThere · TagNotThere
Conflict  └── ExperimentExists · IdTaken · ParamFixed · NotActive
Invalid   └── BadFilePath · BadMoment
"""

from ropeway.core.errors import Conflict, Invalid, NotFound

SHOWN = 80


class ExperimentNotFound(NotFound):
    """No experiment has this id or name."""

    code = "experiment-not-found"

    def __init__(self, name: str) -> None:
        super().__init__("experiment", name[:SHOWN])


class LoggedModelNotFound(NotFound):
    """No logged model has this id."""

    code = "logged-model-not-found"

    def __init__(self, model: str) -> None:
        super().__init__("logged model", model[:SHOWN])


class FileNotThere(NotFound):
    """A run or a logged model has no file of this name."""

    code = "file-not-there"

    def __init__(self, owner: str, path: str) -> None:
        super().__init__(f"file of {owner}", path[:SHOWN])


class TagNotThere(NotFound):
    """There is no such tag to remove."""

    code = "tag-not-there"

    def __init__(self, owner: str, key: str) -> None:
        super().__init__(f"tag of {owner}", key[:SHOWN])


class ExperimentExists(Conflict):
    """The name is another experiment's."""

    code = "experiment-exists"

    def __init__(self, name: str, lifecycle: str) -> None:
        super().__init__(
            f"There is an experiment '{name[:SHOWN]}' already, which is {lifecycle}.",
            expected="a name of its own",
            next_step="restore it" if lifecycle == "deleted" else "use that one",
        )


class IdTaken(Conflict):
    """An id that a store told is another thing's here, or none that could be kept."""

    code = "id-taken"

    def __init__(self, noun: str, told: str) -> None:
        super().__init__(
            f"The id '{told[:SHOWN]}' cannot be that of a new {noun}.",
            expected="an id of MLflow's form that nothing here has",
            next_step="leave it out: one is made",
        )


class ParamFixed(Conflict):
    """A client changes a param of a run, which says what was done and is not changed."""

    code = "param-fixed"

    def __init__(self, run: str, key: str, old: str, new: str) -> None:
        super().__init__(
            f"The param '{key[:SHOWN]}' of the run {run} is '{old[:SHOWN]}' and does not become "
            f"'{new[:SHOWN]}'.",
            expected="the same value again, or another key",
            run=run,
            key=key,
            old=old,
            new=new,
        )


class NotActive(Conflict):
    """Something that was deleted is written to."""

    code = "not-active"

    def __init__(self, noun: str, name: str) -> None:
        super().__init__(
            f"The {noun} {name} was deleted.", expected="one that is active", next_step="restore it first"
        )
        self.noun, self.name = noun, name


class BadFilePath(Invalid):
    """A name under which no file is kept."""

    code = "bad-file-path"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"No file is kept as {path[:SHOWN]!a}: {reason}.",
            expected="a relative name with '/' between its parts, without '..'",
            next_step="name the file plots/curve.png",
        )


class BadMoment(Invalid):
    """A time that no calendar has."""

    code = "bad-milliseconds"

    def __init__(self, told: int) -> None:
        super().__init__(
            f"{told} is no time.", expected="milliseconds since 1970, before the year 10000", told=told
        )
