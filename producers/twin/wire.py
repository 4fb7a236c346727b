"""Events as lines in the order of publishing, packed with gzip. The same input makes the same bytes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from contracts.events import SCHEMA_VERSION, Event, event_id
from producers.twin.config import SOURCE

Instants = NDArray[np.int64]


def lines(rows: pl.DataFrame, event_type: str) -> list[str]:
    """One compact JSON event per row. Columns are fields of the event and hold no null.

    The lawfulness of these is held by tests: validating millions of rows one by one would cost minutes.
    """
    head = (pl.lit(event_type).alias("event_type"), pl.lit(SCHEMA_VERSION).alias("schema_version"))
    bodies = rows.select(pl.struct(*head, pl.lit(SOURCE).alias("source"), pl.all()).struct.json_encode()).to_series()
    keys = zip(rows["mmsi"].to_list(), rows["observed_at_ms"].to_list(), bodies.to_list(), strict=True)
    return [
        f'{{"event_id":"{event_id(event_type, mmsi, at_ms, body.encode())}",{body[1:]}' for mmsi, at_ms, body in keys
    ]


def event_ids(texts: Sequence[str]) -> pl.Series:
    """Ids of the events on lines that ``lines`` made."""
    return pl.Series("event_id", [text.split('"', 4)[3] for text in texts], pl.String)


def line(model: type[Event], event_type: str, mmsi: int, observed_at_ms: int, **values: Any) -> str:  # noqa: ANN401
    """One event through its contract, without its nulls."""
    payload = json.dumps(values, sort_keys=True).encode()
    event = model(
        event_id=event_id(event_type, mmsi, observed_at_ms, payload), event_type=event_type, source=SOURCE,
        mmsi=mmsi,
        observed_at_ms=observed_at_ms, **values,
    )  # fmt: skip
    return event.model_dump_json(exclude_none=True)


class Outbox:
    """A file of events. Lines wait here until nothing can come before them any more.

    The file gets its name when it is whole; until then it ends in ``.part``.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._part = path, path.with_name(f"{path.name}.part")
        self._file = self._part.open("wb")
        self._waiting: list[tuple[Instants, list[str]]] = []

    def add(self, publish_at_ms: Instants, lines_: Sequence[str]) -> None:
        """Hand over lines with the instants at which they are published."""
        self._waiting.append((np.asarray(publish_at_ms, dtype=np.int64), list(lines_)))

    def write_until(self, until_ms: int | None = None) -> None:
        """Write what is published before ``until_ms``, all when it is ``None``, as one gzip member."""
        times = np.concatenate([t for t, _ in self._waiting]) if self._waiting else np.array([], np.int64)
        texts = [text for _, part in self._waiting for text in part]
        order = np.argsort(times, kind="stable")
        ready = len(order) if until_ms is None else int(np.searchsorted(times[order], until_ms))
        later = order[ready:]
        self._waiting = [(times[later], [texts[i] for i in later])]
        if ready:
            data = "".join(f"{texts[i]}\n" for i in order[:ready]).encode()
            self._file.write(gzip.compress(data, 1, mtime=0))

    def close(self) -> None:
        """Write the rest and give the file its name."""
        self.write_until()
        self._file.close()
        self._part.replace(self._path)
