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
# Results on MNIST, beside the article's

Made from the files of `sweeps/results/*.yaml`: three seeds a variant, 12,800 samples a run, the six MNIST digits of the article, each model at the article's sizes and rates unless the name of the variant says
otherwise, at a third of the article's steps or more (the oracle and the autoregressive model at all of them: 10,000 and 100,000). The gan and vae files are from before
their first layers computed with the rank of the data ([performance.md](performance.md)): their runs would now differ in the last bits of every step, and a seed may end elsewhere. They have not been trained again.

```
mpirun -n 2 ./gensweep sweeps/results/vae.yaml data.mnist=train-images-idx3-ubyte        # and so on for each
python3 docs/results.py results/*.h5 --article TABLES.json > docs/results.md
```

Tables give per mille of the samples, (expected) and, where the article has a plot to read it off, [the article's own]; then the mean error of a bin in pixels. A perfect model has TV .018 at this number of samples.
The article, one run a method: GAN with minibatch discrimination TV .589, 13 modes, mean errors 49 to 99; autoregressive TV .134, errors 35 to 92; diffusion TV .172, errors 4 (green) to 26, in the 474 of 12,800 samples that
its filter left. gensweep counts every sample; that filter (`/metrics/article_filter_share`) would have dropped none of those below but of `diffusion_article`.

What to make of it:

- **oracle**, **vae**: as they should be. The oracle is at the noise floor, the VAE has all 30 modes at a third of the article's steps.
- **diffusion**: clean digits (the article: mean errors 4 to 26) and half the article's TV. At 33,334 steps two of three seeds miss one of 30 modes: a "4" in one red-blue bin, .9 % of the data, whose samples sit in the
  bin beside it (2 times as many as expected). The sampler is not the cause: with the exact denoiser it reproduces the 30 probabilities (tests/unit/test_diffusion.c). The frequencies follow the noise of the last weights under
  Adam at a constant rate, which is why samples are made with averaged weights: without (`weight_ema: 0`) one seed at 20,000 steps had TV .30 and 26 modes. A ten times longer average
  (`diffusion_average`) changes nothing more: what is left is not noise, but a rare digit whose shades are not yet told apart at a third of the article's steps.
- **diffusion, article**: its formulas with its own noise schedule and the last weights (`diffusion_article`) give what it shows: of the samples that its filter keeps, clean digits with mean errors of 4 (green) to 26 pixels, as the
  article has them, and TV .14 to .22 (the article: .17). What the filter drops has run away to saturated white, with an error of 782 of 784 pixels: 41 % of the samples here, 96 % in the article. All samples together have TV .25 and a mean
  error of 323, though all 30 modes. `process: article` on the default schedule is another thing, which the article never ran: garbled digits (mean error 34) and TV .42, none of them dropped.
- **gan without minibatch discrimination** collapses in every seed.
- **gan with minibatch discrimination** does not reach the article's 13 modes at a third of its steps, and not for want of steps: the discriminator wins (its loss falls to .002, the generator's rises to 6). The layer works
  (98 % of its similarities are neither 0 nor 1, gradients and ten Adam steps agree with PyTorch), but its sums run over the whole batch: with 128 images they are about 70 at the start, and 93 % of the tanh units behind them
  have a slope below .01; after training, for generated images, 99 % (from the weights in `/checkpoints`). What the discriminator learns from them hardly reaches the generator. A batch of 32 alone does not help (4 modes); with a discriminator
  slow enough for the generator to follow (rate 1e-5 for 6e-5) it has 20 modes and TV .32 in the same steps, more than the article's: see `gan_batch_32` below, and `sweeps/quickstart.yaml` (README), where 5 of 8 seeds collapse severely with minibatch discrimination and 8 of 8 without.
- **autoregressive, softmax** has the modes but not the article's TV of .134 at the article's rate. It is not trained to its end: the mean error is 38 pixels after 100,000 steps, the loss still falls, and garbled digits count as
  "1" and "0B", which have the fewest and the roundest strokes. At rate 1e-3 the same steps leave an error of 11 and TV .14 to .22. Averaging the weights took TV from .43 to .29 at 33,334 steps (two seeds); four times
  the steps without averaging gave .20 (one seed). How long the article trained its own is not known.
