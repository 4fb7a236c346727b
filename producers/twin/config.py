"""What may be chosen about a twin, and what a run tells afterwards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from contracts.errors import ConfigurationError

SOURCE = "twin"
"""``source`` of every event and register row: generated, not observed."""

STEP_S = 300
"""Step of the simulated world. Reports are read off it, so voyages and fuel do not depend on the reporting
interval.
"""

_UNITS_S = {"s": 1, "sec": 1, "min": 60, "h": 3_600}


class FaultRates(BaseModel):
    """How much dirt is mixed in. Shares are of AIS position reports unless said otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gaps_per_ship_day: float = Field(0.05, ge=0, description="Silences of 1 to 18 hours, per ship and day.")
    duplicate: float = Field(0.002, ge=0, le=0.2, description="Sent again 1 to 30 minutes later; all four topics.")
    sog_sentinel: float = Field(0.002, ge=0, le=0.2, description="Speed 102.3: not available.")
    cog_sentinel: float = Field(0.005, ge=0, le=0.2, description="Course 360: not available.")
    heading_sentinel: float = Field(0.01, ge=0, le=0.2, description="Heading 511: not available.")
    position_sentinel: float = Field(0.0005, ge=0, le=0.2, description="Position 91, 181: not available.")
    overspeed: float = Field(0.0005, ge=0, le=0.2, description="Speed of 45 to 90 kn.")
    bad_mmsi: float = Field(0.0003, ge=0, le=0.2, description="Sender's number of no lawful class.")
    late: float = Field(0.001, ge=0, le=0.2, description="Published 36 to 120 hours after it was observed.")
    broken: float = Field(0.0001, ge=0, le=0.2, description="Extra lines that break the contract.")
    bad_imo: float = Field(0.01, ge=0, le=1, description="Share of static reports with a wrong check digit.")
    shared_mmsi: int = Field(1, ge=0, description="Ships beyond the fleet that send with another ship's MMSI.")


class TwinConfig(BaseModel):
    """One twin. The same values give the same bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ships: int = Field(30, ge=1, le=5_000)
    days: int = Field(60, ge=1, le=1_100)
    every_s: int | None = Field(300, ge=1, le=86_400, description="Seconds between reports; None: class A intervals.")
    start: dt.date = dt.date(2024, 1, 1)
    seed: int = Field(1, ge=0)
    telemetry_s: int = Field(3_600, ge=STEP_S, le=86_400, description="Seconds between engine readings.")
    days_between_failures: float = Field(75, gt=0, description="Mean days from a repair to the next failure.")
    delayed_share: float = Field(0.35, ge=0, le=1, description="Share of voyages that meet a cause of delay.")
    cancelled_share: float = Field(0.02, ge=0, le=0.5, description="Share of scheduled voyages called off.")
    faults: FaultRates = FaultRates()

    @field_validator("telemetry_s")
    @classmethod
    def _whole_steps(cls, seconds: int) -> int:
        if seconds % STEP_S:
            raise ValueError(f"must be a multiple of {STEP_S} seconds")
        return seconds

    @property
    def start_ms(self) -> int:
        """First instant, epoch milliseconds."""
        return int(dt.datetime.combine(self.start, dt.time(), dt.UTC).timestamp()) * 1_000

    @property
    def end_ms(self) -> int:
        """First instant after the twin, epoch milliseconds."""
        return self.start_ms + self.days * 86_400_000

    @property
    def steps(self) -> int:
        """Steps of the simulated world."""
        return self.days * 86_400 // STEP_S

    @classmethod
    def demo(cls) -> TwinConfig:
        """The demonstration's twin: 30 ships for 60 days, a report every five minutes."""
        return cls(ships=30, days=60, every_s=300, start=dt.date(2024, 1, 1), seed=20240101)

    @classmethod
    def checked(cls, **values: Any) -> TwinConfig:  # noqa: ANN401  whatever a command line gives
        """A twin from a person's values.

        Raises:
            ConfigurationError: A value is out of its range.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise ConfigurationError(f"{name}: {first['msg']}.") from error


def parse_every(text: str) -> int | None:
    """Seconds of ``5min``, ``30s`` or ``1h``; ``None`` for ``lawful``, the class A intervals.

    Raises:
        ConfigurationError: The text is neither.

    >>> parse_every("5min"), parse_every("lawful")
    (300, None)
    """
    if text == "lawful":
        return None
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text[len(number) :]
    if not number.isdigit() or unit not in _UNITS_S:
        raise ConfigurationError(f"--every {text}: write for example 30s, 5min or 1h, or lawful.")
    return int(number) * _UNITS_S[unit]


class TwinSummary(BaseModel):
    """What was written."""

    model_config = ConfigDict(frozen=True)

    folder: Path
    ships: int
    days: int
    seconds: float
    lines: dict[str, int]
    bytes: dict[str, int]
    truth: Mapping[str, Any]
