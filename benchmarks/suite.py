"""How long do the tests take, what do they cover, and do they pass in any order?

    python benchmarks/suite.py [quick] [all] [random] [--orders 1 2 3 4 5]

`quick` times `make test` and `all` times `make test-all`, with its branch coverage, both after the environment is
there; `random` runs the quick tests in random orders, each of a seed. results/suite.json keeps what was measured
earlier of the others.
"""

import os
import re
import subprocess
import sys
import time

from measuring import RESULTS, ROOT, Row, arguments, load, machine, write


def run(command: list[str]) -> Row:
    """Seconds, what pytest counted, and which tests failed. Raises SystemExit if nothing was counted."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    counts = {name: int(number) for number, name in re.findall(r"(\d+) (passed|failed|errors?|skipped)\b", done.stdout)}
    if "passed" not in counts:
        raise SystemExit(f"{' '.join(command)} counted no tests:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, flags=re.MULTILINE)
    covered = re.search(r"branch coverage, in percent:\n[^\n]*\n?(\d+(?:\.\d+)?)$", done.stdout, flags=re.MULTILINE)
    row: Row = {"date": time.strftime("%Y-%m-%d"), "seconds": round(seconds), **counts, "failed tests": failed}
    return row | ({"branch coverage": float(covered.group(1))} if covered else {})


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("what", nargs="*", choices=["quick", "all", "random"], default=["quick", "all", "random"])
    parser.add_argument("--orders", type=int, nargs="+", default=[1, 2, 3, 4, 5], metavar="SEED")
    given = parser.parse_args()
    content = load("suite") if (RESULTS / "suite.json").is_file() else {}
    content["machine"] = machine()
    for what in given.what:
        if what == "random":
            rows = content.setdefault(what, [])
            for seed in given.orders:
                order = ["--random-order", f"--random-order-seed={seed}"]
                tests = [sys.executable, "-m", "pytest", "-n", str(min(2, os.cpu_count() or 1)), "--dist", "loadfile"]
                row = {"order": seed, **run([*tests, "-m", "not slow", *order])}
                rows[:] = sorted([*(one for one in rows if one["order"] != seed), row], key=lambda one: one["order"])
                print(what, row, flush=True)
        else:
            content[what] = run(["make", {"quick": "test", "all": "test-all"}[what]])
            print(what, content[what], flush=True)
        write("suite", content)


if __name__ == "__main__":
    main()
