"""Putting AIS messages of several sentences together, per station, channel and sequence, with a time-out."""

from __future__ import annotations

from dataclasses import dataclass

TIME_OUT_MS = 10_000
TIME_OUT_LINES = 2_000  # for feeds that tell no time


@dataclass(frozen=True, slots=True)
class Fragment:
    """One sentence of a message; ``at_ms`` is when it was heard, where known."""

    line_number: int
    raw: bytes
    payload: str
    fill_bits: int
    number: int
    total: int
    at_ms: int | None
    station: str | None


Key = tuple[str, ...]


class Assembler:
    """Keeps fragments until their message is complete or too old."""

    def __init__(self) -> None:
        self._pending: dict[Key, list[Fragment]] = {}

    def add(self, key: Key, fragment: Fragment) -> tuple[list[Fragment] | None, list[Fragment]]:
        """Give the complete message, if this fragment makes it so, and the orphans that it leaves behind.

        A fragment that follows none or does not come next belongs to another message: sequence numbers are
        few and used again and again.
        """
        waiting = self._pending.pop(key, [])
        orphans: list[Fragment] = []
        if waiting and fragment.number in {f.number for f in waiting}:
            waiting, orphans = [], waiting
        waiting = sorted([*waiting, fragment], key=lambda f: f.number)
        if len(waiting) == fragment.total:
            return waiting, orphans
        self._pending[key] = waiting
        return None, orphans

    def expire(self, line_number: int, now_ms: int | None) -> list[Fragment]:
        """Take out what has waited too long."""
        old: list[Fragment] = []
        for key, waiting in list(self._pending.items()):
            since = waiting[0]
            if line_number - since.line_number > TIME_OUT_LINES or _is_over(since.at_ms, now_ms):
                old += self._pending.pop(key)
        return old

    def rest(self) -> list[Fragment]:
        """Take out everything, at the end of the feed."""
        rest = [fragment for waiting in self._pending.values() for fragment in waiting]
        self._pending.clear()
        return rest

    def __len__(self) -> int:
        """Messages that wait for fragments."""
        return len(self._pending)


def _is_over(since_ms: int | None, now_ms: int | None) -> bool:
    return since_ms is not None and now_ms is not None and now_ms - since_ms > TIME_OUT_MS
