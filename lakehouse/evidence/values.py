"""Values of rows as JSON has them, hashes over rows and raw records, and what differs between two rows. Pure."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

RELATIVE = 1e-9
"""Sums of the same numbers in another order differ by far less."""
SHORT = 16
Row = Mapping[str, Any]


def plain(value: Any) -> Any:  # noqa: ANN401  any cell of a row
    """The value as JSON has it: instants in UTC, bytes in hexadecimal."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


def rows_digest(rows: Iterable[Row], key: Sequence[str]) -> str:
    """SHA-256 over rows in the order of their key, whatever order they come in.

    Nulls are left out, so that a column which a table is given later changes no hash.
    """
    known = ((plain([row[n] for n in key]), {n: plain(v) for n, v in row.items() if v is not None}) for row in rows)
    texts = sorted(json.dumps(each, sort_keys=True) for each in known)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def raw_digest(records: Iterable[Row]) -> str:
    """SHA-256 over records in order of offset.

    Of each record its key, its value and its headers' keys and values, each as the number of its bytes (8 bytes, big
    end first; -1 for null) and the bytes.
    """
    digest = hashlib.sha256()
    for record in records:
        headers = [part for header in record["headers"] or () for part in (header["key"].encode(), header["value"])]
        for part in (record["kafka_key"], record["value"], *headers):
            digest.update((-1 if part is None else len(part)).to_bytes(8, "big", signed=True) + (part or b""))
    return digest.hexdigest()


def in_order(records: Iterable[Row]) -> list[Row]:
    """Records by topic, partition, offset and time of publishing."""
    place = ("kafka_topic", "kafka_partition", "kafka_offset", "published_at")
    return sorted(records, key=lambda record: tuple(record[name] for name in place))


def spans(records: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Runs of offsets without a hole, ``[start, end)``, each with the first digits of its own SHA-256."""
    numbered = enumerate(in_order(records))
    for (topic, partition, _), run in groupby(numbered, key=_run):
        of_run = [record for _, record in run]
        start, end = of_run[0]["kafka_offset"], of_run[-1]["kafka_offset"] + 1
        digest = raw_digest(of_run)[:SHORT]
        yield {"topic": topic, "partition": partition, "start": start, "end": end, "sha256": digest}


def _run(numbered: tuple[int, Row]) -> tuple[str, int, int]:
    nth, record = numbered
    return record["kafka_topic"], record["kafka_partition"], record["kafka_offset"] - nth


def different(recorded: Row, found: Row) -> list[str]:
    """Columns whose values differ; numbers with a fraction by more than the order of adding them explains."""
    names = dict.fromkeys([*recorded, *found])
    return [name for name in names if not is_same(recorded.get(name), found.get(name))]


def is_same(a: Any, b: Any) -> bool:  # noqa: ANN401  any two cells
    """Whether two values are the same."""
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=RELATIVE, abs_tol=1e-12) or (math.isnan(a) and math.isnan(b))
    return bool(plain(a) == plain(b))


def key_of(row: Row, key: Sequence[str]) -> tuple[Any, ...]:
    """The row's key, as it can be looked up."""
    return tuple(json.dumps(plain(row[name])) for name in key)
