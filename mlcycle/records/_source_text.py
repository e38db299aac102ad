"""The text of a function that stands by itself: with the imports, the constants and the functions it uses.

What a notebook's function takes from around it is the trap: a cost in another cell, a helper, a module under a short
name. Each is found by the compiler's own table of names and written before the function; what has no plain text is
refused in words.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import inspect
import symtable
import sys
import textwrap
import types
from typing import TYPE_CHECKING, Any

from mlcycle.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["looked_up", "public_module", "standing_alone"]

# A scope stands in the log, which every process reads whole; data of this size belongs into a dataset.
_LONGEST = 20_000
_FUTURE = "from __future__ import annotations"
_REMEDY = "put it into the function, or put the function into a module that can be imported and pass it from there"


def standing_alone(function: types.FunctionType) -> str:
    """Return Python that defines a function and all it needs, the function last.

    Raises
    ------
    InvalidInput
        Where its text cannot be found, or it uses what has no plain text.
    """
    name = function.__name__
    written = _Written(name)
    written.add(function)
    blocks = [_FUTURE] if written.annotated else []
    blocks += ["\n".join(sorted(written.imports)), "\n".join(written.constants), *written.functions]
    text = "\n\n".join(block for block in blocks if block) + "\n"
    if len(text) > _LONGEST:
        raise InvalidInput(
            f"the metric {name} and what it uses make a text of {len(text):,} characters, and a criterion keeps "
            f"{_LONGEST:,} at most; what it looks up belongs into a dataset or a module"
        )
    return text


class _Written:
    """What has been written down for one metric so far."""

    def __init__(self, metric: str) -> None:
        self.imports: set[str] = set()
        self.constants: list[str] = []
        self.functions: list[str] = []
        self.annotated = False
        self._metric = metric
        self._known: dict[str, Any] = {}

    def add(self, function: types.FunctionType) -> None:
        """Write down what a function uses, then the function."""
        text, node = self._text_of(function)
        self._known[function.__name__] = function
        bare = _Bare()
        changed = {one for each in ast.walk(node) if isinstance(each, (ast.Global, ast.Nonlocal)) for one in each.names}
        if changed & {*function.__code__.co_freevars, *function.__code__.co_names}:
            raise self._refusal(
                f"it changes {', '.join(sorted(changed))} outside of it, so its value depends on what ran before"
            )
        names = _names_from_outside(ast.unparse(bare.visit(ast.parse(text))))
        self.annotated |= bare.found
        held = dict(function.__globals__)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            with contextlib.suppress(ValueError):  # not bound yet: as good as not defined
                held[name] = cell.cell_contents
        for name in names:
            if name in held:
                self._use(name, held[name], node)
            elif not hasattr(builtins, name):
                raise self._refusal(f"it uses {name}, which is not defined here; define it first")
        self.functions.append(text.rstrip())

    def _text_of(self, function: types.FunctionType) -> tuple[str, ast.FunctionDef]:
        try:
            text = textwrap.dedent(inspect.getsource(function))
            [node] = ast.parse(text).body
        except (OSError, TypeError) as error:
            raise self._refusal(
                f"the text of {function.__name__} cannot be found (was it typed into python -c, a console or exec?)"
            ) from error
        except (SyntaxError, ValueError) as error:
            raise self._refusal(f"the text of {function.__name__} does not stand by itself: {error}") from error
        if not isinstance(node, ast.FunctionDef) or node.name != function.__name__:
            raise self._refusal(f"{function.__name__} is not a plain function, 'def {function.__name__}(…): …'")
        return text, node

    def _use(self, name: str, value: Any, node: ast.FunctionDef) -> None:
        if name in self._known:
            if self._known[name] is not value and self._known[name] != value:
                raise self._refusal(f"two things are called {name} in what it uses; rename one of them")
            return
        self._known[name] = value
        if isinstance(value, types.ModuleType):
            self.imports.update(_imports(name, value, node))
        elif (literal := _literal(value)) is not None:
            self.constants.append(f"{name} = {literal}")
        elif (address := _importable(value)) is not None:
            self.imports.add(f"from {address[0]} import {address[1]}" + (f" as {name}" if address[1] != name else ""))
        elif isinstance(value, types.FunctionType) and value.__name__ == name:
            self.add(value)
        else:
            raise self._refusal(f"it uses {name}, a {type(value).__name__}, which is not kept as text; {_REMEDY}")

    def _refusal(self, why: str) -> InvalidInput:
        hint = "" if why.endswith((_REMEDY, "first", "of them")) else f"; {_REMEDY}"
        return InvalidInput(f"the metric {self._metric} cannot be kept with the criterion: {why}{hint}")


class _Bare(ast.NodeTransformer):
    """Takes annotations off: nobody evaluates them, so what they name is not needed."""

    def __init__(self) -> None:
        self.found = False

    def visit_arg(self, node: ast.arg) -> ast.arg:
        self.found |= node.annotation is not None
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.found |= node.returns is not None
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.found = True
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)


def _names_from_outside(text: str) -> list[str]:
    """Return the names a text takes from around it, by the compiler's own table."""
    top = symtable.symtable(text, "<metric>", "exec")
    own = {one.get_name() for one in top.get_symbols() if one.is_assigned()}
    found = {one.get_name() for one in top.get_symbols() if one.is_referenced()}
    for table in _inner(top):
        found |= {one.get_name() for one in table.get_symbols() if one.is_global() and one.is_referenced()}
    return sorted(found - own)


