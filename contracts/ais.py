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

MMSI_PATTERNS: tuple[tuple[str, str], ...] = (
    ("ship", r"^[2-7]\d{8}$"),
    ("sar_aircraft", r"^111\d{6}$"),
    ("aton", r"^99\d{7}$"),
    ("craft_of_parent_ship", r"^98\d{7}$"),
    ("sart_mob_epirb", r"^97[024]\d{6}$"),
    ("handheld", r"^8\d{8}$"),
    ("coast", r"^00[2-7]\d{6}$"),
    ("group", r"^0[2-7]\d{7}$"),
)
"""Kind of station by the MMSI written with nine digits (ITU-R M.585); first match wins, none means ``invalid``."""


def is_imo_valid(imo_number: int) -> bool:
    """Whether the number is in range and its check digit agrees. A weak check: one in ten random numbers passes.

    >>> is_imo_valid(9074729), is_imo_valid(8814274)
    (True, False)
    """
    if not 1_000_000 <= imo_number <= 9_999_999:
        return False
    digits = [int(digit) for digit in str(imo_number)]
    return sum(d * w for d, w in zip(digits, IMO_WEIGHTS, strict=False)) % 10 == digits[6]
