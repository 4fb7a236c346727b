"""What a collision watch has done so far: kept in a small file in the home, for ``maritime status``."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from contracts.settings import Settings

LOCK = "watch.collisions"
"""Name of the lock that a watch holds in its home."""
SILENT_AFTER_SECONDS = 90.0
"""A watch tells of itself every 5 s, but not while it waits for a broker that is away."""


class Account(BaseModel):
    """Of one process, from its start. No vessel is named.

    Attributes:
        name: Host and process.
        seen_at: When it last wrote.
        has_left: It ended in order.
        refilled: Records that only filled the picture, since they were judged before.
        read: Records that were to be judged.
        positions: Of these, the position reports; each was judged.
        others: Other events of the topic, such as static reports.
        unreadable: Records that no position could be read from; Silver keeps them in quarantine.
        told: Alerts that the broker has acknowledged, by severity.
        vessels: Vessels in the picture now.
        event_at: The picture's time, which is event time.
        behind_seconds: How old the newest record was, by Kafka's time, when its alerts were out.
    """

    name: str
    seen_at: datetime
    has_left: bool = False
    refilled: int = 0
    read: int = 0
    positions: int = 0
    others: int = 0
    unreadable: int = 0
    told: Counter[str] = Field(default_factory=Counter)
    vessels: int = 0
    event_at: datetime | None = None
    behind_seconds: float | None = None

    @property
    def identity_holds(self) -> bool:
        """``read = positions + others + unreadable``."""
        return self.read == self.positions + self.others + self.unreadable

    @property
    def condition(self) -> str:
        """Whether it runs: ``running``, ``ended`` in order, or ``silent`` (killed, or cut off)."""
        if self.has_left:
            return "ended"
        is_silent = (datetime.now(UTC) - self.seen_at).total_seconds() > SILENT_AFTER_SECONDS
        return "silent" if is_silent else "running"

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return self.model_dump(mode="json") | {"condition": self.condition, "identity_holds": self.identity_holds}


def account_file(settings: Settings) -> Path:
    """Where the account is."""
    return settings.home.absolute() / "watch" / "collisions.json"


def save(file: Path, account: Account) -> None:
    """Write it; a crash leaves the old one or the new one, never half of one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".tmp")
    fresh.write_text(account.model_dump_json(indent=1))
    fresh.replace(file)


def load(file: Path) -> Account | None:
    """The last account; none where nobody has watched from this home."""
    try:
        return Account.model_validate_json(file.read_text())
    except (FileNotFoundError, ValidationError):
        return None
