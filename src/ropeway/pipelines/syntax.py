"""One module of a project, taken apart: its definitions, its imports, and what each statement mentions."""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache

from ropeway.core.hashing import digest_bytes

TRICKS = frozenset(
    [
        "globals",
        "locals",
        "vars",
        "exec",
        "eval",
        "compile",
        "__import__",
        "importlib",
        "setattr",
        "delattr",
        "__dict__",
        "__init_subclass__",
        "__set_name__",
        "metaclass",
        "__builtins__",
        "builtins",
        "__getattr__",
        "modules",
        "runpy",
        "imp",
        "inspect",
        "pkgutil",
        "__globals__",
        "__closure__",
        "_getframe",
    ]
)
# By these a class is found without its name: any class of any module of the project may be meant.
REGISTRIES = frozenset(
    [
        "__subclasses__",
        "__init_subclass__",
        "__set_name__",
        "__bases__",
        "__base__",
        "__mro__",
        "mro",
        "getmro",
        "gc",
    ]
)
# By these a module may be imported whose name is nowhere in the source.
IMPORTERS = frozenset(("importlib", "__import__", "exec", "eval", "runpy", "imp", "pkgutil", "globals"))
# Decorators that leave nothing behind at module level; any other may register the function somewhere.
QUIET_DECORATORS = frozenset(
    ["staticmethod", "classmethod", "property"]
    + [f"ropeway.{name}" for name in ("step", "fit", "check")]
    + [f"functools.{name}" for name in ("cache", "lru_cache", "cached_property", "wraps", "total_ordering")]
    + ["functools.singledispatch", "dataclasses.dataclass", "contextlib.contextmanager"]
    + [f"{module}.{name}" for module in ("typing", "typing_extensions") for name in ("final", "overload")]
    + ["numba.njit", "numba.jit"]
)
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
_NATIVE_READER = re.compile(r"(read|scan)_(?!text$|bytes$)[a-z_]+")


