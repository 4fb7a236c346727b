"""What a record on a dead letter topic carries: the raw bytes as its value, and the reason in its headers.

A producer refuses a line that never became a record, so it names the line. A consumer refuses a record, so it names
the record's place in Kafka and keeps its key and its own headers.
"""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

HEADER_REASON: Final = "reason"
HEADER_FORMAT: Final = "format"
HEADER_SIZE: Final = "raw-size-bytes"
HEADER_LINE_NUMBER: Final = "line-number"
HEADER_ERROR: Final = "error"
HEADER_ATTEMPTS: Final = "attempts"
HEADER_TOPIC: Final = "original-topic"
HEADER_PARTITION: Final = "original-partition"
HEADER_OFFSET: Final = "original-offset"
LARGEST_BYTES: Final = 900_000
"""A broker takes 1 MB by default; what is longer is cut and says its size."""

KINDS = {
    "less_than_equal": "out_of_range",
    "greater_than_equal": "out_of_range",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "extra_forbidden": "unknown_field",
    "union_tag_invalid": "wrong_event_type",
    "union_tag_not_found": "no_event_type",
    "json_invalid": "not_json",
}
"""Our words for what pydantic finds."""


def reason_of(error: ValidationError) -> str:
    """What a record broke first, short enough to count by: ``sog_kn:out_of_range``."""
    first = error.errors(include_url=False, include_input=False)[0]
    kind = KINDS.get(first["type"], first["type"])
    if first.get("ctx", {}).get("discriminator") == "'schema_version'":  # of an event that is read in several versions
        return "unknown_schema_version"
    where = [str(part) for part in first["loc"] if isinstance(part, str)]
    return f"{where[-1]}:{kind}" if where and not kind.startswith(("wrong_event", "no_event")) else kind
