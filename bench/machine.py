"""The machine that a figure was measured on: ``python -m bench.machine``."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from contracts.settings import load_settings
from infra.console import print_facts
from infra.prerequisites import find_java

PACKAGES = ("pyspark", "delta-spark", "confluent-kafka", "deltalake", "duckdb", "pyarrow")


def machine() -> dict[str, object]:
    """Cores, memory, processor, versions, and how busy it is with other work."""
    return {
        "processor": _processor(),
        "cores": psutil.cpu_count(),
        "memory, GiB": round(psutil.virtual_memory().total / 2**30),
        "system": platform.platform(),
        "Python": platform.python_version(),
        "Java": _java(),
        **{name: version(name) for name in PACKAGES},
        "load average now": psutil.getloadavg()[0],
    }


def _processor() -> str:
    """The model by name, which only Linux tells in a file."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _java() -> str:
    java = find_java(load_settings().java_home)
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr
    return told.splitlines()[0]


if __name__ == "__main__":
    print_facts(machine())
