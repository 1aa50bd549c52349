"""What a network of one's own reaches: the small vision transformer of examples/ against `fast`, over the same seeds.

    python benchmarks/own_network.py [--folder FOLDER] [--seeds 5] [--epochs 5]

Runs examples/vision_transformer.py in the folder, by default a new one; what is trained there already is not trained
again. Both are scored on the 10,000 validation digits. Writes results/own_network.json.
"""

import json
import tempfile
from pathlib import Path

from measuring import ROOT, Row, arguments, machine_name, mean, measured, process, save, table


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as new:
        folder = options.folder or Path(new)
        _, said = process(
            [str(ROOT / "examples/vision_transformer.py"), str(options.seeds), str(options.epochs)], folder
        )
        study = json.loads((folder / "runs/vit-against-fast/study.json").read_text(encoding="utf-8"))
    print(said)
    rows: list[Row] = []
    summary: Row = {"machine": machine_name(), "difference": study["difference"]}
    for group in (study, study["against"]):
        name, seeds = group["recipe"], group["seeds"]
        rows += [{"recipe": name} | {key: seed[key] for key in ("seed", "val_accuracy", "seconds")} for seed in seeds]
        summary[name] = {key: group[key] for key in ("n", "mean", "deviation")}
        summary[name] |= {"seconds": mean([seed["seconds"] for seed in seeds]), "epochs": group["fields"]["epochs"]}
    save("own_network", summary, rows)


def tables() -> dict[str, str]:
    s, _, by = measured("own_network")
    both = {"the vision transformer": s["vit"], "`fast`": s["fast"]}
    rows = [
        f"{name} | {one['epochs']} | {one['mean']:.2%} ± {one['deviation']:.2%} | {one['seconds']:.0f} s"
        for name, one in both.items()
    ]
    d = s["difference"]
    between = f"Difference {d['mean'] * 100:+.2f} points, 95 % interval {d['low'] * 100:+.2f} to {d['high'] * 100:+.2f}"
    head = f"network | epochs | validation accuracy (n = {s['vit']['n']}) | a training, one thread"
    return {"own-network": f"{table(head, rows)}\n\n{between}. {by}"}


if __name__ == "__main__":
    main()
