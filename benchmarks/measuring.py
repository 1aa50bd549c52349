"""What the benchmarks share: options, the machine, processes, means, results with every raw row, and tables."""

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from tenfold.mnist.digits import Digits

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
Row = dict[str, Any]
mean, median = statistics.fmean, statistics.median


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the script's docstring as it stands."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def machine() -> Row:
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


def validation_digits() -> Digits:
    """The last 10,000 of MNIST's training digits, which no recipe learns from unless it is final."""
    from tenfold.mnist import embedded

    digits = embedded.read("train")
    return Digits(digits.images[50_000:], digits.labels[50_000:])


def deviation(values: Sequence[float]) -> float:
    """The sample standard deviation; 0 for a single value."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def process(command: Sequence[str], cwd: Path | None = None, environment: Row | None = None) -> tuple[float, str]:
    """Seconds that a whole Python process takes from start to end, and what it printed; modules compiled, as by pip."""
    environment = {**os.environ, **(environment or {})}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return took, done.stdout


def new_processes(work: Callable[[Any], Any], jobs: Iterable[Any], at_once: int = 1) -> Iterator[Any]:
    """The result of each job in order, from a new process each; several at once share the cores."""
    if at_once > 1:
        os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // at_once))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(at_once, mp_context=spawn, max_tasks_per_child=1) as pool:
        yield from pool.map(work, jobs)


def load(name: str) -> Row:
    """results/NAME.json."""
    content: Row = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return content


def earlier_rows(name: str) -> Any:
    """The rows of results/NAME.json; None if there are none yet."""
    return load(name)["rows"] if (RESULTS / f"{name}.json").is_file() else None


def save(name: str, summary: Any, rows: Any) -> None:
    """Write results/NAME.json: when, where, the summary, and every raw row."""
    write(name, {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "summary": summary, "rows": rows})


def write(name: str, content: Any) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def table(head: str, rows: Iterable[str]) -> str:
    """A table in Markdown, of lines whose cells are divided by " | "."""
    return "\n".join(f"| {line} |" for line in (head, " | ".join(["---"] * len(head.split("|"))), *rows))


def spread(summary: Row, places: int = 2) -> str:
    """The standard deviation of a summary's accuracies or errors, where there are several."""
    return f" ± {summary['deviation']:.{places}%}" if summary["n"] > 1 else ""


def measured(name: str, script: str = "") -> tuple[Row, Any, str]:
    """Summary and rows of results/NAME.json, and the line below a table of them: machine, date, rows and script."""
    results, script = load(name), script or name
    m = results["machine"]
    by = (
        f"<sub>{m['cores']} cores of {m['processor']}, torch {m['torch']}, {results['date']}; "
        f"[every row](../benchmarks/results/{name}.json) by [{script}.py](../benchmarks/{script}.py)</sub>"
    )
    return results["summary"], results["rows"], by
