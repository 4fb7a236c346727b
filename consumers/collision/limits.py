"""What is too close, and what is left alone. No rule of the road names a number: all are the operator's choice."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.errors import ConfigurationError
from contracts.settings import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings ``MARITIME_COLLISION_*``, where each is described.

    Attributes:
        warn_nm: Distance at the closest point that is worth a warning.
        danger_nm: Distance there that is critical.
        within_minutes: How far ahead the closest point may be.
        reach_nm: How far apart two vessels may be now.
        slow_kn: A pair of which neither is faster is left alone: ships shifting, waiting, fishing.
        harbour_nm: A vessel within so much of a port is left alone.
        silent_after_minutes: A vessel not heard for so long is not judged.
        together_nm: Two that stay so close, at one speed, are tug and tow or sail in company.
        together_kn: The difference of their velocities up to which it is one speed.
        together_minutes: For how long, before the pair is left alone until it parts.
        repeat_minutes: A pair is told again after so long, or when it becomes critical.
    """

    warn_nm: float
    danger_nm: float
    within_minutes: float
    reach_nm: float
    slow_kn: float
    harbour_nm: float
    silent_after_minutes: float
    together_nm: float
    together_kn: float
    together_minutes: float
    repeat_minutes: float


def limits_of(settings: Settings) -> Limits:
    """The limits that the settings name.

    Raises:
        ConfigurationError: What is critical is wider than what is warned of, or that is wider than the reach.
    """
    limits = Limits(**{name: getattr(settings, f"collision_{name}") for name in Limits.__slots__})
    if not limits.danger_nm <= limits.warn_nm <= limits.reach_nm:
        raise ConfigurationError(
            "MARITIME_COLLISION_DANGER_NM may not be above MARITIME_COLLISION_WARN_NM, nor that above "
            "MARITIME_COLLISION_REACH_NM: lower the one that is too large."
        )
    return limits
