"""What every benchmark needs: a description of the machine, summaries, and a place for the raw rows."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """The processor, its cores, and the versions that matter."""
    import torch

    import tenfold

    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    if torch.cuda.is_available():
        name += f" with {torch.cuda.get_device_name()}"
    return {
        "processor": name,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "tenfold": tenfold.__version__,
    }


def machine_name() -> str:
    """The machine in a few words."""
    about = machine()
    return f"{about['cores']} cores of {about['processor']}"


def mean(values: Sequence[float]) -> float:
    return statistics.fmean(values)


def deviation(values: Sequence[float]) -> float:
    """The sample standard deviation; 0 for a single value."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def save(name: str, summary: Any, rows: Any) -> None:
    """Write results/NAME.json: when, where, the summary, and every raw row."""
    RESULTS.mkdir(exist_ok=True)
    content = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "summary": summary, "rows": rows}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def process(command: Sequence[str]) -> tuple[float, str]:
    """Seconds that a whole Python process takes from start to end, and what it printed."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return seconds, done.stdout
