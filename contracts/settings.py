"""Everything an operator may set. Read once, at a program's edge, and handed inwards.

``MARITIME_<NAME>`` in the environment or in a ``.env`` file; an unknown name is refused. ``docs/settings.md`` is
generated from this file and a test compares the two.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.errors import ConfigurationError
from contracts.topics import ContractMode, Topic

PREFIX = "MARITIME_"


class Settings(BaseSettings):
    """All settings with their defaults, which suit one small machine."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", frozen=True, extra="forbid", populate_by_name=True
    )

    home: Path = Field(Path("var"), description="Folder for the broker's data, the lake, checkpoints and reports.")
    lake_root: str | None = Field(None, description="Folder or URI of the Delta tables; unset: `lake` in the home.")
    cache: Path = Field(Path("~/.cache/maritimeiq"), description="Where downloaded jars are kept, once per user.")
    ivy_settings: Path | None = Field(None, description="An ivysettings.xml that names your own mirror for the jars.")
    java_home: Path | None = Field(
        None,
        validation_alias=AliasChoices("MARITIME_JAVA_HOME", "JAVA_HOME"),
        description="Folder of Java 17, 21 or 25; unset: `java` on the path.",
    )

    kafka_servers: str = Field("127.0.0.1:9092", description="host:port list; the embedded broker takes the first.")
    kafka_replication: int = Field(1, ge=1, description="Copies of each topic; 3 with three brokers.")
    kafka_compression: Literal["snappy", "lz4", "zstd", "none"] = Field("snappy", description="Producer compression.")
    kafka_username: str | None = Field(None, description="SASL user; unset means no authentication.")
    kafka_password: SecretStr | None = Field(None, description="SASL password.")
    kafka_ca_file: Path | None = Field(
        None, description="PEM file of the authority that signed the brokers' certificates; unset: the system's own."
    )
    broker_heap_mb: int = Field(512, ge=256, description="Heap of the embedded broker.")
    broker_java_options: str = Field("", description="Further options of the embedded broker's JVM.")
    broker_away_seconds: float = Field(60, gt=0, description="How long a producer waits for a broker that is away.")

    spark_master: str = Field("local[2]", description="Spark master, unless spark-submit or Spark Connect sets it.")
    spark_remote: str | None = Field(
        None,
        validation_alias=AliasChoices("MARITIME_SPARK_REMOTE", "SPARK_REMOTE"),
        description="Spark Connect address (sc://host:port); batch jobs then run there.",
    )
    spark_gateway_port: int | None = Field(
        None,
        validation_alias=AliasChoices("MARITIME_SPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_PORT"),
        description="Set by spark-submit itself; its master, memory and jars then win over ours.",
    )
    spark_driver_memory: str = Field("3g", description="Heap of an in-process Spark driver.")
    spark_java_options: str = Field(
        "", description="Further options of that JVM; -XX:TieredStopAtLevel=1 suits short work on little data."
    )
    stream_threads: int = Field(
        4,
        ge=1,
        description="Task threads of streams on a local master: more than cores, for tasks wait for the broker.",
    )
    spark_shuffle_partitions: int = Field(2, ge=1, description="Tasks per shuffle; near the core count.")
    spark_ui: bool = Field(False, description="Serve Spark's own web page on port 4040.")

    batch_max_records: int = Field(400_000, ge=1, description="Most records that a bronze micro-batch takes.")
    batch_max_bytes: str = Field("32m", description="Most bytes of Delta files that a silver or gold batch takes.")
    trigger_seconds: float = Field(0.5, ge=0, description="Pause between bronze and silver micro-batches.")
    gold_trigger_seconds: float = Field(30, ge=0, description="Pause between gold micro-batches.")
    late_after_hours: float = Field(24, gt=0, description="How far behind its feed an event may be and still count.")
    sog_limit_kn: float = Field(40, gt=0, description="Fastest speed over ground of a lawful position.")
    jump_limit_kn: float = Field(60, gt=0, description="A leg implying a higher speed adds no distance.")
    crash_at: str | None = Field(
        None, description="For `maritime verify delivery` only: the place in a batch at which a stream kills itself."
    )

    contract_ais: ContractMode = Field(
        "evolve", description="What AIS events may bring that is new; docs/contracts.md."
    )
    contract_sensors: ContractMode = Field("evolve", description="The same for sensor readings.")
    contract_alerts: ContractMode = Field("evolve", description="The same for alerts.")
    contract_voyage_events: ContractMode = Field("evolve", description="The same for voyage events.")

    upkeep_minutes: float = Field(5, ge=0, description="How often running streams look after their tables; 0: never.")
    upkeep_file_mb: int = Field(128, ge=1, description="Size to which small files are merged; small is under half.")
    upkeep_small_files: int = Field(50, ge=2, description="Files of a table that are worth merging, or worth deleting.")
    upkeep_pin_days: int = Field(90, ge=0, description="How long the table versions of a recorded run stay readable.")
    upkeep_log_versions: int = Field(
        500, ge=100, description="Newest versions of a table that are all kept; of older ones, one an hour."
    )

    webhook_url: SecretStr | None = Field(None, description="Where alerts are posted; never shown.")
    webhook_secret: SecretStr | None = Field(None, description="Sent to the webhook as `Authorization: Bearer`.")
    webhook_allow_private: bool = Field(False, description="Let the webhook lead to a private or loopback address.")
    webhook_ca_file: Path | None = Field(
        None, description="Certificates to trust for the webhook; unset: the system's."
    )
    webhook_timeout_seconds: float = Field(10, gt=0, le=60, description="How long the webhook may take to answer.")
    dispatch_attempts: int = Field(5, ge=1, description="Attempts after which an alert becomes a dead letter.")
    dispatch_backoff_seconds: float = Field(0.5, gt=0, description="Longest wait after one failure; then doubled.")
    dispatch_hold_hours: float = Field(24, gt=0, description="How long an alert waits for a sink that is away.")
    dispatch_breaker_failures: int = Field(3, ge=1, description="Failures in a row that open the circuit breaker.")
    dispatch_breaker_pause_seconds: float = Field(30, gt=0, description="Pause of an open breaker before it probes.")

    collision_warn_nm: float = Field(1.0, gt=0, description="Two ships that will pass closer than this are warned of.")
    collision_danger_nm: float = Field(0.5, gt=0, description="Closer than this is critical; at most the warning's.")
    collision_within_minutes: float = Field(30, gt=0, description="How far ahead the closest point may lie.")
    collision_reach_nm: float = Field(10, gt=0, le=60, description="How far apart two ships may be now.")
    collision_slow_kn: float = Field(3, ge=0, description="A pair of which neither is as fast is left alone.")
    collision_harbour_nm: float = Field(3, ge=0, le=60, description="Ships so near a port are left alone; 0: none is.")
    collision_together_nm: float = Field(0.5, ge=0, description="Two that stay so close at one speed are in company.")
    collision_together_kn: float = Field(1, ge=0, description="Difference of velocities up to which it is one speed.")
    collision_together_minutes: float = Field(10, ge=0, description="For how long, before they are left alone.")
    collision_silent_after_minutes: float = Field(
        10, gt=0, description="A ship not heard for so long is not judged; a restart reads back as far."
    )
    collision_repeat_minutes: float = Field(30, gt=0, description="A pair is told again after so long.")

    eu_lng_engine: Literal["otto_medium_speed", "otto_slow_speed", "diesel_slow_speed", "lean_burn"] | None = Field(
        None, description="Engine in which LNG is burnt, which decides its methane slip; unset: no figure for LNG."
    )

    quality_after_jobs: bool = Field(True, description="Check what a batch job wrote, and take it back on a `stop`.")
    quality_sample_rows: int = Field(100_000, ge=1, description="Most rows of a Silver table that a check looks at.")

    fuel_error_reported_pct: float = Field(
        5,
        ge=0,
        le=100,
        description="How far a ship's own fuel figures may be off, at 90 % confidence. 5 is what CE Delft found of "
        "bunker delivery notes (Economic impacts of MRV of fuel and emissions in maritime transport); flow meters may "
        "be below 0.5.",
    )
    fuel_error_modelled_pct: float = Field(
        15, ge=0, le=100, description="The same of fuel modelled from a known engine; an assumption, not measured."
    )
    fuel_error_modelled_low_pct: float = Field(
        30, ge=0, le=100, description="The same of modelled fuel of low quality; an assumption, not measured."
    )

    heartbeat_seconds: float = Field(5, gt=0, description="How often a live producer writes down how its feed is.")
    feed_silent_seconds: float = Field(60, gt=0, description="A connected feed without a line for so long is silent.")
    station_silent_seconds: float = Field(
        600,
        gt=0,
        description="Without a ship for so long there is none; without a base station too, a station is dead.",
    )
    lag_limit_seconds: float = Field(120, gt=0, description="Records waiting for longer mean that a stream is behind.")
    stall_limit_seconds: float = Field(300, gt=0, description="And no batch for so long, that it is stalled.")
    stale_limit_seconds: float = Field(3_600, gt=0, description="Batches for so long without a new row: a stale table.")

    openlineage_url: str | None = Field(
        None, description="Where OpenLineage events are posted, as http://marquez:5000/api/v1/lineage; unset: nowhere."
    )
    openlineage_api_key: SecretStr | None = Field(None, description="Sent to it as `Authorization: Bearer`.")
    openlineage_namespace: str = Field("maritimeiq", description="Namespace of our jobs in these events.")

    mlflow_uri: str | None = Field(None, description="MLflow tracking server; unset: SQLite in the home.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("WARNING", description="Log level of our own code.")

    @property
    def lake(self) -> str:
        """Root of the Delta tables: a folder or a URI, without a trailing slash."""
        return (self.lake_root or str(self.home.absolute() / "lake")).rstrip("/")

    @property
    def fuel_error_pct(self) -> tuple[float, float, float]:
        """How far fuel may be off: reported, modelled, modelled of low quality."""
        return self.fuel_error_reported_pct, self.fuel_error_modelled_pct, self.fuel_error_modelled_low_pct

    @property
    def checkpoints(self) -> str:
        """Root of the streams' checkpoints; beside the tables, so that both move together."""
        return f"{self.lake}/_checkpoints"

    def contract_mode(self, topic: Topic) -> ContractMode:
        """What the topic's contract does with what it does not know."""
        mode: ContractMode = getattr(self, f"contract_{topic.short}")
        return mode

    @property
    def reports(self) -> Path:
        """Folder of the HTML and CSV reports."""
        return self.home / "reports"

    @property
    def broker_home(self) -> Path:
        """Folder of the embedded broker: log segments, configuration, its own log."""
        return self.home.absolute() / "broker"

    @property
    def security_home(self) -> Path:
        """Folder of the embedded broker's certificates and users; it is secured when this is there."""
        return self.home.absolute() / "security"

    @property
    def audit_home(self) -> Path:
        """Folder of the audit log."""
        return self.home.absolute() / "audit"

    @property
    def mlflow_store(self) -> str:
        """Tracking URI that MLflow is given."""
        return self.mlflow_uri or f"sqlite:///{self.home.absolute()}/mlflow/mlflow.db"


def load_settings() -> Settings:
    """Read the environment and ``.env``.

    Raises:
        ConfigurationError: A value is unlawful, or a ``MARITIME_`` name is unknown (the nearest known one is named).
    """
    _refuse_unknown_names()
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigurationError(f"{name}: {first['msg']}. See docs/settings.md.") from error


def _refuse_unknown_names() -> None:
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    for name in os.environ:
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ConfigurationError(f"{name} is not a setting.{hint} See docs/settings.md.")


def forbid_telemetry() -> None:
    """Keep libraries from reporting their use over the network; to be called before they are imported."""
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


def quieten_sail() -> None:
    """Let Sail's own log tell of errors alone, unless somebody wants more; to be called before it is imported."""
    os.environ.setdefault("RUST_LOG", "error")
