"""What AIS numbers mean. Facts of ITU-R M.1371 and M.585, without any engine."""

from __future__ import annotations

NAV_STATUS_NAMES = (
    "under way using engine", "at anchor", "not under command", "restricted manoeuvrability",
    "constrained by draught", "moored", "aground", "engaged in fishing", "under way sailing", "reserved (HSC)",
    "reserved (WIG)", "towing astern", "pushing ahead or towing alongside", "reserved", "AIS-SART active", "undefined",
)  # fmt: skip
"""By code 0 to 15 (ITU-R M.1371, position report)."""

IMO_WEIGHTS = (7, 6, 5, 4, 3, 2)
"""The first six digits of an IMO number by these weights; the sum's last digit is the seventh."""

MMSI_CLASSES: tuple[tuple[str, int, int], ...] = (
    ("ship", 201_000_000, 775_999_999),
    ("sar_aircraft", 111_000_000, 111_999_999),
    ("aton", 990_000_000, 999_999_998),
    ("craft_of_parent_ship", 980_000_000, 989_999_999),
    ("sart", 970_000_000, 970_999_999),
    ("man_overboard", 972_000_000, 972_999_999),
    ("epirb", 974_000_000, 974_999_999),
    ("handheld", 800_000_000, 899_999_999),
    ("coast", 2_010_000, 7_759_999),
    ("group", 20_100_000, 77_599_999),
)
"""Kind of station by its MMSI, first and last number (ITU-R M.585: ``MIDxxxxxx``, ``111MIDxxx``, ``00MIDxxxx``, ...
with the leading zeros gone and MID from 201 to 775); in none of them means ``invalid``."""


def is_imo_valid(imo_number: int) -> bool:
    """Whether the number is in range and its check digit agrees. A weak check: one in ten random numbers passes.

    >>> is_imo_valid(9074729), is_imo_valid(8814274)
    (True, False)
    """
    if not 1_000_000 <= imo_number <= 9_999_999:
        return False
    digits = [int(digit) for digit in str(imo_number)]
    return sum(d * w for d, w in zip(digits, IMO_WEIGHTS, strict=False)) % 10 == digits[6]
