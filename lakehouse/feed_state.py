"""How a live feed is, as its producer writes it down while it runs: one small file per feed.

A producer that ends in order takes its file away; one that was killed leaves it, and that is how it is missed.
"""

from __future__ import annotations

import socket
from datetime import datetime
from pathlib import Path

import psutil
from pydantic import BaseModel, Field, ValidationError

CLOCKS_AGREE_SECONDS = 2.0


class StationState(BaseModel):
    """When a receiver last heard a ship, and when a base station, which reports even where no ship is."""

    last_report_at: datetime | None = None
    last_base_station_at: datetime | None = None


class FeedState(StationState):
    """A live feed. A frame is any line that came; a report is a record of ours that is no base station's."""

    name: str
    source: str
    topic: str
    location: str
    host: str
    pid: int
    process_started_at: float
    started_at: datetime
    beat_at: datetime
    connected_since: datetime | None = None
    lost_at: datetime | None = None
    last_frame_at: datetime | None = None
    frames: int = 0
    reports: int = 0
    base_station_reports: int = 0
    refused: int = 0
    stations: dict[str, StationState] = Field(default_factory=dict)
    ended_because: str | None = None


def feeds_folder(home: Path) -> Path:
    """Where the files are."""
    return home / "feeds"


def save(file: Path, state: FeedState) -> None:
    """Write the state; a crash leaves the old one or the new one, never half of one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".tmp")
    fresh.write_text(state.model_dump_json(indent=1))
    fresh.replace(file)


def load_all(home: Path) -> list[FeedState]:
    """The state of every live feed, by name. A file that is no state of a feed is not one of ours."""
    states = []
    for file in sorted(feeds_folder(home).glob("*.json")):
        try:
            states.append(FeedState.model_validate_json(file.read_text()))
        except (ValidationError, FileNotFoundError):  # its producer may end just now
            continue
    return states


def is_running(state: FeedState) -> bool | None:
    """Whether the producer's process lives; null when it runs on another machine."""
    if state.host != socket.gethostname():
        return None
    try:
        started_at = psutil.Process(state.pid).create_time()
    except psutil.NoSuchProcess:
        return False
    # A number is used again: another process with it has another start.
    return abs(started_at - state.process_started_at) <= CLOCKS_AGREE_SECONDS
