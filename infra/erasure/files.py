"""Files of the home beside lake and broker: reports, pages, what dispatch has written."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from infra.erasure.hits import Hit
from infra.erasure.subject import Subject

FILE = "file"
JOURNAL = "journal.db"
LINES = ".jsonl"


def named_files(home: Path, subject: Subject, beside: Collection[Path]) -> list[Hit]:
    """Files below the home that name the vessel, as text; folders of ``beside`` are left out."""
    hits = []
    for path in sorted(home.rglob("*")):
        if path.is_file() and not any(path.is_relative_to(folder) for folder in beside):
            try:
                count = subject.count_in(path.read_bytes())
            except FileNotFoundError:  # deleted while we look
                continue
            if count:
                hits.append(Hit(FILE, str(path), count))
    return hits


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
