"""Files of the home beside lake and broker: reports, pages, what dispatch has written."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from infra.erasure.hits import Hit
from infra.erasure.subject import Subject

FILE = "file"
JOURNAL = "journal.db"
LINES = ".jsonl"
PACKED = ".parquet"


def named_files(home: Path, subject: Subject, beside: Collection[Path]) -> list[Hit]:
    """Files below the home that name the vessel, as text or in a row of Parquet; folders of ``beside`` are left out."""
    hits = []
    for path in sorted(home.rglob("*")):
        if path.is_file() and not any(path.is_relative_to(folder) for folder in beside):
            try:
                count = subject.count_in(_content(path))
            except FileNotFoundError:  # deleted while we look
                continue
            if count:
                hits.append(Hit(FILE, str(path), count))
    return hits


def _content(path: Path) -> bytes:
    """A file's bytes, or the rows of a Parquet file as text: what is packed there names nobody as bytes."""
    if path.suffix != PACKED:
        return path.read_bytes()
    try:
        with pq.ParquetFile(path) as file:
            return "\n".join(str(row) for batch in file.iter_batches() for row in batch.to_pylist()).encode()
    except pa.ArrowInvalid:  # only named like one
        return path.read_bytes()


def erase_in_files(hits: Collection[Hit], subject: Subject, made_anew: Collection[Path]) -> list[str]:
    """Erase the vessel from files that we know how to: lines of a log, rows of the journal, and whole reports.

    Args:
        hits: What ``named_files`` has found.
        subject: The vessel.
        made_anew: Folders whose files are made anew by their commands, and are deleted.

    Returns:
        What was changed or deleted; of the rest the search says that it is still there.
    """
    done = []
    for path in (Path(hit.where) for hit in hits):
        if any(path.is_relative_to(folder) for folder in made_anew):
            path.unlink()
        elif path.suffix == LINES:
            _without_lines(path, subject)
        elif path.name.startswith(JOURNAL):
            _without_rows(path.with_name(JOURNAL), subject)
        else:
            continue
        done.append(str(path))
    return done


def _without_lines(path: Path, subject: Subject) -> None:
    fresh = path.with_name(f"{path.name}.new")
    with path.open("rb") as before, fresh.open("wb") as after:
        after.writelines(line for line in before if not subject.is_named_in(line))
    fresh.replace(path)


def _without_rows(path: Path, subject: Subject) -> None:
    """Effects that dispatch has noted by event id, which names the vessel; the file is written anew without them."""
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:
        ids = [row[0] for row in database.execute("SELECT event_id FROM done")]
        named = [(event_id,) for event_id in ids if subject.is_named_in(event_id.encode())]
        database.executemany("DELETE FROM done WHERE event_id = ?", named)
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