class Facts:
    """What one statement mentions."""

    def __init__(self, node: ast.AST, module: "Module") -> None:
        self.digest = digest_bytes(ast.dump(node).encode())
        self.names: set[tuple[str, ...]] = set()
        self.literals: set[str] = set()
        self.impure: set[str] = set()
        self.reads: list[tuple[str, set[str], set[str]]] = []
        self._module = module
        self._called: set[int] = set()
        self._visit(node, frozenset())

    def _visit(self, node: ast.AST, local: frozenset[str]) -> None:
        """Note what a node mentions; `local` are names that functions around it bind themselves."""
        if isinstance(node, ast.Attribute | ast.Name) and (chain := _chain(node)):
            if chain[0] not in local:
                self.names.add(chain)
                self._judge_mention(chain, node)
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.literals.add(node.value)
        if isinstance(node, ast.Call):
            self._judge_call(node, local)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            self._visit_function(node, local)
            return
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            # Its first iterable is evaluated outside, where a name of a target may still mean another thing.
            self._visit(node.generators[0].iter, local)
            local |= {
                each.id
                for part in node.generators
                for each in ast.walk(part.target)
                if isinstance(each, ast.Name)
            }
        for child in ast.iter_child_nodes(node):
            self._visit(child, local)

    def _visit_function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, local: frozenset[str]
    ) -> None:
        arguments = node.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        named += [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
        outside: list[ast.AST | None] = [*arguments.defaults, *arguments.kw_defaults]
        outside += [each.annotation for each in named]
        body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else [*node.body]
        if not isinstance(node, ast.Lambda):
            outside += [*node.decorator_list, node.returns]
        for each in outside:
            if each is not None:
                self._visit(each, local)
        # A name that is imported as well, perhaps in this very function, is followed all the same.
        inside = local | {each.arg for each in named} | (set(_bound(body)) - self._module.imports.keys())
        for each in body:
            self._visit(each, inside)

    def _judge_mention(self, chain: tuple[str, ...], node: ast.AST) -> None:
        where = f"{self._module.path}:{getattr(node, 'lineno', '?')}"
        for full in self._module.qualified(chain):
            self._judge_name(full, where)
        is_outside = chain[0] not in self._module.own
        if chain == ("hash",) and is_outside and sys.flags.hash_randomization:
            self.impure.add(f"hash() of this process ({where})")
        if id(node) not in self._called and is_outside and _NATIVE_READER.fullmatch(chain[-1]):
            # Handed on, it is called with names that do not stand beside it.
            self.reads.append((f"{chain[-1]} at {where}", set(), set()))

    def _judge_name(self, full: str, where: str) -> None:
        if full in CLOCK:
            self.impure.add(f"clock ({full}, {where})")
        elif full in RANDOM or full.startswith("secrets.") or _is_global_draw(full):
            self.impure.add(f"unseeded random ({full}, {where})")
        elif full in PROCESS:
            self.impure.add(f"this process or machine ({full}, {where})")
        elif full in OTHER_PROCESSES:
            self.impure.add(f"another process ({full}, {where})")
        elif full == "os.scandir":
            self.impure.add(f"what a folder tells of its files ({full}, {where})")

    def _judge_call(self, node: ast.Call, local: frozenset[str]) -> None:
        self._called.add(id(node.func))
        chain = _chain(node.func)
        chain = () if chain and chain[0] in local else chain
        fulls = self._module.qualified(chain) if chain else [""]
        where = f"{self._module.path}:{node.lineno}"
        for full in fulls:
            self._judge_called(full, node, where)
        attribute = node.func.attr if isinstance(node.func, ast.Attribute) else fulls[0].rpartition(".")[2]
        is_method = isinstance(node.func, ast.Attribute)
        if is_method and _is_unseeded_draw(attribute, node):
            self.impure.add(f"unseeded random (.{attribute}() without a seed, {where})")
        if is_method and attribute in TELLING_TIME and len(node.args) + len(node.keywords) < 2:
            self.impure.add(f"clock (.{attribute}(), {where})")
        if _NATIVE_READER.fullmatch(attribute) and not any(
            full.startswith("pandas.read_csv") for full in fulls
        ):
            literals = {
                each.value
                for each in ast.walk(node)
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            }
            names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            self.reads.append((f"{attribute}() at {where}", literals, names))

    def _judge_called(self, full: str, node: ast.Call, where: str) -> None:
        first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if full in GENERATORS and not _is_seeded(node):
            self.impure.add(f"unseeded random ({full}() without a seed, {where})")
        elif full in TIMES_FROM_TEXT and first in TEXTS_OF_NOW:
            self.impure.add(f"clock ({full}('{first}'), {where})")
        elif full == "joblib.Parallel" and not _stays_here(node):
            self.impure.add(f"another process ({full}, {where})")
        elif full == "getattr" and len(node.args) > 1:
            for owner in self._module.qualified(_chain(node.args[0]) or ("",)):
                name = node.args[1]
                if isinstance(name, ast.Constant):
                    self._judge_name(f"{owner}.{name.value!s}", where)
                elif owner in TELLING_MODULES:
                    self.impure.add(
                        f"a name that cannot be told from the source (getattr({owner}, …), {where})"
                    )


class Module:
    """One project module, taken apart."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        self.name = name
        self.path = path
        self.source_digest = digest_bytes(source)
        self._tree = ast.parse(source)
        self.package = name if path.endswith(("/__init__.py", "/")) else name.rpartition(".")[0]
        self.imports: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
        """What each name was imported from: every place, where there are several."""
        self.mentioned: set[str] = set()
        self.is_dynamic = False
        self.imports_by_name = False
        self.has_registry = False
        """Whether classes may be found by other means than their names."""
        self._survey()
        self.own = {name for statement in self._tree.body for name in _named_by(statement)}
        self.definitions: dict[str, list[ast.stmt]] = defaultdict(list)
        self.level: list[ast.stmt] = []
        for statement in self._tree.body:
            self._sort(statement)

    @cached_property
    def whole(self) -> Facts:
        """The module as one thing."""
        return Facts(self._tree, self)

    @cached_property
    def level_facts(self) -> Facts:
        """All statements that are more than definitions."""
        return Facts(ast.Module(body=self.level, type_ignores=[]), self)

    def facts(self, name: str) -> Facts:
        """The definition of a name."""
        return self._facts(name)

    def qualified(self, chain: tuple[str, ...]) -> list[str]:
        """A dotted name with its first part replaced by what was imported under it, in each way."""
        return [
            ".".join((module, *((attribute,) if attribute else ()), *chain[1:]))
            for module, attribute in self.imports.get(chain[0], [(chain[0], None)])
        ]

    def _facts(self, name: str) -> Facts:
        cached = self._cache.get(name)
        if cached is None:
            body = self.definitions[name]
            cached = self._cache[name] = Facts(ast.Module(body=body, type_ignores=[]), self)
        return cached

    @cached_property
    def _cache(self) -> dict[str, Facts]:
        return {}

    def _survey(self) -> None:
        """Imports anywhere in the module, and tricks."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.mentioned.add(alias.name)
                    bound = alias.asname or alias.name.partition(".")[0]
                    self.imports[bound].append((alias.name if alias.asname else bound, None))
            elif isinstance(node, ast.ImportFrom):
                self._survey_from(node)
            elif isinstance(node, ast.Global):
                self.is_dynamic = True
            name = (
                node.id
                if isinstance(node, ast.Name)
                else getattr(node, "attr", None) or getattr(node, "arg", None)
            )
            if isinstance(name, str) and name in TRICKS:
                self.is_dynamic = True
                self.imports_by_name |= name in IMPORTERS
            if isinstance(node, ast.FunctionDef) and node.name in TRICKS:
                self.is_dynamic = True
            self.has_registry |= name in REGISTRIES or _makes_registry(node)
        for root in (root.partition(".")[0] for places in self.imports.values() for root, _ in places):
            self.is_dynamic |= root in TRICKS
            self.imports_by_name |= root in IMPORTERS
            self.has_registry |= root in REGISTRIES
        # What is set on an imported module or class is met wherever that is used.
        self.has_registry |= any(
            isinstance(node, ast.Attribute)
            and not isinstance(node.ctx, ast.Load)
            and _chain(node)[:1]
            and _chain(node)[0] in self.imports
            for node in ast.walk(self._tree)
        )

    def _survey_from(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            parts = self.package.split(".") if self.package else []
            kept = parts[: len(parts) - node.level + 1]
            base = ".".join([*kept, *([node.module] if node.module else [])])
        self.mentioned.add(base)
        for alias in node.names:
            if alias.name == "*":
                self.is_dynamic = True
            self.mentioned.add(f"{base}.{alias.name}")
            self.imports[alias.asname or alias.name].append((base, alias.name))

    def _sort(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            return
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.definitions[statement.name].append(statement)
            is_quiet = all(self._is_quiet(decorator) for decorator in statement.decorator_list)
            if not is_quiet or (isinstance(statement, ast.ClassDef) and _acts(statement)):
                self.level.append(statement)
            return
        names = _constant_names(statement)
        if names:
            for name in names:
                self.definitions[name].append(statement)
            return
        if not _is_docstring(statement):
            self.level.append(statement)

    def _is_quiet(self, decorator: ast.expr) -> bool:
        chain = _chain(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if not chain or chain[0] in self.own:
            return False
        return all(full in QUIET_DECORATORS for full in self.qualified(chain))


@lru_cache(maxsize=256)
def parse(name: str, path: str, source: bytes) -> Module:
    """A module taken apart; the same source is parsed once a process."""
    return Module(name, path, source)


def _chain(node: ast.AST) -> tuple[str, ...]:
    """`a.b.c` as its parts; empty when it does not begin with a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ()
    return (node.id, *reversed(parts))


def _bound(body: Iterable[ast.AST]) -> Iterator[str]:
    """The names that a function's own statements assign: they are its own throughout, never the module's."""
    for node in body:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        scopes = (
            ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.ListComp, ast.SetComp,
            ast.DictComp, ast.GeneratorExp,
        )  # fmt: skip
        if not isinstance(node, scopes):
            yield from _bound(ast.iter_child_nodes(node))


def _is_global_draw(full: str) -> bool:
    """Whether a name is a function that draws from a generator which all code shares."""
    module, _, function = full.rpartition(".")
    return module in ("random", "numpy.random") and function.islower() and function not in SEEDING


def _is_seeded(node: ast.Call) -> bool:
    values = [*node.args[:1], *(keyword.value for keyword in node.keywords)]
    return bool(values) and not any(isinstance(each, ast.Constant) and each.value is None for each in values)


def _is_unseeded_draw(attribute: str, node: ast.Call) -> bool:
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


def _makes_registry(node: ast.AST) -> bool:
    """Whether a class may be kept by its metaclass, or a function is called for each subclass."""
    if isinstance(node, ast.FunctionDef):
        return node.name in REGISTRIES
    if isinstance(node, ast.keyword) and node.arg == "metaclass":
        return _chain(node.value)[-1:] != ("ABCMeta",)
    return False


def _acts(statement: ast.ClassDef) -> bool:
    """Whether a class does more, where it stands, than bind names."""
    harmless = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Assign, ast.AnnAssign, ast.Pass)
    return not all(isinstance(each, harmless) or _is_docstring(each) for each in statement.body)


def _named_by(statement: ast.stmt) -> Iterator[str]:
    """The names that a top-level statement gives to something of the module's own."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif not isinstance(statement, ast.Import | ast.ImportFrom):
        yield from _bound([statement])


def _constant_names(statement: ast.stmt) -> list[str]:
    """The names that a statement binds to something that runs no code; empty for any other statement."""
    targets: list[ast.expr]
    if isinstance(statement, ast.AnnAssign):
        targets, value = [statement.target], statement.value
    elif isinstance(statement, ast.Assign):
        targets, value = statement.targets, statement.value
    else:
        return []
    if not all(isinstance(target, ast.Name) for target in targets):
        return []
    if value is not None and not _is_inert(value):
        return []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _is_inert(value: ast.expr) -> bool:
    inert = (
        ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.UnaryOp, ast.BinOp, ast.Name,
        ast.expr_context, ast.operator, ast.unaryop, ast.JoinedStr, ast.FormattedValue, ast.Lambda,
        ast.arguments, ast.arg,
    )  # fmt: skip
    if isinstance(value, ast.Lambda):
        return True
    return all(isinstance(node, inert) for node in ast.walk(value))


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
