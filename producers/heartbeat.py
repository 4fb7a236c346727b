"""What a live producer writes down of its feed every few seconds, so that a silence can be explained."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from contracts.topics import Topic
from lakehouse.feed_state import FeedState, StationState, feeds_folder, save
from producers.feeds.base import Batch
from producers.lines import Block

BASE_STATION_REPORT = 4
"""AIS message type of a base station: it comes every few seconds, also where no ship is."""
MOST_STATIONS = 200
"""Receivers whose silence is told one by one; the others are part of the feed."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Heartbeat:
    """The state of one live feed in its file: written every few seconds, and taken away at an orderly end."""

    def __init__(
        self,
        home: Path,
        source: str,
        topic: Topic,
        locations: tuple[str, ...],
        every_seconds: float,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._now, self._every = now, timedelta(seconds=every_seconds)
        name = f"{source}@{','.join(locations)}"
        process = psutil.Process()
        self._file = feeds_folder(home) / f"{re.sub(r'[^A-Za-z0-9.-]+', '_', name)}.json"
        self.state = FeedState(
            name=name, source=source, topic=topic.name, location=", ".join(locations), host=socket.gethostname(),
            pid=os.getpid(), process_started_at=process.create_time(), started_at=now(), beat_at=now(),
        )  # fmt: skip
        self._write()

    def connected(self, is_connected: bool) -> None:
        """The connection stands now, or does not any more."""
        if is_connected:
            self.state.connected_since, self.state.lost_at = self._now(), None
        elif self.state.lost_at is None:  # further attempts do not make the loss any younger
            self.state.connected_since, self.state.lost_at = None, self._now()
        self._write()

    def listen(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """The same blocks; their lines are counted, and time passes with the empty ones."""
        for block in blocks:
            if block.lines:
                self.state.frames += len(block.lines)
                self.state.last_frame_at = self._now()
            self.beat()
            yield block

    def heard(self, batch: Batch) -> None:
        """Note what was understood of the lines."""
        self.state.refused += len(batch.rejections)
        for value in batch.values:
            event = json.loads(value)
            self._note(event.get("station"), event.get("message_type") == BASE_STATION_REPORT)

    def beat(self) -> None:
        """Write the state down when it is time."""
        if self._now() - self.state.beat_at >= self._every:
            self._write()

    def end(self, because: str | None = None) -> None:
        """Take the file away, or leave in it why the feed ended against its will."""
        if because is None:
            self._file.unlink(missing_ok=True)
            return
        self.state.ended_because = because
        self._write()

    def _note(self, station: str | None, is_base_station: bool) -> None:
        at = self._now()
        heard: list[StationState] = [self.state]
        if station and (station in self.state.stations or len(self.state.stations) < MOST_STATIONS):
            heard.append(self.state.stations.setdefault(station, StationState()))
        for state in heard:
            if is_base_station:
                state.last_base_station_at = at
            else:
                state.last_report_at = at
        if is_base_station:
            self.state.base_station_reports += 1
        else:
            self.state.reports += 1

    def _write(self) -> None:
        self.state.beat_at = self._now()
        save(self._file, self.state)
