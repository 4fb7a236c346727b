"""Tells of a stream's batches as OpenLineage runs: START, then COMPLETE, ABORT or FAIL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from contracts.settings import Settings
from lakehouse.flows import Batch, Watch
from lakehouse.ledger import Entry
from lakehouse.lineage.emitter import Emitter
from lakehouse.lineage.events import State, batch_run_id, completed, failure, run_event, started, stream_job


def watching(settings: Settings, emitter: Emitter) -> Watch:
    """What tells the emitter of each batch."""

    @contextmanager
    def watch(batch: Batch) -> Iterator[Callable[[Entry], None]]:
        emitter.emit(started(settings, batch.flow, batch.app_id, batch.batch_id, batch.started_at))
        try:
            yield lambda entry: emitter.emit(completed(settings, entry))
        except InterruptedError:  # the stream is to stop, and the batch has written nothing
            _broke_off(batch, "ABORT")
            raise
        except Exception as error:
            _broke_off(batch, "FAIL", error)
            raise

    def _broke_off(batch: Batch, state: State, error: Exception | None = None) -> None:
        job, run_id = stream_job(settings, batch.flow), batch_run_id(batch.app_id, batch.batch_id)
        facets = failure(error) if error else {}
        emitter.emit(run_event(job, run_id, state, datetime.now(UTC), run_facets=facets))

    return watch
