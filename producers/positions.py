"""How far a feed was delivered: one small file per feed, from which ``--resume`` goes on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from contracts.errors import InputError


@dataclass(frozen=True, slots=True)
class Position:
    """Every line of ``paths[index]`` up to ``line``, and all paths before it, is acknowledged by the
    broker.
    """

    format: str
    topic: str
    paths: tuple[str, ...]
    index: int = 0
    line: int = 0

    @property
    def path(self) -> str:
        """The input that was being read."""
        return self.paths[self.index]


def position_file(home: Path, position: Position) -> Path:
    """Where the position of this feed is kept."""
    feed = json.dumps([position.format, position.topic, position.paths])
    return home / "positions" / f"{hashlib.sha256(feed.encode()).hexdigest()[:16]}.json"


def save(file: Path, position: Position) -> None:
    """Write the position; a crash leaves the old one or the new one, never half of one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".tmp")
    fresh.write_text(json.dumps({**asdict(position), "path": position.path}, indent=1))
    fresh.replace(file)


def load(file: Path, position: Position) -> Position:
    """The position kept for this feed.

    Raises:
        InputError: None is kept: the feed was never started from here.
    """
    if not file.exists():
        raise InputError(f"Nothing to resume: no position is kept for {', '.join(position.paths)} ({file}).")
    kept = json.loads(file.read_text())
    return Position(position.format, position.topic, position.paths, kept["index"], kept["line"])
