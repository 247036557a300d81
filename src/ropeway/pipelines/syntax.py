"""One module of a project, taken apart: its definitions, its imports, and what each statement mentions."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property, lru_cache

from ropeway.core.hashing import digest_bytes
from ropeway.pipelines.facts import Facts
from ropeway.pipelines.tree import bound_names, chain

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
        cached = self._cache.get(name)
        if cached is None:
            body = self.definitions[name]
            cached = self._cache[name] = Facts(ast.Module(body=body, type_ignores=[]), self)
        return cached

    def qualified(self, dotted: tuple[str, ...]) -> list[str]:
        """A dotted name with its first part replaced by what was imported under it, in each way."""
        return [
            ".".join((module, *((attribute,) if attribute else ()), *dotted[1:]))
            for module, attribute in self.imports.get(dotted[0], [(dotted[0], None)])
        ]

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
            and chain(node)[:1]
            and chain(node)[0] in self.imports
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
        dotted = chain(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if not dotted or dotted[0] in self.own:
            return False
        return all(full in QUIET_DECORATORS for full in self.qualified(dotted))


@lru_cache(maxsize=256)
def parse(name: str, path: str, source: bytes) -> Module:
    """A module taken apart; the same source is parsed once a process."""
    return Module(name, path, source)


def _makes_registry(node: ast.AST) -> bool:
    """Whether a class may be kept by its metaclass, or a function is called for each subclass."""
    if isinstance(node, ast.FunctionDef):
        return node.name in REGISTRIES
    if isinstance(node, ast.keyword) and node.arg == "metaclass":
        return chain(node.value)[-1:] != ("ABCMeta",)
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
        yield from bound_names([statement])


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
