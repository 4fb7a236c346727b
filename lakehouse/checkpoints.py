"""What a stream's checkpoint says: who it is, which batches it planned, which it holds as done. Spark is not asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyarrow import fs

from contracts.settings import Settings

SET_ASIDE = ".before-"
"""In the name of a checkpoint that was set aside: nobody goes on from it."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A stream's checkpoint.

    Attributes:
        checkpoint_id: Its identity; a new checkpoint has a new one.
        planned: Number of the last batch that was planned; null before the first.
        done: Number of the last batch that it holds as done; null before the first.
    """

    checkpoint_id: str
    planned: int | None
    done: int | None


def checkpoint(settings: Settings, stream: str) -> Checkpoint | None:
    """The stream's checkpoint; null where there is none."""
    root = f"{settings.checkpoints}/{stream}"
    text = _text(root, "metadata")
    if text is None:
        return None
    return Checkpoint(json.loads(text)["id"], _last_number(root, "offsets"), _last_number(root, "commits"))


def checkpointed(settings: Settings) -> list[str]:
    """Names of all streams that have a checkpoint below the lake's: the platform's and those of its users."""
    system, path = fs.FileSystem.from_uri(settings.checkpoints)
    found = system.get_file_info(fs.FileSelector(path, allow_not_found=True))
    return sorted(info.base_name for info in found if not info.is_file and SET_ASIDE not in info.base_name)


def delta_offsets(settings: Settings, stream: str, batch_id: int) -> list[dict[str, Any]]:
    """The end of a batch in each Delta table that the stream reads: the table's id, version, kind of read."""
    text = _text(f"{settings.checkpoints}/{stream}", f"offsets/{batch_id}") or ""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if "reservoirId" in line]


def last_json(root: str, name: str) -> dict[str, Any] | None:
    """The JSON object that a checkpoint file ends with; null where there is no such file."""
    text = _text(root, name)
    if text is None:
        return None
    found: dict[str, Any] = json.loads(text.rstrip()[text.rstrip().rfind("\n") + 1 :].removeprefix("v1"))
    return found


def read_offsets(settings: Settings, stream: str, batch_id: int) -> Mapping[str, Any] | None:
    """What the stream's source noted as the end of a batch; null where the checkpoint has it no more."""
    return last_json(f"{settings.checkpoints}/{stream}", f"offsets/{batch_id}")


def source_end(settings: Settings, stream: str, batch_id: int) -> str | None:
    """The same as text, for the ledger; a lost checkpoint is made anew from it."""
    offset = read_offsets(settings, stream, batch_id)
    return None if offset is None else json.dumps(offset, separators=(",", ":"))


def rebuild(settings: Settings, stream: str, checkpoint_id: str, ends: Mapping[int, str], done: int | None) -> None:
    """Write the checkpoint of a stream that keeps no state; there is none, or it was set aside.

    Args:
        settings: Where the lake is.
        stream: The stream.
        checkpoint_id: Who it is: with the same id it is the same writer to its tables.
        ends: Where the source ends, by batch: the last one that is done, and the one under way, if any.
        done: Number of the last batch that is done; null where none is.
    """
    system, path = fs.FileSystem.from_uri(f"{settings.checkpoints}/{stream}")
    draft = f"{path}.rebuilt"  # whole before it has its name: cut short here, the stream is found without a checkpoint
    if system.get_file_info(draft).type != fs.FileType.NotFound:
        system.delete_dir(draft)
    if done and max(ends) == done:  # Spark reads the rows of the last batch anew, for nothing: here it has none
        ends = {done - 1: ends[done], **ends}
    insisted_on = {"spark.sql.shuffle.partitions": str(settings.spark_shuffle_partitions)}
    head = json.dumps({"batchWatermarkMs": 0, "batchTimestampMs": 0, "conf": insisted_on})
    files = {"metadata": json.dumps({"id": checkpoint_id})}
    files |= {f"offsets/{batch_id}": f"v1\n{head}\n{end}" for batch_id, end in ends.items()}
    if done is not None:
        files[f"commits/{done}"] = f"v1\n{json.dumps({'nextBatchWatermarkMs': 0})}"
    for name, text in files.items():
        system.create_dir(f"{draft}/{name}".rpartition("/")[0])
        with system.open_output_stream(f"{draft}/{name}") as file:
            file.write(text.encode())
    system.move(draft, path)


def version_read(offset: Mapping[str, Any]) -> tuple[int, bool]:
    """The version of a Delta table that a source's noted end speaks of, and whether that was read only in part."""
    is_in_part = bool(offset["isStartingVersion"]) or int(offset["index"]) >= 0
    return int(offset["reservoirVersion"]) - (0 if is_in_part else 1), is_in_part


def set_aside(settings: Settings, stream: str, now: datetime) -> str | None:
    """Rename the stream's checkpoint, which is kept for inspection; its new place, null where there is none."""
    system, path = fs.FileSystem.from_uri(f"{settings.checkpoints}/{stream}")
    if system.get_file_info(path).type == fs.FileType.NotFound:
        return None
    kept = f"{path}{SET_ASIDE}{now:%Y%m%dT%H%M%S}"
    system.move(path, kept)
    return kept


def _text(root: str, name: str) -> str | None:
    system, path = fs.FileSystem.from_uri(f"{root}/{name}")
    if system.get_file_info(path).type != fs.FileType.File:
        return None
    with system.open_input_stream(path) as stream:
        text: str = stream.readall().decode()
    return text


def _last_number(root: str, folder: str) -> int | None:
    system, path = fs.FileSystem.from_uri(f"{root}/{folder}")
    files = system.get_file_info(fs.FileSelector(path, allow_not_found=True))
    numbers = [int(file.base_name) for file in files if file.base_name.isdigit()]
    return max(numbers, default=None)
