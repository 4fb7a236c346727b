"""Where the proof works: a home of its own with a broker on a free port, and processes that know no other place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr

from contracts.settings import PREFIX, Settings
from infra.broker import free_port
from infra.class_archive import QUICK_START

GOLD_TRIGGER_SECONDS = 2.0
FOREIGN = ("SPARK_REMOTE", "PYSPARK_GATEWAY_PORT")
"""Other names of our settings: unset for every process."""


def own_settings(given: Settings, home: Path) -> Settings:
    """The user's settings in a home of the proof's own: nothing of the user's broker or lake can be reached.

    Gold runs often, so that it too is killed in the middle of a batch.
    """
    return given.model_copy(
        update={
            "home": home,
            "lake_root": str(home / "lake"),
            "kafka_servers": f"127.0.0.1:{free_port()}",
            "kafka_replication": 1,
            "kafka_username": None,
            "kafka_password": None,  # nosec B105
            "spark_remote": None,
            "spark_gateway_port": None,
            "gold_trigger_seconds": GOLD_TRIGGER_SECONDS,
            "spark_java_options": QUICK_START,
        }
    )


def command(settings: Settings, *arguments: str) -> list[str]:
    """Command line of ``maritime`` with ``arguments`` and with exactly these settings; to be run in their home."""
    return module(settings, "maritime", *arguments)


def module(settings: Settings, name: str, *arguments: str) -> list[str]:
    """The same for any module of ours that is a program."""
    return ["env", *_environment(settings), sys.executable, "-m", name, *arguments]


def _environment(settings: Settings) -> Iterator[str]:
    """What ``env`` is told: a setting that is unset must be unset, whatever the user's environment holds.

    A secret is unset too: nothing here needs one, and a command line can be seen by others.
    """
    values = {name: value for name, value in settings if value is not None and not isinstance(value, SecretStr)}
    unset = [PREFIX + name.upper() for name, _ in settings if name not in values]
    for name in (*FOREIGN, *unset):
        yield f"--unset={name}"
    for name, value in values.items():
        absolute = value.expanduser().absolute() if isinstance(value, Path) else value
        yield f"{PREFIX}{name.upper()}={absolute}"
    # Of Spark itself: driver and executors meet on this machine, whatever its network is called, and run this Python.
    yield "SPARK_LOCAL_IP=127.0.0.1"
    yield f"PYSPARK_PYTHON={sys.executable}"
