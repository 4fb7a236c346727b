"""What a search for a vessel finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that names the vessel. ``where`` is a path or a topic; ``count`` are rows, records or occurrences."""

    kind: str
    where: str
    count: int
