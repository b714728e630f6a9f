"""Writes docs/results.md from finished results files: `python3 docs/results.py FILE.h5 ... [--article TABLES.json] > docs/results.md`.

For each variant: frequencies and errors of the 30 bins beside the expected ones, and beside the article's where TABLES.json has
them, with TV, modes and error of every seed. The command is printed into the page.
"""

import argparse
import json
import sys
from pathlib import Path

import h5py
import numpy as np

COLORS = ("red", "redblue", "bluered", "blue", "green")
DIGITS = ("0A", "0B", "1", "2", "3", "4")

# Which of the article's tables belongs beside which variant.
ARTICLE = {("gan", "minibatch_discrimination=on"): "gan_minibatch_discrimination",
           ("autoregressive", ""): "autoregressive_flat", ("diffusion", ""): "diffusion"}


HEAD = """\
# Results on MNIST, at a third of the article's steps

Made from the files of `sweeps/results/*.yaml` (three seeds a variant unless a table says otherwise, 12,800 samples a run, the six MNIST digits of the article):

```
mpirun -n 2 ./gensweep sweeps/results/vae.yaml data.mnist=train-images-idx3-ubyte        # and so on for each
python3 docs/results.py results/*.h5 --article TABLES.json > docs/results.md
```

Tables give per mille of the samples, (expected) and, where the article has a plot to read it off, [the article's own]; then the mean error of a bin in pixels.
A perfect model has TV .018 at this number of samples.

What stands out, and is not settled:

- **diffusion** is not in the table yet. One seed at 20,000 steps had clean digits (mean error 0.0) but TV .30 and 26 modes. The sampler is right (with the exact
  denoiser it reproduces the 30 probabilities, tests/unit/test_diffusion.c); the frequencies follow the noise of the last weights under Adam at a constant rate. With an
  exponential average of the weights (.999) the same run had TV .10 to .12 and 29 modes. Averaging is not a setting yet.
- **gan** is not in the table yet. Two seeds without minibatch discrimination, at 9,667 steps of the article's setting, both collapsed severely: 3 and 5 modes, TV .90 and .88.
- **autoregressive** misses the article's TV of .134 at its sizes: with 64 windows a step, one step in several hundred shows where a digit begins, and TV moves by .1 to .2 between
  checkpoints. Four times the article's steps gave 30 modes and TV .20 (one seed), larger batches .19 to .26. How long the article trained its own is not known.
- **lstm**: in 2,000 steps of 16 images at rate 1e-3 the loss fell from 5.5 to .35 nats a pixel, with 30 modes and TV .32 (one seed). At its default 100,000 steps a run would take 7.5
  hours on one core; it was not run to convergence.
"""


def variants(path):
    """(file's name, variant, model, rows of its finished runs) in plan order."""
    with h5py.File(path, "r") as file:
        names, models = file["runs/variant"].asstr()[...], file["runs/model"].asstr()[...]
        done = file["runs/status"][...] == 2
        for name in dict.fromkeys(names):
            rows = np.flatnonzero((names == name) & done)
            if len(rows):
                yield file, name, models[rows[0]], rows


def table(title, cells):
    """A (5,6) table in Markdown; cells are text already."""
    lines = [f"| {title} | " + " | ".join(DIGITS) + " |", "|---|" + "---:|" * 6]
    lines += [f"| {color} | " + " | ".join(row) + " |" for color, row in zip(COLORS, cells)]
    return "\n".join(lines) + "\n"


def article_table(model, name, tables):
    for (wanted, part), key in ARTICLE.items():
        if wanted == model and part in name:
            return np.array(tables["counts"][key]) if key in tables.get("counts", {}) else None
    return None


def describe(file, name, model, rows, tables):
    counts = file["coverage/counts"][rows].astype(float)
    errors = file["coverage/error_sum"][rows].sum(axis=0)
    expected = file["coverage/expected"][rows[0]]
    pooled, samples = counts.sum(axis=0), counts.sum() + file["coverage/rejected"][rows].sum()
    metric = {key: file["metrics"][key][rows] for key in ("tv", "modes_10", "covered_mass", "mean_error", "shade_ks", "quality")}
    steps = file["settings/steps"][rows[0]]
    label = name if name.startswith(model) else f"{model}, {name}"
    print(f"\n## {label}\n")
    print(f"{len(rows)} seeds, {steps} steps. TV " + ", ".join(f"{v:.3f}" for v in metric["tv"]) +
          "; modes_10 " + ", ".join(str(v) for v in metric["modes_10"]) +
          "; covered mass " + ", ".join(f"{v:.2f}" for v in metric["covered_mass"]) +
          "; mean error " + ", ".join(f"{v:.1f}" for v in metric["mean_error"]) +
          "; quality " + ", ".join(f"{v:.2f}" for v in metric["quality"]) + ".\n")
    beside = article_table(model, name, tables)
    shares = [[f"{1000 * pooled[c, d] / samples:.1f} ({1000 * expected[c, d]:.1f})" +
               (f" [{1000 * beside[c, d] / beside.sum():.1f}]" if beside is not None else "") for d in range(6)] for c in range(5)]
    print(table("per mille", shares))
    mean = np.divide(errors, pooled, out=np.full_like(errors, np.nan), where=pooled > 0)
    print(table("mean error", [["-" if np.isnan(v) else f"{v:.1f}" for v in row] for row in mean]))


def summary(files):
    print("| variant | steps | seeds | TV | modes_10 | mean error | severe | s a run |\n|---|---:|---:|---:|---:|---:|---:|---:|")
    for path in files:
        for file, name, model, rows in variants(path):
            metrics = file["metrics"]
            label = name if name.startswith(model) else f"{model}, {name}"
            print(f"| {label} | {file['settings/steps'][rows[0]]} | {len(rows)} | {metrics['tv'][rows].mean():.3f} | "
                  f"{metrics['modes_10'][rows].mean():.1f} | {metrics['mean_error'][rows].mean():.1f} | "
                  f"{metrics['severe'][rows].sum()}/{len(rows)} | {file['runs/seconds'][rows].mean():.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--article", type=Path, help="the article's tables")
    options = parser.parse_args()
    tables = json.loads(options.article.read_text()) if options.article else {}
    with h5py.File(options.files[0], "r") as first:
        cpu, kernel = first["provenance/cpu"].asstr()[0], first["provenance/blas_kernel"].asstr()[0]
    print(HEAD.rstrip() + f"\n\nMachine: {cpu}, BLAS kernel {kernel}.\n")
    summary(options.files)
    for path in options.files:
        for found in variants(path):
            describe(*found, tables)


if __name__ == "__main__":
    sys.exit(main())
