"""What computes batch reports: Spark, or Sail, one process without Java that speaks Spark Connect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import deltalake
import pyarrow as pa
from pyspark.sql import SparkSession

from contracts.errors import ConfigurationError, InputError
from contracts.settings import Settings, quieten_sail
from lakehouse.sail_store import SailStore
from lakehouse.session import spark_session
from lakehouse.store import CLUSTERING, Store
from lakehouse.transforms import rolling, rolling_arrow
from lakehouse.transforms.rolling import WithSums

Engine = Literal["spark", "sail"]
MISSING = "--engine sail wants Sail, which is not installed: pip install 'maritimeiq[sail]'."


def open_store(settings: Settings, app: str, places: Mapping[str, str], engine: Engine) -> Store:
    """The lake by an engine.

    Args:
        settings: Where the lake is.
        app: Name shown by Spark.
        places: Tables that are elsewhere, by name.
        engine: Spark or Sail.

    Raises:
        ConfigurationError: Sail is not installed.
    """
    if engine == "sail":
        return SailStore(sail_session(), settings.lake, places)
    return Store(spark_session(settings, app), settings.lake, places)


def check_output(engine: Engine, path: str) -> None:
    """See that the engine can write to a table.

    Raises:
        InputError: It is clustered, which Sail leaves alone.
    """
    if engine == "spark" or not deltalake.DeltaTable.is_deltatable(path):
        return
    if CLUSTERING in (deltalake.DeltaTable(path).protocol().writer_features or []):
        raise InputError(
            f"Sail writes to no clustered table, and {path} is one: name a new --output, or leave --engine sail out."
        )


def sail_session() -> SparkSession:
    """A session of a Sail that lives as long as this process; it listens on this machine alone.

    Raises:
        ConfigurationError: Sail is not installed.
    """
    quieten_sail()
    pa.set_memory_pool(pa.system_memory_pool())  # with its own, ten million days took a twentieth longer
    try:
        from pysail.spark import SparkConnectServer
    except ModuleNotFoundError as error:
        raise ConfigurationError(MISSING) from error
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    host, port = server.listening_address
    _KEPT.append(server)
    session = SparkSession.builder.remote(f"sc://{host}:{port}").getOrCreate()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    return session


def sums_by(store: Store) -> WithSums:
    """The way to rolling sums that suits the engine of a store; the results are the same."""
    return rolling_arrow.with_sums if isinstance(store, SailStore) else rolling.with_sums


_KEPT: list[Any] = []
"""Servers end when nobody holds them."""