def _inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for one in table.get_children():
        yield one
        yield from _inner(one)


def _imports(name: str, module: types.ModuleType, node: ast.FunctionDef) -> Iterator[str]:
    """Yield the import of a module, and of those below it that the function reaches through it."""
    full = module.__name__
    yield f"import {full}" if full == name else f"import {full} as {name}"
    for one in ast.walk(node):
        path = _path(one)
        if path[:1] != [name]:
            continue
        below = full
        for piece in path[1:]:
            below = f"{below}.{piece}"
            if below not in sys.modules:
                break
            yield f"import {below}"


def _path(node: ast.AST) -> list[str]:
    pieces: list[str] = []
    while isinstance(node, ast.Attribute):
        pieces.append(node.attr)
        node = node.value
    return [node.id, *reversed(pieces)] if isinstance(node, ast.Name) else []


def _literal(value: Any) -> str | None:
    """Return a plain constant as Python writes it; None for whatever is not one."""
    if hasattr(value, "dtype") and getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and type(value) is float:
        return repr(value) if value - value == 0 else f"float({str(value)!r})"
    if value is None or type(value) in (bool, int, str, bytes):
        return repr(value)
    brackets = _BRACKETS.get(type(value))
    if brackets is None or not value:
        return repr(value) if brackets else None
    if isinstance(value, dict):
        pairs = [(_literal(key), _literal(item)) for key, item in value.items()]
        inner = None if any(None in pair for pair in pairs) else [f"{key}: {item}" for key, item in pairs]
    else:
        items = [_literal(item) for item in (sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value)]
        inner = None if None in items else [str(item) for item in items]
    comma = "," if type(value) is tuple and len(value) == 1 else ""
    return None if inner is None else f"{brackets[0]}{', '.join(inner)}{comma}{brackets[1]}"


_BRACKETS: dict[type, tuple[str, str]] = {
    tuple: ("(", ")"),
    list: ("[", "]"),
    dict: ("{", "}"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}


def _importable(value: Any) -> tuple[str, str] | None:
    """Return module and name by which any process gets the same object."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    module = getattr(value, "__module__", None) or "numpy"  # a ufunc of older NumPy does not say where it is from
    if not isinstance(name, str) or not name.isidentifier() or module == "__main__":
        return None
    return (public_module(module, name, value), name) if looked_up(module, name) is value else None


def looked_up(module: str, name: str) -> Any:
    """Return what a dotted name of a module stands for, None where the module is not loaded or lacks it."""
    found: Any = sys.modules.get(module)
    for piece in name.split("."):
        found = getattr(found, piece, None)
    return found


def public_module(module: str, name: str, function: Any) -> str:
    """Prefer the shortest public package that shows the same function: private modules move between releases."""
    pieces = module.split(".")
    if not any(piece.startswith("_") for piece in pieces):
        return module
    for count in range(1, len(pieces)):
        parent = ".".join(pieces[:count])
        if looked_up(parent, name) is function:
            return parent
    return module
