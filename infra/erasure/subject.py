"""Whose data are to be erased, and what counts as naming them. Pure.

One pattern serves Python, Arrow (RE2) and Spark (Java), so that what is erased is what the proof looks for.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from dataclasses import dataclass
from functools import cached_property

from contracts.errors import InputError

LEAST_MMSI, GREATEST_MMSI = 1_000_000, 999_999_999
"""Seven digits are a coast station's (two leading zeros); a shorter number names nobody, but stands in every text."""


@dataclass(frozen=True)
class Subject:
    """A vessel, by its MMSI."""

    mmsi: int

    def __post_init__(self) -> None:
        """Refuse a number that is no MMSI.

        Raises:
            InputError: It has fewer than seven or more than nine digits.
        """
        if not LEAST_MMSI <= self.mmsi <= GREATEST_MMSI:
            raise InputError("--mmsi must be an MMSI of 9 digits; leading zeros may be left away.")

    @property
    def pattern(self) -> str:
        """Matches text or bytes that name the vessel: as a number of its own, or in an armoured AIS sentence."""
        return f"{self._plain}|{self._exponent}|{self._armoured}"

    @property
    def _plain(self) -> str:
        """The number by itself: 366053209, 0366053209, 366053209.0."""
        return f"(^|[^0-9])0*{self.mmsi}([^0-9]|$)"

    @property
    def _exponent(self) -> str:
        """As JSON may also write it: 3.66053209e8."""
        digits = str(self.mmsi)
        return rf"{digits[0]}\.{digits[1:].rstrip('0')}0*[eE]\+?0*{len(digits) - 1}([^0-9]|$)"

    @property
    def _armoured(self) -> str:
        """The first fragment of an AIVDM sentence: bits 8 to 37 of the payload are the MMSI (ITU-R M.1371)."""
        bits = f"{self.mmsi:030b}"
        second = "".join(_armour(int(f"{repeat:02b}{bits[:4]}", 2)) for repeat in range(4))
        middle = "".join(f"[{_armour(int(bits[i : i + 6], 2))}]" for i in range(4, 28, 6))
        seventh = "".join(_armour(int(f"{bits[28:]}{rest:04b}", 2)) for rest in range(16))
        return f"VD[MO],[0-9],1,[0-9]*,[^,]*,[^,][{second}]{middle}[{seventh}]"

    @cached_property
    def _in_bytes(self) -> tuple[bytes, tuple[re.Pattern[bytes], ...]]:
        """The digits, which are looked for first since that is fast, and the patterns for the rest."""
        parts = (self._plain, self._exponent, self._armoured)
        return str(self.mmsi).encode(), tuple(re.compile(part.encode()) for part in parts)

    def is_named_in(self, content: bytes | None) -> bool:
        """Whether bytes name the vessel."""
        if content is None:
            return False
        digits, (plain, *others) = self._in_bytes
        return (digits in content and bool(plain.search(content))) or any(p.search(content) for p in others)

    def count_in(self, content: bytes) -> int:
        """How often bytes name the vessel, as text or as the eight bytes of a number in a Parquet file."""
        digits, (plain, *others) = self._in_bytes
        found = others if digits not in content else [plain, *others]
        return sum(len(p.findall(content)) for p in found) + content.count(struct.pack("<q", self.mmsi))

    def hashed(self, key: bytes) -> str:
        """What the audit log may hold. With a key: there are so few MMSIs that a plain hash is found by trying all."""
        return hmac.new(key, str(self.mmsi).encode(), hashlib.sha256).hexdigest()


def _armour(value: int) -> str:
    """Six bits as a character of an AIVDM payload (IEC 61162-1); none of them is special within brackets."""
    return chr(value + 48 if value < 40 else value + 56)
