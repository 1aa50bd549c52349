"""How large are the exported files of runs, in 32 and in 8 bits, and how accurate is each file by itself?

    python benchmarks/recipes.py tiny --keep runs/tiny
    python benchmarks/small.py runs/tiny/*

Exports each run as `tenfold export` does, and scores the files on the test digits with onnxruntime. A file normalises
its input itself, as it does with pictures. Writes results/small.json.
"""

import tempfile
from pathlib import Path

import numpy as np

import tenfold
from measuring import Row, arguments, deviation, mean, measured, save
from tenfold.learn.export import onnx
from tenfold.mnist import embedded
from tenfold.read.classifier import Classifier


def score(file: Path) -> float:
    """The accuracy of an exported file on the test digits."""
    digits, classifier = embedded.read("test"), Classifier(file)
    ink = digits.images[:, None].astype(np.float32) / np.float32(255)  # (N, 1, 28, 28)
    return float((classifier.logits(ink).argmax(1) == digits.labels).mean())


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("runs", nargs="+")
    rows: list[Row] = []
    for place in parser.parse_args().runs:
        run = tenfold.Run.open(place)
        row: Row = {"recipe": run.recipe.name, "fields": run.recipe.as_dict(), "seed": run.recipe.seed}
        with tempfile.TemporaryDirectory() as folder:
            for bits, quantize in ((32, None), (8, "int8")):
                file = onnx.export(run, Path(folder) / f"{bits}.onnx", quantize=quantize)
                row[f"bytes_{bits}"], row[f"accuracy_{bits}"] = file.stat().st_size, score(file)
        rows.append(row)
        sizes = (f"{bits} bits: {row[f'bytes_{bits}']:,} bytes, {row[f'accuracy_{bits}']:.2%}" for bits in (32, 8))
        print(f"{row['recipe']} seed {row['seed']}  {'  '.join(sizes)}", flush=True)
    summary: Row = {"n": len(rows)}
    for bits in (32, 8):
        accuracy = [row[f"accuracy_{bits}"] for row in rows]
        summary[f"bytes_{bits}"] = max(row[f"bytes_{bits}"] for row in rows)
        summary |= {f"accuracy_{bits}": mean(accuracy), f"deviation_{bits}": deviation(accuracy)}
    save("small", summary, rows)


def tables() -> dict[str, str]:
    s, _, by = measured("small")
    in_32, in_8 = (
        f"{s[f'bytes_{bits}']:,} bytes, accuracy {s[f'accuracy_{bits}']:.3%} ± {s[f'deviation_{bits}']:.3%}"
        for bits in (32, 8)
    )
    text = (
        f"`tiny`, trained on 50,000 digits and exported with the normalisation of pictures, takes {in_32} on the test "
        f"set; in 8 bits it takes {in_8} (n = {s['n']}).\n\n{by}"
    )
    return {"small": text}


if __name__ == "__main__":
    main()
