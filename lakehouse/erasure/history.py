"""Takes what was erased out of a table's history: its old files, and what the log tells of them.

The versions of the log stay, since streams count on them. Of a file that is gone the log keeps only path and row count:
smallest and largest values name a vessel and its people. And the commit of an erasure says that no data changed, as a
merge of files does: streams that have read the rows go on, where a deletion would stop them. To be called while nobody
writes the table.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

import deltalake
from pyarrow import fs

from infra.erasure.subject import Subject
from lakehouse.erasure.account import is_erasure
from lakehouse.erasure.scan import hits_in
from lakehouse.upkeep import log

ERASED = "erased"
ROW_COUNT = "numRecords"


def delete_files(path: str, names: Sequence[str]) -> None:
    """Delete these files, each with the check sum that Hadoop keeps beside it."""
    system, root = fs.FileSystem.from_uri(path)
    for name in names:
        _delete(system, f"{root}/{name}")


def clean_log(path: str, subject: Subject, checkpoint: Callable[[], None]) -> int:
    """Take out of the log what it tells of files that are gone.

    A new checkpoint is written first, and every older one deleted: cut short anywhere, a second run does the rest.

    Args:
        path: The table.
        subject: The vessel.
        checkpoint: Writes a checkpoint of the table's newest version.

    Returns:
        How many files of the log were written anew.
    """
    system, root = fs.FileSystem.from_uri(path)
    stored = log.stored_bytes(path).keys()
    telling = dict(_telling(system, root, stored, subject))
    if telling or _others_tell(system, root, subject):
        checkpoint()
        _delete_older(system, root, deltalake.DeltaTable(path).version())
    for name, lines in telling.items():
        _replace(system, name, lines)
    return len(telling)


def _telling(system: fs.FileSystem, root: str, stored: Container[str], subject: Subject) -> Iterator[tuple[str, bytes]]:
    """Commits that tell of files that are gone, or name the vessel; with what they are to hold."""
    for info in system.get_file_info(fs.FileSelector(f"{root}/{log.LOG}")):
        if info.base_name.endswith(".json") and info.base_name.split(".")[0].isdigit():
            with system.open_input_stream(info.path) as file:
                before = file.read()
            lines = [line for line in before.splitlines() if line]
            of_erasure = is_erasure(map(json.loads, lines))
            after = b"".join(cleaned(line, stored, subject, of_erasure=of_erasure) + b"\n" for line in lines)
            if after != (before if before.endswith(b"\n") else before + b"\n"):
                yield info.path, after


def cleaned(line: bytes, stored: Container[str], subject: Subject, *, of_erasure: bool = False) -> bytes:
    """One action of a commit as it may stay; byte for byte the same where there is nothing to change. Pure."""
    action = json.loads(line)
    for kind in ("add", "remove"):
        if kind in action:
            told = action[kind]
            after = told if unquote(told["path"]) in stored else _bare(told)
            after |= {"dataChange": False} if of_erasure else {}
            return line if after == json.loads(line)[kind] else _json({kind: after})
    if "commitInfo" in action and subject.is_named_in(line):
        return _json({"commitInfo": _without(action["commitInfo"], subject)})
    return line


def _bare(told: dict[str, Any]) -> dict[str, Any]:
    """What may stay of a file that is gone."""
    rows = json.loads(told.get("stats") or "{}").get(ROW_COUNT)
    count = {"stats": json.dumps({ROW_COUNT: rows}, separators=(",", ":"))} if rows is not None else {}
    return {name: value for name, value in told.items() if name not in ("stats", "tags")} | count


def _without(value: Any, subject: Subject) -> Any:  # noqa: ANN401  any JSON
    """The same with each text that names the vessel taken out."""
    if isinstance(value, dict):
        return {key: _without(part, subject) for key, part in value.items()}
    if isinstance(value, list):
        return [_without(part, subject) for part in value]
    return ERASED if subject.is_named_in(str(value).encode()) else value


def _json(action: dict[str, Any]) -> bytes:
    return json.dumps(action, separators=(",", ":"), ensure_ascii=False).encode()


def _others_tell(system: fs.FileSystem, root: str, subject: Subject) -> bool:
    """Whether a checkpoint or a check sum of the log names the vessel."""
    found = system.get_file_info(fs.FileSelector(f"{root}/{log.LOG}", recursive=True))
    others = (info.path for info in found if info.type == fs.FileType.File and not info.path.endswith(".json"))
    return any(hits_in(system, name, subject) for name in others)


def _delete_older(system: fs.FileSystem, root: str, newest: int) -> None:
    """Delete checkpoints of earlier versions, and Delta's check sums, which name files; commits stay."""
    for info in system.get_file_info(fs.FileSelector(f"{root}/{log.LOG}")):
        number, _, rest = info.base_name.partition(".")
        is_old = rest.startswith("checkpoint") and number.isdigit() and int(number) < newest
        if is_old or (rest == "crc" and number.isdigit()):
            _delete(system, info.path)


def _replace(system: fs.FileSystem, name: str, content: bytes) -> None:
    """Write a file anew in one step; a commit keeps its time, by which Delta knows when it was made."""
    written_at = system.get_file_info(name).mtime_ns
    path = PurePosixPath(name)
    fresh = str(path.with_name(f".{path.name}.{ERASED}"))
    with system.open_output_stream(fresh) as file:
        file.write(content)
    _delete(system, _check_sum(name))  # else Hadoop would refuse the new content
    system.move(fresh, name)
    if isinstance(system, fs.LocalFileSystem) and written_at is not None:
        os.utime(name, ns=(written_at, written_at))


def _delete(system: fs.FileSystem, name: str) -> None:
    for each in (name, _check_sum(name)):
        if system.get_file_info(each).type == fs.FileType.File:
            system.delete_file(each)


def _check_sum(name: str) -> str:
    path = PurePosixPath(name)
    return str(path.with_name(f".{path.name}.crc"))
