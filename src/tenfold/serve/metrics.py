"""What the service counts, for Prometheus."""

import os
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

TYPE = "text/plain; version=0.0.4; charset=utf-8"
FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where several workers leave their counts, to be added up
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counts of one worker, or the means to add up those of several."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        if FOLDER not in os.environ:
            ProcessCollector(registry=self._registry)
        counter = partial(Counter, registry=self._registry)
        self.requests: Counter = counter("tenfold_requests", "Requests answered.", ("method", "path", "status"))
        self.seconds: Histogram = Histogram(
            "tenfold_request_seconds", "Time to answer.", ("path",), buckets=_SECONDS, registry=self._registry
        )
        about = "Requests with a body under way."
        self.running: Gauge = Gauge(
            "tenfold_requests_running", about, registry=self._registry, multiprocess_mode="livesum"
        )
        self.refused: Counter = counter("tenfold_requests_refused", "Requests refused as the queue is full.")
        self.pictures: Counter = counter("tenfold_pictures", "Pictures, by whether they could be read.", ("read",))
        self.digits: Counter = counter("tenfold_digits", "Digits read, by whether they are sure.", ("sure",))
        self.corrections: Counter = counter("tenfold_corrections", "Digits put right.", ("label",))

    def text(self) -> bytes:
        """All counts in Prometheus's text format, those of the other workers added."""
        registry = self._registry
        if FOLDER in os.environ:
            for file in Path(os.environ[FOLDER]).glob("gauge_live*_*.db"):  # a worker that was killed left its own
                if not _runs(int(file.stem.rpartition("_")[2])):
                    file.unlink(missing_ok=True)
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    return True
