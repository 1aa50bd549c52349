"""The counts, for Prometheus."""

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Client
from tenfold.serve import metrics
from tenfold.serve.metrics import Metrics


def test_counts(client: Client, number: bytes) -> None:
    start = client()
    start.post("/v1/read", content=number)
    start.post("/v1/read", content=b"none")
    text = start.get("/metrics").text
    assert 'tenfold_requests_total{method="POST",path="/v1/read",status="200"} 1.0' in text
    assert 'tenfold_requests_total{method="POST",path="/v1/read",status="415"} 1.0' in text
    assert 'tenfold_digits_total{sure="yes"} 4.0' in text
    assert 'tenfold_pictures_total{read="no"} 1.0' in text
    assert "tenfold_requests_running 0.0" in text
    start.get("/some/path/that/is/made/up")
    assert "made" not in start.get("/metrics").text


def test_a_dead_worker_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    monkeypatch.setenv(metrics.FOLDER, str(tmp_path))
    for process in (done.pid, 1):
        (tmp_path / f"gauge_livesum_{process}.db").write_bytes(bytes(8))
    assert Metrics().text() == b""
    assert [path.name for path in tmp_path.glob("gauge_livesum_*.db")] == ["gauge_livesum_1.db"]
