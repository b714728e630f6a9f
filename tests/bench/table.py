"""`make bench-readme`: puts the figures of build/bench.json into README.md, between its markers."""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
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


def replaced(text, table):
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        sys.exit(f"README.md needs one {BEGIN} and, after it, one {END}")
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{table}\n{END}", text, flags=re.DOTALL)


def main():
    figures, readme = ROOT / "build" / "bench.json", ROOT / "README.md"
    if not figures.exists():
        sys.exit("there is no build/bench.json yet: `make bench` writes it")
    readme.write_text(replaced(readme.read_text(), render(json.loads(figures.read_text()))))


if __name__ == "__main__":
    main()
