"""One difference between a contract as the code has it and as it is in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from contracts.errors import ContractError

Weight = Literal["told", "needed", "refused"]


@dataclass(frozen=True, slots=True)
class Change:
    """A difference in words.

    Attributes:
        contract: Table or event: ``silver.positions``, ``ais.position.v1``.
        text: What changes, beginning with the column or field.
        weight: ``told`` changes nothing for who reads and writes; ``needed`` must be applied before a program of today
            writes; ``refused`` would lose or misread what is there.
        way_out: What to do instead, of a refused one.
        statements: What makes it: the part of an ``ALTER TABLE`` behind the table's name, one commit each.
        fill: A column, and in SQL what its rows without a value are given after the statements.
    """

    contract: str
    text: str
    weight: Weight
    way_out: str | None = None
    statements: tuple[str, ...] = ()
    fill: tuple[str, str] | None = None


def refuse(changes: Iterable[Change], what_for: str) -> None:
    """Stop at changes that no command makes.

    Raises:
        ContractError: There are any; the sentence names each, and what to do instead.
    """
    refused = [change for change in changes if change.weight == "refused"]
    if refused:
        told = "; ".join(f"{change.contract}: {change.text}" for change in refused)
        ways = " ".join(dict.fromkeys(f"{change.way_out}" for change in refused if change.way_out))
        raise ContractError(f"{what_for}: {told}. {ways}")
