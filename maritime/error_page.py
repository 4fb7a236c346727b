"""docs/errors.md: every sentence with which a command may end, taken from the code that says it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from contracts import errors
from contracts.errors import MaritimeError

ROOMS = ("contracts", "infra", "lakehouse", "producers", "consumers", "batch_jobs", "ml", "maritime")
GAP = "…"
"""Stands for what only the moment knows: a name, a number, a path."""
LEAST_WORDS = 3
KINDS: dict[str, type[MaritimeError]] = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, MaritimeError)
}


@dataclass(frozen=True, slots=True, order=True)
class Sentence:
    """What an error says, its exit code, and the folder of the code that says it."""

    exit_code: int
    text: str
    room: str


def sentences(root: Path) -> list[Sentence]:
    """Every sentence of an error below the root; one that is put together elsewhere has no words, and is left out."""
    found = {sentence for room in ROOMS for path in (root / room).rglob("*.py") for sentence in _in_file(path, room)}
    return sorted(found)


def errors_page(root: Path, head: str) -> str:
    """The sentences by exit code."""
    told = sentences(root)
    parts = [
        head,
        "# What commands say when they end with an error\n",
        f"`{GAP}` stands for what only the moment knows. What each code means for your data, and how to go on, is in",
        "the [runbook](runbook.md#when-a-command-ends-with-an-error).",
    ]
    for code in sorted({sentence.exit_code for sentence in told}):
        rows = [f"| {_cell(sentence.text)} | {sentence.room} |" for sentence in told if sentence.exit_code == code]
        parts += [f"\n## Code {code}\n", "| sentence | said by |\n| --- | --- |", *rows]
    return "\n".join(parts) + "\n"


def _in_file(path: Path, room: str) -> Iterator[Sentence]:
    module = ast.parse(path.read_text())
    for scope in ast.walk(module):
        if isinstance(scope, ast.FunctionDef | ast.Module):
            known = _assigned(scope)
            for kind, message in _errors(scope):
                text = re.sub(f"{GAP}+", GAP, " ".join(_text(message, known).split()))
                if len(text.replace(GAP, " ").split()) >= LEAST_WORDS:
                    yield Sentence(kind.exit_code, text, room)


def _errors(scope: ast.AST) -> Iterator[tuple[type[MaritimeError], ast.expr]]:
    """Each error that is made in a scope, and each row of a table of errors, with its message."""
    for node in _within(scope):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS and node.args:
            yield KINDS[node.func.id], node.args[0]
        if isinstance(node, ast.Tuple):
            kinds = [KINDS[part.id] for part in node.elts if isinstance(part, ast.Name) and part.id in KINDS]
            if len(kinds) == 1 and isinstance(node.elts[-1], ast.Constant | ast.JoinedStr):
                yield kinds[0], node.elts[-1]


def _within(scope: ast.AST) -> Iterator[ast.AST]:
    """What a scope holds, without the functions inside of it."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from _within(child)


def _assigned(scope: ast.AST) -> dict[str, str]:
    """Texts that a scope gives a name before it says them."""
    return {
        node.targets[0].id: _text(node.value, {})
        for node in _within(scope)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def _text(node: ast.expr, known: Mapping[str, str]) -> str:
    """A message as its reader sees it."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, known) for part in parts)
        case ast.FormattedValue(value=part):
            return _text(part, known)
        case ast.BinOp(left=left, right=right):
            return _text(left, known) + _text(right, known)
        case ast.Name(id=name):
            return known.get(name, GAP)
        case ast.Call(func=ast.Name(), args=[*_, last]) if isinstance(last, ast.JoinedStr | ast.Constant):
            return f"{GAP} {_text(last, known)} {GAP}"  # a helper puts its own words around it
    return GAP


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<")
