"""The jars of Spark and of the embedded broker: named with checksums in ``jars.lock``, fetched once per user.

Fetching is done by the Ivy that PySpark ships, so Java alone is enough: no Maven.
"""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree  # nosec B405  # of our own Ivy settings

from contracts.errors import ConfigurationError, ContractError, UnavailableError
from contracts.settings import Settings
from infra.console import progress
from infra.prerequisites import find_java

LOCK = Path(__file__).with_name("jars.lock")
IVY_SETTINGS = Path(__file__).with_name("ivysettings.xml")


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """Its name in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def spark_jars(settings: Settings) -> list[Path]:
    """Delta Lake and the Kafka source for Spark; what is missing in the cache is fetched.

    Raises:
        ContractError: A jar is not the one that the lock names.
        UnavailableError: The jars could not be fetched.
    """
    return _cached(settings, locked("spark"))


def kafka_jars(settings: Settings) -> list[Path]:
    """The Kafka broker and all that it needs; otherwise as ``spark_jars``."""
    return _cached(settings, locked("kafka"))


def locked(wanted: str) -> list[Jar]:
    """The jars of one set, ``spark`` or ``kafka``, in the lock's order."""
    lines = (line.split() for line in LOCK.read_text().splitlines() if line and not line.startswith("#"))
    return [_jar(coordinates, sha256) for name, coordinates, sha256 in lines if name == wanted]


def _jar(coordinates: str, sha256: str) -> Jar:
    group, artifact, version = coordinates.split(":")
    return Jar(group, artifact, version, sha256)


def _cached(settings: Settings, jars: Sequence[Jar]) -> list[Path]:
    folder = settings.cache.expanduser().absolute() / "jars"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [jar for jar in jars if not (folder / jar.filename).exists()]
    if missing:
        _fetch(settings, missing, folder)
    for jar in jars:
        _verify(jar, folder / jar.filename)
    return [folder / jar.filename for jar in jars]


def _verify(jar: Jar, path: Path) -> None:
    """Refuse a jar that is not the locked one, and delete it so that the next run fetches it anew."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != jar.sha256:
        path.unlink()
        raise ContractError(
            f"{jar.filename} has the SHA-256 {found}, the lock says {jar.sha256}. It was deleted: run again "
            "to fetch it anew, and if that fails too, look into the repository or mirror that it comes from."
        )


def _fetch(settings: Settings, jars: Sequence[Jar], folder: Path) -> None:
    """Fetch into a folder beside the cache, verify, then move: a jar in the cache is always whole."""
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder.parent) as scratch:
        fetched = Path(scratch)
        output = _run_ivy(_ivy_command(settings, jars, fetched), len(jars))
        for jar in jars:
            path = fetched / jar.filename
            if not path.exists():
                raise UnavailableError(
                    f"{jar.filename} could not be fetched: {_reason(output)}. Check the network, or name "
                    "your mirror with MARITIME_IVY_SETTINGS."
                )
            _verify(jar, path)
            path.replace(folder / jar.filename)


def _ivy_command(settings: Settings, jars: Sequence[Jar], target: Path) -> list[str]:
    module = target / "ivy.xml"
    module.write_bytes(_ivy_module(jars))
    settings_file = (settings.ivy_settings or IVY_SETTINGS).expanduser()
    if not settings_file.is_file():
        raise ConfigurationError(f"MARITIME_IVY_SETTINGS names {settings_file}, which is not a file.")
    java = str(find_java(settings.java_home))
    options = {
        "-settings": settings_file,
        "-cache": target / "ivy",
        "-ivy": module,
        "-retrieve": target / "[artifact]-[revision].[ext]",
    }
    return [java, "-jar", str(_ivy_jar()), *(str(word) for option in options.items() for word in option)]


def _ivy_jar() -> Path:
    spec = importlib.util.find_spec("pyspark")
    found = sorted(Path(spec.origin).parent.glob("jars/ivy-*.jar")) if spec and spec.origin else []
    if not found:
        raise ConfigurationError("PySpark's own jars are missing; install pyspark (not pyspark-client) again.")
    return found[0]


def _ivy_module(jars: Sequence[Jar]) -> bytes:
    """The lock as Ivy's own input: exact versions, nothing that they ask for in turn."""
    module = ElementTree.Element("ivy-module", version="2.0")
    ElementTree.SubElement(module, "info", organisation="maritimeiq", module="jars")
    ElementTree.SubElement(ElementTree.SubElement(module, "configurations"), "conf", name="default")
    dependencies = ElementTree.SubElement(module, "dependencies")
    for jar in jars:
        coordinates = {"org": jar.group, "name": jar.artifact, "rev": jar.version}
        ElementTree.SubElement(dependencies, "dependency", coordinates, transitive="false", conf="default->default")
    return ElementTree.tostring(module)


def _run_ivy(command: Sequence[str], count: int) -> list[str]:
    """Run Ivy and move a progress bar with each jar that arrives; its output, a line each."""
    output = []
    with progress() as bar:
        task = bar.add_task("Fetching jars", total=count)
        for line in _lines_of(command):
            output.append(line.strip())
            bar.advance(task, "[SUCCESSFUL ]" in line)
    return output


def _lines_of(command: Sequence[str]) -> Iterator[str]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        yield from process.stdout


def _reason(output: Sequence[str]) -> str:
    told = [line for line in output if "exception" in line.lower() or "not found" in line.lower()]
    return (told or list(output) or ["Ivy said nothing"])[0].rstrip(".")
