"""Streams share a machine's cores as they should: more tasks than cores, and those to Silver before Gold."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from consumers.bronze import BRONZE_FLOWS
from contracts.settings import Settings
from lakehouse.gold import GOLD_FLOWS
from lakehouse.runner import own_master
from lakehouse.session import POOLS
from lakehouse.silver import SILVER_FLOWS


def test_streams_on_a_local_master_have_task_threads_of_their_own(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, spark_master="local[2]", stream_threads=6)

    assert own_master(settings) == {"spark__master": "local[6]"}


@pytest.mark.parametrize("changes", [{"spark_master": "spark://host:7077"}, {"spark_gateway_port": 25333}])
def test_a_cluster_and_spark_submit_keep_their_master(tmp_path: Path, changes: dict[str, object]) -> None:
    assert own_master(Settings(home=tmp_path).model_copy(update=changes)) == {}


def test_every_pool_with_a_weight_is_a_stream_on_the_way_to_silver() -> None:
    pools = {pool.attrib["name"] for pool in ElementTree.parse(POOLS).getroot()}

    assert pools <= {flow.name for flow in (*BRONZE_FLOWS, *SILVER_FLOWS)}
    assert not pools & {flow.name for flow in GOLD_FLOWS}
