"""Which code a step's result can depend on, read from the syntax tree without running anything.

For a step: the top-level definitions that its function reaches, through the project's imports, plus every
module-level statement that is more than a definition, an import or a constant (it may do anything, so it
counts for all steps, with all that it reaches). A module that plays tricks (`globals()`, `exec`, `import *`
…) counts whole, and where classes may be found without their names (`__subclasses__`, a metaclass …) all
modules do. Comments and layout never count.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ropeway.core.hashing import digest_bytes
from ropeway.pipelines.facts import Facts
from ropeway.pipelines.syntax import Module, parse

Finder = Callable[[str], tuple[str, bool] | None]
Reader = Callable[[str], bytes]

LEVEL = "<module level>"
WHOLE = "<whole module>"


@dataclass(frozen=True, slots=True)
class Part:
    """A definition of a module by name, or one of `LEVEL` and `WHOLE`."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True)
class Reach:
    """What a step can depend on, and what its syntax tells about purity."""

    parts: dict[Part, str] = field(default_factory=dict)
    impure: set[str] = field(default_factory=set)
    reads: set[tuple[str, frozenset[str]]] = field(default_factory=set)
    """Calls by which native code may open a file, each with the texts that may name it."""

    def add(self, other: "Reach") -> None:
        """Depend on what another depends on, too."""
        self.parts |= other.parts
        self.impure |= other.impure
        self.reads |= other.reads


class CodeMap:
    """All modules that the pipeline's file leads to, and what each function reaches in them.

    Args:
        entry: name and path of the pipeline's module.
        find: the file of a project module, or None for others.
        read: the bytes of a file.
        everything: all Python files of the project, for code that imports by computed names.
    """

    def __init__(
        self, entry: tuple[str, str], find: Finder, read: Reader, everything: Callable[[], Iterable[str]]
    ) -> None:
        self.modules: dict[str, Module] = {}
        self.packages: set[str] = set()
        self._find = find
        self._read = read
        self._add(*entry)
        self._base = Reach()
        for module in list(self.modules.values()):
            if module.level:
                self._follow(Part(module.name, LEVEL), self._base)
        if any(module.has_registry for module in self.modules.values()):
            # A class may be met by a step that never names it.
            for name in self.modules:
                self._follow(Part(name, WHOLE), self._base)
        self.extra: dict[str, str] = {}
        if any(module.imports_by_name for module in self.modules.values()):
            self.extra = {path: digest_bytes(read(path)) for path in everything()}

    def reach(self, module: str, function: str) -> Reach:
        """What a top-level function of a module can depend on."""
        base = self._base
        reach = Reach(dict(base.parts), set(base.impure), set(base.reads))
        self._follow(Part(module, function), reach)
        return reach

    def _add(self, name: str, path: str) -> None:
        if name in self.modules:
            return
        source = b"" if path.endswith("/") else self._read(path)
        module = self.modules[name] = parse(name, path, source)
        for mentioned in sorted(module.mentioned):
            parts = mentioned.split(".")
            if not parts[0] or self._find(parts[0]) is None:
                if parts[0]:
                    self.packages.add(parts[0])
                continue
            for depth in range(1, len(parts) + 1):
                inner = ".".join(parts[:depth])
                found = self._find(inner)
                if found is None:
                    break
                self._add(inner, found[0])

    def _follow(self, start: Part, reach: Reach) -> None:
        waiting = [start]
        while waiting:
            part = waiting.pop()
            module = self.modules[part.module]
            if module.is_dynamic or (part.name not in module.definitions and part.name != LEVEL):
                part = Part(part.module, WHOLE)
            if part in reach.parts:
                continue
            if module.is_dynamic:
                waiting.extend(Part(name, WHOLE) for name in self.modules if name in module.mentioned)
            facts = _facts_of(module, part.name)
            reach.parts[part] = facts.digest
            reach.impure |= facts.impure
            self._judge_reads(facts, module, reach)
            for chain in facts.names:
                waiting.extend(self._targets(module, chain))

    def _judge_reads(self, facts: Facts, module: Module, reach: Reach) -> None:
        for call, literals, names in facts.reads:
            found = set(literals)
            for name in names:
                if name in module.definitions:
                    found |= module.facts(name).literals
            reach.reads.add((call, frozenset(found)))

    def _targets(self, module: Module, chain: tuple[str, ...], depth_left: int = 12) -> Iterator[Part]:
        """What a dotted name in a module leads to, inside the project."""
        head = chain[0]
        if head in module.definitions:
            yield Part(module.name, head)
        for base, attribute in module.imports.get(head, ()):
            yield from self._imported(base, attribute, chain, depth_left)

    def _imported(
        self, base: str, attribute: str | None, chain: tuple[str, ...], depth_left: int
    ) -> Iterator[Part]:
        dotted = [*base.split("."), *([attribute] if attribute else []), *chain[1:]]
        for depth in range(len(dotted), 0, -1):
            name = ".".join(dotted[:depth])
            if name not in self.modules:
                continue
            found = self.modules[name]
            rest = dotted[depth:]
            if not rest:
                yield Part(name, WHOLE)
            elif rest[0] in found.definitions:
                yield Part(name, rest[0])
            elif rest[0] in found.imports and depth_left:
                yield from self._targets(found, tuple(rest), depth_left - 1)
            else:
                yield Part(name, WHOLE)
            return


def _facts_of(module: Module, name: str) -> Facts:
    if name == WHOLE:
        return module.whole
    return module.level_facts if name == LEVEL else module.facts(name)
