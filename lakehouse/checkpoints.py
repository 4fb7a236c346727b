"""What a stream's checkpoint says: who it is, which batches it planned, which it holds as done. Spark is not asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyarrow import fs

from contracts.settings import Settings


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


def set_aside(settings: Settings, stream: str, now: datetime) -> str | None:
    """Rename the stream's checkpoint, which is kept for inspection; its new place, null where there is none."""
    system, path = fs.FileSystem.from_uri(f"{settings.checkpoints}/{stream}")
    if system.get_file_info(path).type == fs.FileType.NotFound:
        return None
    kept = f"{path}.before-{now:%Y%m%dT%H%M%S}"
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
