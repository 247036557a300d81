"""Names in a syntax tree: dotted ones, and those that statements bind."""

import ast
from collections.abc import Iterable, Iterator


def chain(node: ast.AST) -> tuple[str, ...]:
    """`a.b.c` as its parts; empty when it does not begin with a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ()
    return (node.id, *reversed(parts))


def bound_names(body: Iterable[ast.AST]) -> Iterator[str]:
    """The names that a function's own statements assign: they are its own throughout, never the module's."""
    for node in body:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        scopes = (
            ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.ListComp, ast.SetComp,
            ast.DictComp, ast.GeneratorExp,
        )  # fmt: skip
        if not isinstance(node, scopes):
            yield from bound_names(ast.iter_child_nodes(node))
