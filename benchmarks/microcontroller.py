"""How much of a microcontroller does a network take, and does it answer there as it does in Python?

    python benchmarks/microcontroller.py runs/tiny-4bit-0 runs/tiny-4bit-1 runs/tiny-4bit-2

Each run is written as C and compiled for size, for an Arm Cortex-M0 where arm-none-eabi-gcc is installed: weights,
tables and code are what the object file has. The same header, compiled for this machine by gcc and clang, answers all
test digits; its scores must be those of the twin in Python to the last bit. Adds rows to results/microcontroller.json.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

import tenfold
from measuring import ROOT, Row, arguments, deviation, earlier_rows, mean, measured, save, table
from tenfold.learn import networks
from tenfold.learn.export import c
from tenfold.mnist import embedded

USE = """#include <stddef.h>
#include "digit.h"
int digit(const uint8_t *image);
int digit(const uint8_t *image) { return tenfold_digit(image, NULL); }
"""
TARGETS = {"Cortex-M0": ["arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb"], "this machine": ["gcc"]}
STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror")


def measure(place: str) -> Row:
    """The row of one run."""
    run, test = tenfold.Run.open(place), embedded.read("test")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _, network = c.export(run, folder / "digit.h")
        (folder / "use.c").write_text(USE)
        bytes_of = {}
        for target, compiler in TARGETS.items():
            if shutil.which(compiler[0]):
                subprocess.run([*compiler, *STRICT, "-Os", "-c", "use.c"], cwd=folder, check=True)
                told = subprocess.run(["size", "use.o"], cwd=folder, check=True, capture_output=True, text=True).stdout
                bytes_of[target] = sum(map(int, told.splitlines()[1].split()[:2]))  # text and data
        shutil.copy(ROOT / "examples" / "main.c", folder)
        wanted = network.scores(test.images)
        for here in ("gcc", "clang"):
            subprocess.run([here, *STRICT, "-O2", "-o", "digit", "main.c"], cwd=folder, check=True)
            given = test.images.tobytes()
            told = subprocess.run([folder / "digit"], input=given, check=True, capture_output=True).stdout.decode()
            scores = [list(map(int, line.partition(":")[2].split())) for line in told.splitlines()]
            if not np.array_equal(scores, wanted):
                raise SystemExit(f"{place}: {here} computes other numbers than Python")
    return {
        "recipe": run.recipe.name,
        "fields": run.recipe.as_dict(),
        "seed": run.recipe.seed,
        "parameters": networks.parameters(run.model().network),
        "bits": network.bits,
        "accuracy": float((wanted.argmax(1) == test.labels).mean()),
        "float": tenfold.evaluate(run, draw=False).accuracy,
        "constants": network.constants,
        "ram": network.ram,
        "multiplications": network.multiplications,
        "bytes": bytes_of,
        "equal": len(wanted),
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("runs", nargs="+")
    rows: list[Row] = earlier_rows("microcontroller") or []
    for place in parser.parse_args().runs:
        row = measure(place)
        rows = [old for old in rows if (old["recipe"], old["seed"]) != (row["recipe"], row["seed"])]
        rows.append(row)
        sizes = ", ".join(f"{size:,} bytes for {target}" for target, size in row["bytes"].items())
        print(
            f"{row['recipe']} seed {row['seed']}  {row['accuracy']:.2%} (float {row['float']:.2%})  {sizes}", flush=True
        )
    save("microcontroller", {"n": len(rows)}, rows)


def tables() -> dict[str, str]:
    _, rows, by = measured("microcontroller")
    lines = []
    for name in dict.fromkeys(row["recipe"] for row in rows):
        some = [row for row in rows if row["recipe"] == name]
        ints, floats = ([row[key] for row in some] for key in ("accuracy", "float"))
        size, first = max(row["bytes"]["Cortex-M0"] for row in some), some[0]
        lines.append(
            f"`{name}` | {first['parameters']:,} | {first['bits']} | {size:,} | {first['ram']:,} | "
            f"{first['multiplications']:,} | "
            f"**{mean(ints):.3%}** ± {deviation(ints):.3%} | {mean(floats):.3%} | {len(some)}"
        )
    head = "recipe | parameters | bits | bytes in all | RAM, bytes | multiplications | test accuracy | float | seeds"
    return {"microcontroller": f"{table(head, lines)}\n\n{by}"}


if __name__ == "__main__":
    main()
