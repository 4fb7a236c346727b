"""Jars: the lock decides what is used, the cache saves fetching, and a wrong jar is never used."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from contracts.errors import ConfigurationError, ContractError, UnavailableError
from contracts.settings import Settings
from infra import jars
from infra.jars import Jar, locked


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings whose cache holds the one jar of the lock; Java is out of reach, so nothing is fetched."""
    jar = Jar("org.example", "tool", "1.0", hashlib.sha256(b"the right bytes").hexdigest())
    lock = tmp_path / "jars.lock"
    lock.write_text(f"# a remark\n\nspark {jar.group}:{jar.artifact}:{jar.version} {jar.sha256}\n")
    monkeypatch.setattr(jars, "LOCK", lock)
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / jar.filename).write_bytes(b"the right bytes")
    return Settings(cache=tmp_path, java_home=tmp_path / "no-java-here")


def test_a_jar_in_the_cache_is_not_fetched_again(cached: Settings) -> None:
    assert jars.spark_jars(cached) == [cached.cache / "jars" / "tool-1.0.jar"]


def test_a_jar_with_another_checksum_is_refused_and_deleted(cached: Settings) -> None:
    path = cached.cache / "jars" / "tool-1.0.jar"
    path.write_bytes(b"other bytes")

    with pytest.raises(ContractError, match=r"tool-1\.0\.jar has the SHA-256 .* run again to fetch it anew"):
        jars.spark_jars(cached)

    assert not path.exists()


def test_a_missing_jar_needs_java_and_says_how_to_get_it(cached: Settings) -> None:
    (cached.cache / "jars" / "tool-1.0.jar").unlink()

    with pytest.raises(ConfigurationError, match="Install Java 17, 21, or 25"):
        jars.spark_jars(cached)


@pytest.fixture
def from_mirror(cached: Settings, tmp_path: Path) -> Settings:
    """The same with an empty cache, Java, and a mirror: a folder laid out as Maven does."""
    (cached.cache / "jars" / "tool-1.0.jar").unlink()
    place = tmp_path / "mirror"
    jar = place / "org/example/tool/1.0/tool-1.0.jar"
    jar.parent.mkdir(parents=True)
    jar.write_bytes(b"the right bytes")
    mirror = tmp_path / "mirror.xml"
    mirror.write_text(f"""<ivysettings><settings defaultResolver="mine"/>
        <property name="ivy.checksums" value=""/>
        <resolvers><ibiblio name="mine" root="{place.as_uri()}" m2compatible="true" usepoms="false"
            useMavenMetadata="false"/></resolvers></ivysettings>""")
    return cached.model_copy(update={"java_home": None, "ivy_settings": mirror})


def test_a_missing_jar_is_fetched_from_the_users_mirror_and_kept(from_mirror: Settings) -> None:
    found = jars.spark_jars(from_mirror)

    assert [path.read_bytes() for path in found] == [b"the right bytes"]
    without_java = from_mirror.model_copy(update={"java_home": Path("/nowhere")})
    assert jars.spark_jars(without_java) == found


def test_a_fetched_jar_with_another_checksum_never_reaches_the_cache(from_mirror: Settings) -> None:
    (from_mirror.cache / "mirror/org/example/tool/1.0/tool-1.0.jar").write_bytes(b"other bytes")

    with pytest.raises(ContractError, match="SHA-256"):
        jars.spark_jars(from_mirror)

    assert list((from_mirror.cache / "jars").iterdir()) == []


def test_a_jar_that_the_mirror_does_not_have_is_named(from_mirror: Settings) -> None:
    (from_mirror.cache / "mirror/org/example/tool/1.0/tool-1.0.jar").unlink()

    with pytest.raises(UnavailableError, match=r"tool-1\.0\.jar could not be fetched"):
        jars.spark_jars(from_mirror)


def test_the_lock_names_every_jar_once_with_a_checksum() -> None:
    for group in ("spark", "kafka"):
        names = [jar.filename for jar in locked(group)]
        assert len(names) == len(set(names)) > 10
        assert all(len(jar.sha256) == 64 for jar in locked(group))
