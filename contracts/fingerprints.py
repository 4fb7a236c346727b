"""Short hashes of contracts, by which a commit, a table and the register of contracts name the same one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from contracts.tables import Table

TEXTS = ("doc", "description", "title")
"""Parts of a contract that only people read: they change nothing."""
SHORT = 12


def of_table(table: Table) -> str:
    """Of a table: columns with types, units and ranges, key, rules."""
    told = asdict(table)
    return of_json({name: told[name] for name in ("name", "fields", "key", "known", "rules")})


def of_json(value: Any) -> str:  # noqa: ANN401  any JSON value
    """Of anything that JSON can say, without the texts in it."""
    return of_text(json.dumps(_without_texts(value), sort_keys=True))


def of_text(text: str) -> str:
    """The first characters of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:SHORT]


def _without_texts(value: Any) -> Any:  # noqa: ANN401  any JSON value
    if isinstance(value, Mapping):
        return {name: _without_texts(part) for name, part in value.items() if name not in TEXTS}
    return [_without_texts(part) for part in value] if isinstance(value, list | tuple) else value
