"""`make bench-readme`: puts the figures of build/bench.json into README.md, and those of the farm into docs/scale.md, between their markers."""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
FARM_BEGIN, FARM_END = "<!-- farm -->", "<!-- /farm -->"
NAMES = {
    "gan": "gan ({generator_steps} + {discriminator_steps} updates, batch {batch_size})",
    "gan minibatch_discrimination=off": "gan without minibatch discrimination",
    "autoregressive": "autoregressive, flat",
    "autoregressive network=lstm": "autoregressive, lstm",
}
PEER_NAMES = {"torch": "PyTorch", "torch_compiled": "PyTorch, compiled", "jax": "JAX"}


def number(value):
    """Three digits, without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def interval(side):
    return f"{number(side['ms'])} ({number(side['ms_min'])}-{number(side['ms_max'])})"


def peers_of(results):
    """What each peer that was measured says of itself."""
    return {
        name: case["peers"][name]["about"]
        for case in reversed(results["cases"])
        for name in PEER_NAMES
        if name in case["peers"]
    }


def sentence(results, peers):
    """On what, and with which kernels."""
    repeats = max(case["train"]["repeats"] for case in results["cases"])
    kernel = results["blas"] + (" (by OPENBLAS_CORETYPE)" if results["coretype_variable"] else "")
    said = (
        f"One core of {results['cpu']}; medians (and ranges) in ms of {repeats} measurements in turn. "
        f"gensweep: OpenBLAS kernel {kernel}, vector kernel {results['vector']}"
    )
    if "torch" in peers or "torch_compiled" in peers:
        about = peers.get("torch", peers.get("torch_compiled"))
        said += f". PyTorch {about['torch']}: {about['blas']}, {about['vector']}"
    if "jax" in peers:
        said += f". JAX {peers['jax']['jax']}: {peers['jax']['blas']}"
    return said + "."


def row(case, names):
    train, peers = case["train"], case["peers"]
    cells = [
        NAMES.get(case["case"], case["case"]).format(**case["settings"]),
        interval(train),
        number(train["products_ms"]),
        f"{100 * train['limit_share']:.0f} %",
    ]
    for name in names:
        cell = interval(peers[name]) if name in peers else ""
        cells.append(f"**{cell}**" if name == case.get("fastest_peer") else cell)
    if names:
        cells += [f"{case[key]:.1f}" if key in case else "" for key in ("times_as_fast", "times_as_fast_bound")]
    return [*cells, f"{number(case['sample']['seconds'])} s"]


def render(results):
    """The text between the markers."""
    peers = peers_of(results)
    names = [name for name in PEER_NAMES if name in peers]
    head = [
        "model",
        "training step",
        "its matrix products alone",
        "share of that limit",
        *(PEER_NAMES[name] for name in names),
    ]
    head += [*(["times as fast as the fastest peer", "with products alone"] if names else []), "12,800 samples"]
    rows = [head, ["---", *["---:"] * (len(head) - 1)], *(row(case, names) for case in results["cases"])]
    return "\n".join([sentence(results, peers), "", *(f"| {' | '.join(cells)} |" for cells in rows)])


def render_farm(farm):
    """The same for docs/scale.md."""
    head = ["ranks", "", "runs/s", "of them on rank 0", "rank 0 manages", "its memory", "a rank waits for its next run", "99 %"]
    rows = [head, ["---:", "---", *["---:"] * (len(head) - 2)]]
    for it in farm["null_runs"]:
        waits = [f"{it[key]:.0f} us" for key in ("wait_median_us", "wait_99_us")] if "wait_median_us" in it else ["", ""]
        rows.append([str(it["ranks"]), it["what"], f"{it['runs_per_second']:,.0f}", f"{it['by_rank_0'] / it['runs']:.0%}", f"{it['rank_0_busy']:.0%}",
                     f"{it['rank_0_bytes'] / 1e6:.0f} MB", *waits])
    said = (f"{farm['null_runs'][0]['runs']:,} runs, {farm['cores']} cores, files in memory. Two ranks are {farm['two_ranks_as_fast']:.2f} times as fast as one on equal "
            f"runs; two programs that know nothing of each other are {farm['two_apart_as_fast']:.2f} times as fast as one, which is what the machine gives. A rank that waits uses {farm['idle_share']:.2%} of a core. Packing and writing results takes {farm['storage_share']:.1%} of the time of an oracle with default "
            f"settings, the shortest of the default runs. `mpirun -n 64` with one run of one step takes {farm['start_64_seconds']:.1f} s from start to end, and with `--version`, "
            f"which only starts and ends MPI, {farm['start_64_idle_seconds']:.1f} s.")
    return "\n".join([said, "", *(f"| {' | '.join(cells)} |" for cells in rows)])


def replaced(text, table, begin=BEGIN, end=END, name="README.md"):
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        sys.exit(f"{name} needs one {begin} and, after it, one {end}")
    return re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{table}\n{end}", text, flags=re.DOTALL)


def main():
    figures, readme, scale = ROOT / "build" / "bench.json", ROOT / "README.md", ROOT / "docs" / "scale.md"
    if not figures.exists():
        sys.exit("there is no build/bench.json yet: `make bench` writes it")
    results = json.loads(figures.read_text())
    readme.write_text(replaced(readme.read_text(), render(results)))
    if "farm" in results:
        scale.write_text(replaced(scale.read_text(), render_farm(results["farm"]), FARM_BEGIN, FARM_END, "docs/scale.md"))


if __name__ == "__main__":
    main()
