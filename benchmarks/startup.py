"""How long does it take to import tenfold, and until the command line answers?

    python benchmarks/startup.py [--runs 11]

Each is a process of its own; medians, next to Python itself and to importing torch, in turn.
"""

import argparse

from measuring import machine_name, median, process, save

TIMED = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=11)
    runs = parser.parse_args().runs
    rows: dict[str, list[float]] = {}
    for _ in range(runs):
        for name in ("tenfold", "torch"):
            rows.setdefault(f"import {name}", []).append(float(process(["-c", TIMED.format(name)])[1]))
        rows.setdefault("python, doing nothing", []).append(process(["-c", "pass"])[0])
        rows.setdefault("tenfold --version", []).append(process(["-m", "tenfold", "--version"])[0])
    summary = {"machine": machine_name(), "n": runs} | {name: median(seconds) for name, seconds in rows.items()}
    save("startup", summary, rows)
    for name, seconds in rows.items():
        print(f"{name:22} {median(seconds):.3f} s  (from {min(seconds):.3f} to {max(seconds):.3f}, n = {runs})")


if __name__ == "__main__":
    main()
