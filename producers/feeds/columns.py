"""Kinds of CSV columns. Each reads a text in two ways: as a Polars expression, and exactly, one text at a
time.

The expression may give null where it is not sure; the row then takes the exact way, which has the last word.
So the expression must never give a value where the exact way would give another, and a test lets both
compete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import polars as pl


class Kind(Protocol):
    """How the text of a column is read."""

    def fast(self, text: pl.Expr) -> pl.Expr:
        """Value of stripped text; null where the text is blank or not understood."""
        ...

    def exact(self, text: str) -> object:
        """Value of stripped text that is not blank; null where the text means "unknown".

        Raises:
            ValueError: The text is not of this kind.
        """
        ...


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number, also written as ``5.0``. Values above ``known_up_to`` belong to another code list:
    unknown.
    """

    prefix: str = ""
    known_up_to: int | None = None

    def fast(self, text: pl.Expr) -> pl.Expr:
        """See ``Kind``."""
        number = text.str.strip_prefix(self.prefix).cast(pl.Int64, strict=False)
        return number if self.known_up_to is None else pl.when(number <= self.known_up_to).then(number)

    def exact(self, text: str) -> int | None:
        """See ``Kind``."""
        number = Real().exact(text.removeprefix(self.prefix))
        if not number.is_integer():
            raise ValueError(f"{text} is not a whole number")
        return int(number) if self.known_up_to is None or number <= self.known_up_to else None


@dataclass(frozen=True, slots=True)
class Real:
    """A decimal number."""

    def fast(self, text: pl.Expr) -> pl.Expr:
        """See ``Kind``."""
        return text.cast(pl.Float64, strict=False)

    def exact(self, text: str) -> float:
        """See ``Kind``."""
        if not text.isascii() or "_" in text:  # Python reads 1_0 and other alphabets' digits as numbers
            raise ValueError(f"{text} is not a number")
        number = float(text)
        if number in (float("inf"), float("-inf")) or number != number:
            raise ValueError(f"{text} is not a number")
        return number


@dataclass(frozen=True, slots=True)
class Text:
    """Text as it stands."""

    def fast(self, text: pl.Expr) -> pl.Expr:
        """See ``Kind``."""
        return text

    def exact(self, text: str) -> str:
        """See ``Kind``."""
        return text


@dataclass(frozen=True, slots=True)
class Words:
    """Words of a list, each with its code. A word that is not on the list is unknown."""

    codes: Mapping[str, int | str]

    def fast(self, text: pl.Expr) -> pl.Expr:
        """See ``Kind``."""
        return text.replace_strict(list(self.codes), list(self.codes.values()), default=None)

    def exact(self, text: str) -> int | str | None:
        """See ``Kind``."""
        return self.codes.get(text)


_INSTANT = "^([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}/[0-9]{2}/[0-9]{4}) [0-9]{2}:[0-9]{2}:[0-5][0-9]$"
"""Polars would also take a sign before the year, and a leap second, which a datetime cannot hold."""


@dataclass(frozen=True, slots=True)
class Time:
    """An instant in UTC, to the second, as epoch milliseconds; ``T`` and a blank both stand between day and
    time.
    """

    format: str

    def fast(self, text: pl.Expr) -> pl.Expr:
        """See ``Kind``."""
        plain = text.str.replace("T", " ", literal=True)
        instant = plain.str.to_datetime(self.format, time_unit="ms", strict=False).cast(pl.Int64)
        return pl.when(plain.str.contains(_INSTANT)).then(instant)

    def exact(self, text: str) -> int:
        """See ``Kind``."""
        instant = datetime.strptime(text.replace("T", " ", 1), self.format).replace(tzinfo=UTC)
        return int(instant.timestamp()) * 1000
