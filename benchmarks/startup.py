"""How long does it take to import tenfold, and until the command line answers?

    python benchmarks/startup.py [--runs 11]

Each is a process of its own; medians, next to Python itself and to importing torch, in turn.
"""

from measuring import arguments, machine_name, measured, median, process, save

TIMED = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=11)
    runs = parser.parse_args().runs
    rows: dict[str, list[float]] = {}
    for _ in range(runs):
        for name in ("tenfold", "torch"):
            rows.setdefault(f"import {name}", []).append(float(process(["-c", TIMED.format(name)])[1]))
        rows.setdefault("python, doing nothing", []).append(process(["-c", "pass"])[0])
        rows.setdefault("tenfold --version", []).append(process(["-m", "tenfold", "--version"])[0])
    summary = {"machine": machine_name(), "n": runs} | {name: median(times) for name, times in rows.items()}
    save("startup", summary, rows)
    for name, times in rows.items():
        print(f"{name:22} {median(times):.3f} s  (from {min(times):.3f} to {max(times):.3f}, n = {runs})")


def tables() -> dict[str, str]:
    s, _, by = measured("startup")
    text = (
        f"`import tenfold` takes {s['import tenfold'] * 1000:.0f} ms, where `import torch` takes "
        f"{s['import torch']:.1f} s; `tenfold --version` answers after {s['tenfold --version']:.2f} s, Python itself "
        f"after {s['python, doing nothing']:.2f} s (medians of {s['n']}). {by}"
    )
    return {"startup": text}


if __name__ == "__main__":
    main()
