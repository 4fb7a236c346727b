"""The ports of the World Port Index that the platform carries."""

from __future__ import annotations

import pytest

from contracts.errors import InputError
from contracts.ports import port, ports, world_port_index


def test_the_index_has_every_port_once_by_number_also_those_without_a_locode() -> None:
    index = world_port_index()

    assert len({each.wpi_number for each in index}) == len(index) == 3_766
    assert sum(not each.locode for each in index) == 430
    assert max(abs(each.lat_deg) for each in index) < 80


def test_the_largest_harbour_stands_for_a_locode_that_several_share() -> None:
    sizes = ["", "Very Small", "Small", "Medium", "Large"]
    shared = [each for each in world_port_index() if each.locode]

    assert len(shared) > len(ports())
    assert [e for e in shared if sizes.index(e.harbor_size) > sizes.index(ports()[e.locode].harbor_size)] == []


def test_an_unknown_locode_is_told() -> None:
    with pytest.raises(InputError, match="XXXXX"):
        port("XXXXX")
