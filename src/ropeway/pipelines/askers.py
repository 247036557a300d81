"""Who asked: what the stack tells of a call to the system. Library, project, or Python for itself."""

from types import FrameType

# Libraries that read variables about threads, paths and terminals: they change speed, not results.
QUIET_READERS = frozenset(
    [
        "joblib",
        "sklearn",
        "numpy",
        "scipy",
        "threadpoolctl",
        "polars",
        "pandas",
        "tempfile",
        "subprocess",
        "ntpath",
        "locale",
        "gettext",
        "ropeway",
        "rich",
        "click",
        "multiprocessing",
        "concurrent",
        "site",
        "sysconfig",
        "ssl",
        "webbrowser",
        "platform",
        "shutil",
        "pathlib",
    ]
)
# Modules between a caller and the system: who called them is of interest.
PATH_MODULES = frozenset(
    (
        "os",
        "posixpath",
        "genericpath",
        "pathlib",
        "io",
        "codecs",
        "ropeway.pipelines.code",
        "ropeway.pipelines.probes",
    )
)
STACK_DEPTH = 80
NEAR = 4
PROJECT_PREFIX = "_ropeway_"
"""How modules of a project are called while they are loaded; see `code`."""


def reader(frame: FrameType | None) -> str:
    """The package that asked, past the standard library's own plumbing."""
    while frame is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package == "posixpath" and frame.f_code.co_name != "expandvars":
            return "pathlib"
        if package not in ("os", "_collections_abc", "collections", "posixpath"):
            return package
        frame = frame.f_back
    return ""


def asked_through(frame: FrameType | None) -> tuple[set[str], FrameType | None]:
    """The functions about paths between the system and who asked, and that caller."""
    names: set[str] = set()
    while frame is not None and _is_path_module(str(frame.f_globals.get("__name__", ""))):
        names.add(frame.f_code.co_name)
        frame = frame.f_back
    return names, frame


def is_project(frame: FrameType | None) -> bool:
    """Whether a frame is of the project's own code."""
    return frame is not None and str(frame.f_globals.get("__name__", "")).startswith(PROJECT_PREFIX)


def is_by_project(frame: FrameType | None) -> bool:
    """Whether the project's own code asked, past what stands between it and the system."""
    return is_project(asked_through(frame)[1])


def is_about_speed(frame: FrameType | None) -> bool:
    """Whether a program is run on import, or for the number of cores: that changes speed, not results."""
    for _ in range(STACK_DEPTH):
        if frame is None:
            return False
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        # joblib asks `lscpu`.
        if frame.f_code.co_filename.startswith("<frozen importlib") or package in ("joblib", "threadpoolctl"):
            return True
        frame = frame.f_back
    return False


def is_plumbing(frame: FrameType | None) -> bool:
    """Whether Python or a library reads for itself: on import, or lines for a traceback.

    What a library reads while it is imported is read once a process, by whichever step comes first; it is
    covered by the library's version.
    """
    for depth in range(STACK_DEPTH):
        if frame is None:
            return False
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            return True
        if depth < NEAR and name.endswith(("/linecache.py", "/tokenize.py")):
            return True
        if str(frame.f_globals.get("__name__", "")).startswith(PROJECT_PREFIX):
            return False
        frame = frame.f_back
    return False


def _is_path_module(name: str) -> bool:
    # Since Python 3.13 pathlib is a package: `pathlib._local`.
    return name in PATH_MODULES or name.startswith("pathlib.")
