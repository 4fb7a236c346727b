"""Class archives: the classes of Spark and Kafka parsed and checked beforehand, so that a JVM maps them from a file.

Java calls it class data sharing. An archive fits one Java and one set of jars at one place; Java compares that by
itself and goes on without an archive that does not fit, so a wrong one costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from contracts.errors import ConfigurationError
from contracts.settings import Settings
from infra.jars import LOCK
from infra.prerequisites import java_program

Program = Literal["spark", "kafka"]
SILENT = "-Xlog:cds*=off"
"""Java would write on standard output, among our JSON, that an archive does not fit."""
CODE_CACHE = "-XX:ReservedCodeCacheSize=240m"
"""Java's own size with both compilers. With the first alone it takes 48 MB, which six streams fill within two minutes:
compiling stops, and a thread that needs a method handle then dies of an error that no job answers for."""
QUICK_START = f"-XX:TieredStopAtLevel=1 {CODE_CACHE}"
"""For a JVM that lives for less time than Java's second compiler needs to pay off."""
KEPT = 6
"""Archives of both programs for three installations."""


def java_options(settings: Settings, program: Program) -> list[str]:
    """What the program's JVM is told so that it uses its archive; nothing where none was made."""
    found = place(settings, program)
    return [f"-XX:SharedArchiveFile={found}", SILENT] if found.exists() else []


def place(settings: Settings, program: Program) -> Path:
    """Where the archive of this Java and these jars is kept.

    Raises:
        ConfigurationError: There is no Java.
    """
    java = java_program(settings.java_home).resolve()
    pyspark = importlib.util.find_spec("pyspark")
    facts = (java, java.stat().st_mtime_ns, LOCK.read_text(), pyspark and pyspark.origin)
    key = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    return settings.cache.expanduser().absolute() / "classes" / f"{program}-{key}.jsa"


@contextmanager
def written(settings: Settings, program: Program) -> Iterator[str]:
    """Make the archive: a JVM with the yielded option writes it when it ends. It is used once it is whole.

    Raises:
        ConfigurationError: The cache cannot be written.
    """
    final = place(settings, program)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        final.unlink(missing_ok=True)  # a JVM that uses an archive cannot write one
    except OSError as error:
        raise ConfigurationError(f"{final.parent} cannot be written: {error.strerror}.") from error
    unfinished = final.with_suffix(f".{os.getpid()}")
    try:
        yield f'"-XX:ArchiveClassesAtExit={unfinished}" {SILENT}'
        if unfinished.exists():
            unfinished.replace(final)
    finally:
        unfinished.unlink(missing_ok=True)
    _forget_old(final.parent)


def _forget_old(folder: Path) -> None:
    by_age = sorted(folder.glob("*.jsa"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[KEPT:]:
        path.unlink(missing_ok=True)
