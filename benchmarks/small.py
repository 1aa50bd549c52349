"""How large are the exported files of runs, in 32 and in 8 bits, and how accurate is each file by itself?

    python benchmarks/recipes.py tiny --keep runs/tiny
    python benchmarks/small.py runs/tiny/*

Exports each run as `tenfold export` does, and scores the files on the test digits with onnxruntime. A file normalises
what it is given, as it does with pictures. Writes results/small.json.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

import tenfold
from measuring import deviation, mean, save
from tenfold.learn.export import onnx


def score(file: Path) -> float:
    """The accuracy of an exported file on the test digits."""
    digits = tenfold.MNIST(train=False)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    right = 0
    for first in range(0, len(digits.data), 500):
        images = digits.data[first : first + 500, None].numpy().astype(np.float32) / 255
        answers = session.run(["logits"], {"image": images})[0].argmax(1)
        right += int((answers == digits.targets[first : first + 500].numpy()).sum())
    return right / len(digits.data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    rows: list[dict[str, Any]] = []
    for place in parser.parse_args().runs:
        run = tenfold.Run.open(place)
        row: dict[str, Any] = {"recipe": run.recipe.name, "fields": run.recipe.as_dict(), "seed": run.recipe.seed}
        with tempfile.TemporaryDirectory() as folder:
            for bits, quantize in ((32, None), (8, "int8")):
                file = onnx.export(run, Path(folder) / f"{bits}.onnx", quantize=quantize)
                row[f"bytes_{bits}"], row[f"accuracy_{bits}"] = file.stat().st_size, score(file)
        rows.append(row)
        print(
            f"{row['recipe']} seed {row['seed']}  "
            + "  ".join(
                f"{bits} bits: {row[f'bytes_{bits}']:,} bytes, {row[f'accuracy_{bits}']:.2%}" for bits in (32, 8)
            ),
            flush=True,
        )
    summary: dict[str, Any] = {"n": len(rows)}
    for bits in (32, 8):
        accuracy = [row[f"accuracy_{bits}"] for row in rows]
        summary |= {f"bytes_{bits}": max(row[f"bytes_{bits}"] for row in rows)}
        summary |= {f"accuracy_{bits}": mean(accuracy), f"deviation_{bits}": deviation(accuracy)}
    save("small", summary, rows)


if __name__ == "__main__":
    main()
