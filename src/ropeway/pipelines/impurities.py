"""Names and calls whose results differ from run to run: clock, chance, the machine, other processes."""

import ast

CLOCK = frozenset(
    [
        "time.time",
        "time.time_ns",
        "time.localtime",
        "time.gmtime",
        "time.ctime",
        "time.asctime",
        "time.strftime",
        "time.monotonic",
        "time.monotonic_ns",
        "time.perf_counter",
        "time.perf_counter_ns",
        "time.process_time",
        "time.process_time_ns",
        "time.thread_time",
        "time.thread_time_ns",
        "time.clock_gettime",
        "time.clock_gettime_ns",
        "pandas.Timestamp.now",
        "pandas.Timestamp.today",
        "pandas.Timestamp.utcnow",
        "email.utils.formatdate",
        "email.utils.localtime",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "datetime.date.today",
    ]
)
TELLING_TIME = frozenset(("now", "utcnow", "today"))
TEXTS_OF_NOW = frozenset(("now", "today"))
TIMES_FROM_TEXT = frozenset(("numpy.datetime64", "pandas.Timestamp", "pandas.to_datetime"))
PROCESS = frozenset(
    [
        "os.getpid",
        "os.getppid",
        "os.times",
        "os.getlogin",
        "os.uname",
        "os.getloadavg",
        "os.statvfs",
        "shutil.disk_usage",
        "socket.gethostname",
        "platform.node",
        "platform.uname",
        "getpass.getuser",
        "threading.get_ident",
        "threading.get_native_id",
    ]
)
# What happens in another process is not seen here.
OTHER_PROCESSES = frozenset(
    [
        "concurrent.futures.ProcessPoolExecutor",
        "concurrent.futures.process.ProcessPoolExecutor",
        "multiprocessing.Pool",
        "multiprocessing.Process",
        "multiprocessing.get_context",
    ]
)
# Of these modules any name may be clock, chance or the machine: which one, must stand in the source.
TELLING_MODULES = frozenset(
    ("time", "datetime", "datetime.datetime", "datetime.date", "os", "random", "uuid", "secrets")
)
RANDOM = frozenset(["uuid.uuid1", "uuid.uuid4", "os.urandom", "os.getrandom", "random.SystemRandom"])
GENERATORS = frozenset(
    [
        f"numpy.random.{name}"
        for name in ["default_rng", "RandomState", "SeedSequence", "PCG64", "MT19937", "Philox", "SFC64"]
    ]
    + ["random.Random"]
)
SEEDING = frozenset(
    ["seed", "getstate", "setstate", "get_state", "set_state", "default_rng", "bit_generator", "mtrand"]
)


def impure_name(full: str) -> str | None:
    """What makes a function that is only mentioned give another result each time; None when nothing does."""
    if full in CLOCK:
        return "clock"
    if full in RANDOM or full.startswith("secrets.") or _is_global_draw(full):
        return "unseeded random"
    if full in PROCESS:
        return "this process or machine"
    if full in OTHER_PROCESSES:
        return "another process"
    if full == "os.scandir":
        return "what a folder tells of its files"
    return None


def impure_call(full: str, node: ast.Call) -> tuple[str, str] | None:
    """What makes a call give another result each time, and the call in words; None when nothing does."""
    first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
    if full in GENERATORS and not _is_seeded(node):
        return "unseeded random", f"{full}() without a seed"
    if full in TIMES_FROM_TEXT and first in TEXTS_OF_NOW:
        return "clock", f"{full}('{first}')"
    if full == "joblib.Parallel" and not _stays_here(node):
        return "another process", full
    return None


def _is_global_draw(full: str) -> bool:
    """Whether a name is a function that draws from a generator which all code shares."""
    module, _, function = full.rpartition(".")
    return module in ("random", "numpy.random") and function.islower() and function not in SEEDING


def _is_seeded(node: ast.Call) -> bool:
    values = [*node.args[:1], *(keyword.value for keyword in node.keywords)]
    return bool(values) and not any(isinstance(each, ast.Constant) and each.value is None for each in values)


def is_unseeded_draw(attribute: str, node: ast.Call) -> bool:
    """Polars' own `sample` and `shuffle` draw from a generator that nobody can watch."""
    named = {
        keyword.arg
        for keyword in node.keywords
        if not (isinstance(keyword.value, ast.Constant) and keyword.value.value is None)
    }
    if named & {"seed", "random_state", None}:
        return False
    return (attribute == "sample" and len(node.args) < 2) or (attribute == "shuffle" and not node.args)


def _stays_here(node: ast.Call) -> bool:
    """Whether joblib is told to work in this process."""
    told = {
        keyword.arg: keyword.value.value if isinstance(keyword.value, ast.Constant) else ...
        for keyword in node.keywords
    }
    if not node.args and told.get("n_jobs") in (None, 1):
        return True
    return told.get("prefer") == "threads" or told.get("backend") in ("threading", "sequential")
