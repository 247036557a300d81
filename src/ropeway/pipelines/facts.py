"""What one statement of a module mentions: names, texts, readers of files, and what is not repeatable."""

import ast
import re
import sys
from typing import TYPE_CHECKING

from ropeway.core.hashing import digest_bytes
from ropeway.pipelines.impurities import (
    TELLING_MODULES,
    TELLING_TIME,
    impure_call,
    impure_name,
    is_unseeded_draw,
)
from ropeway.pipelines.tree import bound_names, chain

if TYPE_CHECKING:
    from ropeway.pipelines.syntax import Module

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
        if isinstance(node, ast.Attribute | ast.Name) and (dotted := chain(node)):
            if dotted[0] not in local:
                self.names.add(dotted)
                self._judge_mention(dotted, node)
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
        inside = local | {each.arg for each in named} | (set(bound_names(body)) - self._module.imports.keys())
        for each in body:
            self._visit(each, inside)

    def _judge_mention(self, dotted: tuple[str, ...], node: ast.AST) -> None:
        where = f"{self._module.path}:{getattr(node, 'lineno', '?')}"
        for full in self._module.qualified(dotted):
            self._judge_name(full, where)
        is_outside = dotted[0] not in self._module.own
        if dotted == ("hash",) and is_outside and sys.flags.hash_randomization:
            self.impure.add(f"hash() of this process ({where})")
        if id(node) not in self._called and is_outside and _NATIVE_READER.fullmatch(dotted[-1]):
            # Handed on, it is called with names that do not stand beside it.
            self.reads.append((f"{dotted[-1]} at {where}", set(), set()))

    def _judge_name(self, full: str, where: str) -> None:
        if (what := impure_name(full)) is not None:
            self.impure.add(f"{what} ({full}, {where})")

    def _judge_call(self, node: ast.Call, local: frozenset[str]) -> None:
        self._called.add(id(node.func))
        dotted = chain(node.func)
        dotted = () if dotted and dotted[0] in local else dotted
        fulls = self._module.qualified(dotted) if dotted else [""]
        where = f"{self._module.path}:{node.lineno}"
        for full in fulls:
            self._judge_called(full, node, where)
        attribute = node.func.attr if isinstance(node.func, ast.Attribute) else fulls[0].rpartition(".")[2]
        is_method = isinstance(node.func, ast.Attribute)
        if is_method and is_unseeded_draw(attribute, node):
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
        if (found := impure_call(full, node)) is not None:
            what, call = found
            self.impure.add(f"{what} ({call}, {where})")
        elif full == "getattr" and len(node.args) > 1:
            for owner in self._module.qualified(chain(node.args[0]) or ("",)):
                name = node.args[1]
                if isinstance(name, ast.Constant):
                    self._judge_name(f"{owner}.{name.value!s}", where)
                elif owner in TELLING_MODULES:
                    self.impure.add(
                        f"a name that cannot be told from the source (getattr({owner}, …), {where})"
                    )
