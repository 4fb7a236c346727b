"""The proof: every file of the lake is read, decoded and as bytes, for what names a vessel. No Spark is started."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from infra.erasure.hits import Hit
from infra.erasure.subject import Subject

DATA, LOG, STREAM, FILE, UNREADABLE = "data file", "Delta log", "stream checkpoint", "file", "state that cannot be read"
MMSI = "mmsi"
BATCH_ROWS = 65_536


def scan(root: str, subject: Subject) -> list[Hit]:
    """Every file below a folder or URI that names the vessel; paths are relative to it."""
    system, base = fs.FileSystem.from_uri(root)
    found = system.get_file_info(fs.FileSelector(base, recursive=True, allow_not_found=True))
    paths = sorted(info.path for info in found if info.type == fs.FileType.File)
    return [hit for path in paths if (hit := _look(system, path, path.removeprefix(f"{base.rstrip('/')}/"), subject))]


def _look(system: fs.FileSystem, path: str, name: str, subject: Subject) -> Hit | None:
    kind = _kind(name)
    try:
        count = 1 if kind == UNREADABLE else hits_in(system, path, subject)
    except FileNotFoundError:  # deleted while we look: nothing is left of it
        return None
    return Hit(kind, name, count) if count else None


def _kind(name: str) -> str:
    parts = name.split("/")
    if parts[0] == "_checkpoints":
        return UNREADABLE if "state" in parts else STREAM
    if "_delta_log" in parts:
        return LOG
    return DATA if name.endswith(".parquet") else FILE


def hits_in(system: fs.FileSystem, path: str, subject: Subject) -> int:
    """How many rows of a Parquet file name the vessel, or else how often the file's bytes do."""
    with system.open_input_file(path) as file:
        content = file.read_buffer()
    rows = 0
    if path.endswith(".parquet") and content.size:
        with pq.ParquetFile(pa.BufferReader(content)) as parquet:
            rows = sum(_rows(batch, subject) for batch in parquet.iter_batches(BATCH_ROWS))
    return rows or subject.count_in(content.to_pybytes())


def _rows(batch: pa.RecordBatch, subject: Subject) -> int:
    found = pa.array([False] * batch.num_rows)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        named = _named(column, name, subject)
        if named is not None:
            found = pc.or_(found, pc.fill_null(named, False))
    return int(pc.sum(found).as_py() or 0)


def _named(column: pa.Array, name: str, subject: Subject) -> pa.Array | None:
    """Which rows of a column name the vessel; null for one that cannot, such as a temperature."""
    kind = column.type
    if pa.types.is_integer(kind):
        return pc.equal(column, subject.mmsi) if name == MMSI else None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or _is_binary(kind):
        return pc.match_substring_regex(column, subject.pattern)
    if pa.types.is_nested(kind):
        return pa.array([bool(_names(row, name, subject)) for row in column.to_pylist()])
    return None


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _names(value: Any, name: str, subject: Subject) -> bool:  # noqa: ANN401  any value of a nested column
    if isinstance(value, str | bytes):
        return subject.is_named_in(value.encode() if isinstance(value, str) else value)
    if isinstance(value, dict):
        return any(_names(part, key, subject) for key, part in value.items())
    if isinstance(value, list | tuple):
        return any(_names(part, name, subject) for part in value)
    return name == MMSI and value == subject.mmsi
