"""docs/errors.md: every sentence with which a command may end, taken from the code that says it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
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
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS and node.args:
            text = " ".join(_text(node.args[0]).split())
            if len(text.replace(GAP, " ").split()) >= LEAST_WORDS:
                yield Sentence(KINDS[node.func.id].exit_code, text, room)


def _text(node: ast.expr) -> str:
    """A message as its reader sees it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return GAP


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<")
