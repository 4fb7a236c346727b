"""Reading an alert from a record; what cannot be read is poison, and says why."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict, ValidationError

from contracts.dead_letters import reason_of
from contracts.events import Alert


class ReadAlert(Alert):
    """An alert as a reader takes it: a field that a newer producer has added is no reason to refuse it."""

    model_config = ConfigDict(extra="ignore")


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that no retry can help."""

    reason: str


def read_alert(value: bytes | None) -> ReadAlert | Poison:
    """The alert in a record's value, or why there is none."""
    if not value:
        return Poison("empty")
    try:
        return ReadAlert.model_validate_json(value)
    except ValidationError as error:
        return Poison(reason_of(error))