- **autoregressive, article's loss**: rare modes are suppressed, as its form says: p/(1-p) of what was learnt is sampled.
- **autoregressive, lstm**: in 2,000 steps of 16 images at rate 1e-3 the loss fell from 5.5 to .35 nats a pixel, with 30 modes and TV .32 (one seed). At its default 100,000 steps a run would take 7.5 hours on one core; it
  was not run to convergence.
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


def title_of(file, model, name):
    """Model and variant, and the sweep's name if it is a special one of that model, as gan_batch_32."""
    variant = name if name.startswith(model) else f"{model}, {name}"
    sweep = file.attrs["name"]
    sweep = sweep.decode() if isinstance(sweep, bytes) else sweep
    return f"{variant} ({sweep})" if sweep.startswith(model + "_") else variant


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


def kept_by_filter(file, rows):
    """What is left of the runs when samples are dropped as the article drops them: those with a mean of 127.5 or more."""
    told = []
    for row in rows:
        images, bins, errors = (file[f"samples/{part}"][row] for part in ("image", "bin", "error"))
        kept = (images.reshape(len(images), -1).mean(axis=1) < 127.5) & (bins < 30)
        shares = np.bincount(bins[kept], minlength=30) / kept.sum()
        tv = np.abs(shares - file["coverage/expected"][row].ravel()).sum() / 2
        by_bin = [errors[kept & (bins == k)].mean() for k in range(30) if (kept & (bins == k)).any()]
        told.append(f"{kept.sum()} of {len(images)} samples, TV {tv:.3f}, modes {int((shares > 0).sum())}, mean error {errors[kept].mean():.1f} "
                    f"(bins {min(by_bin):.0f} to {max(by_bin):.0f})")
    return "What the article's filter keeps, run by run: " + "; ".join(told) + ".\n"


def describe(file, name, model, rows, tables):
    counts = file["coverage/counts"][rows].astype(float)
    errors = file["coverage/error_sum"][rows].sum(axis=0)
    expected = file["coverage/expected"][rows[0]]
    pooled, samples = counts.sum(axis=0), counts.sum() + file["coverage/rejected"][rows].sum()
    metric = {key: file["metrics"][key][rows] for key in ("tv", "modes_10", "covered_mass", "mean_error", "shade_ks", "quality")}
    steps = file["settings/steps"][rows[0]]
    print(f"\n## {title_of(file, model, name)}\n")
    print(f"{len(rows)} seeds, {steps} steps. TV " + ", ".join(f"{v:.3f}" for v in metric["tv"]) +
          "; modes_10 " + ", ".join(str(v) for v in metric["modes_10"]) +
          "; covered mass " + ", ".join(f"{v:.2f}" for v in metric["covered_mass"]) +
          "; mean error " + ", ".join(f"{v:.1f}" for v in metric["mean_error"]) +
          "; quality " + ", ".join(f"{v:.2f}" for v in metric["quality"]) + ".\n")
    if file["metrics/article_filter_share"][rows].max() > 0.01:
        print(kept_by_filter(file, rows))
    beside = article_table(model, name, tables)
    shares = [[f"{1000 * pooled[c, d] / samples:.1f} ({1000 * expected[c, d]:.1f})" +
               (f" [{1000 * beside[c, d] / beside.sum():.1f}]" if beside is not None else "") for d in range(6)] for c in range(5)]
    print(table("per mille", shares))
    mean = np.divide(errors, pooled, out=np.full_like(errors, np.nan), where=pooled > 0)
    print(table("mean error", [["-" if np.isnan(v) else f"{v:.1f}" for v in row] for row in mean]))


def summary(files):
    print("| variant | steps | seeds | TV | modes_10 | mean error | severe |\n|---|---:|---:|---:|---:|---:|---:|")
    for path in files:
        for file, name, model, rows in variants(path):
            metrics = file["metrics"]
            print(f"| {title_of(file, model, name)} | {file['settings/steps'][rows[0]]} | {len(rows)} | {metrics['tv'][rows].mean():.3f} | "
                  f"{metrics['modes_10'][rows].mean():.1f} | {metrics['mean_error'][rows].mean():.1f} | "
                  f"{metrics['severe'][rows].sum()}/{len(rows)} |")


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
