"""`make bench`: training steps beside their own matrix products and beside PyTorch and JAX, and what sampling costs.

    python3 tests/bench/bench.py [--repeats N] [--no-peers] [--compiled] [MODEL ...]

Prints a table, then what the farm does with runs that do nothing (farm.py), and writes build/bench.json. One core, one thread. gensweep's core (build/release/bench_core) and the
peers (peer_torch.py, peer_jax.py; `make bench-deps` installs what they need) are processes that are kept waiting while
one of them measures, in turn, so that a drifting clock hits all. Before that all train a few steps from the same
weights: where losses or weights do not come out alike, the comparison means nothing, and the exit status is 1, as it is
where a peer fails. The figures depend on the kernels of the matrix products: they are in the output, and
OPENBLAS_CORETYPE changes gensweep's.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import farm

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
PEER_PYTHON = BUILD / "peers" / "bin" / "python"
# Case; steps of the comparison of losses (long enough that weights have moved, not so long that a gan's fate is open).
CASES = (
    (("gan",), 30),
    (("gan", "minibatch_discrimination=off"), 30),
    (("oracle",), 200),
    (("vae",), 200),
    (("autoregressive",), 400),
    (("autoregressive", "network=lstm"), 4),
    (("diffusion",), 100),
)
PEERS = {"torch": ["peer_torch.py"], "torch_compiled": ["peer_torch.py", "--compile"], "jax": ["peer_jax.py"]}
TOLERANCE = 0.1  # of losses and of how far weights moved; the data are other draws of the same law
AVERAGES_TOLERANCE = 0.3  # of how far averages are behind: mostly the last steps
SAMPLES = 12800
PART = {"diffusion": 10}  # sampled in part, since all its batches are alike; times are multiplied


def processor():
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1].strip() if found else platform.machine()


class Side:
    """A process that answers requests, one line each, pinned to the core."""

    def __init__(self, command, **variables):
        pinned = ["taskset", "-c", str(min(os.sched_getaffinity(0)))] if shutil.which("taskset") else []
        self.process = subprocess.Popen(
            [*pinned, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **variables},
        )

    def read(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": f"ended with exit status {self.process.wait()}"}

    def ask(self, request):
        try:
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        return self.read()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


def spread(values):
    return {"ms": statistics.median(values), "ms_min": min(values), "ms_max": max(values), "repeats": len(values)}


def beside_products(answers):
    """A piece of work and its products alone, from repeated measurements."""
    step, alone = (statistics.median(answer[key] for answer in answers) for key in ("ms", "products_ms"))
    return {
        **spread([answer["ms"] for answer in answers]),
        "products_ms": alone,
        "ratio": step / alone,
        "limit_share": alone / step,
        "products": answers[0]["products"],
        "gflop": answers[0]["gflop"],
        "products_gflops": answers[0]["gflop"] / alone * 1e3,
    }


def differences(ours, theirs):
    """What a peer's short training has otherwise than ours, as sentences."""
    names = [f"loss {i}" for i in range(len(ours["losses"]))] + ["way of the weights", "lag of the averages"]
    pairs = [*zip(ours["losses"], theirs["losses"]), (ours["moved"], theirs["moved"]), (ours["lag"], theirs["lag"])]
    for name, (mine, other) in zip(names, pairs):
        tolerance = AVERAGES_TOLERANCE if name.startswith("lag") else TOLERANCE
        if not abs(other - mine) <= tolerance * abs(mine):
            yield f"{name} {other:.4g}, ours {mine:.4g}"


def make_ready(case, steps, peers, core):
    """What the peers that train this case say of themselves, and the errors of the others.

    Has everyone train a few steps and compares.
    """
    ready, errors = {}, {}
    with tempfile.NamedTemporaryFile() as file:
        described = json.dumps({**case, "weights": core.ask(f"weights {file.name}")})
        ours = core.ask(f"loss {steps}")
        for name, peer in peers.items():
            about = peer.ask(f"case {described}")
            loss = peer.ask(f"loss {steps}") if "error" not in about else about
            if "error" in loss:
                errors[name] = loss["error"]
                continue
            ready[name] = {"about": about, "ours": ours, "theirs": loss, "differences": list(differences(ours, loss))}
    return ready, errors


def measure(arguments, steps, repeats, peers):
    """What build/bench.json has of one case; None where it fails."""
    core = Side([BUILD / "release" / "bench_core", *arguments])
    case = core.read()
    if "error" in case:
        print(f"{' '.join(arguments)}: not measured ({case['error']})", file=sys.stderr)
        return None
    ready, errors = make_ready(case, steps, peers, core)
    ours, theirs = [], {name: [] for name in ready}
    for _ in range(repeats):
        ours.append(core.ask("train"))
        for name in ready:
            theirs[name].append(peers[name].ask("train")["ms"])
    part = PART.get(arguments[0], 1)
    sample_part = [core.ask("sample_part") for _ in range(min(repeats, 5))]
    sample = core.ask(f"sample {SAMPLES // part}")
    core.close()
    for key in ("samples", "seconds", "classify_seconds"):
        sample[key] *= part
    result = {
        "case": " ".join(arguments),
        "settings": case["settings"],
        "kernels": {key: case[key] for key in ("blas", "blas_version", "vector")},
        "train": beside_products(ours),
        "sample_part": beside_products(sample_part),
        "sample": {**sample, "measured_part": 1 / part},
        "peers": {name: {**spread(theirs[name]), **ready[name]} for name in ready},
        "peer_errors": errors,
    }
    if ready:
        fastest = min(ready, key=lambda name: result["peers"][name]["ms"])
        result.update(
            fastest_peer=fastest,
            times_as_fast=result["peers"][fastest]["ms"] / result["train"]["ms"],
            times_as_fast_bound=result["peers"][fastest]["ms"] / result["train"]["products_ms"],
        )
    return result


COLUMNS = (
    ("case", 36),
    ("step ms", 15),
    ("products", 8),
    ("limit", 6),
    *((name, 14) for name in PEERS),
    ("ratio", 6),
    ("bound", 6),
    ("12,800 s", 8),
    ("part", 5),
    ("classify", 8),
    ("MiB", 5),
)


def line(cells):
    return " ".join(
        f"{cell:{'<' if i == 0 else '>'}{width}s}" for i, (cell, (_, width)) in enumerate(zip(cells, COLUMNS))
    )


def interval(side):
    return f"{side['ms']:.3g} ({side['ms_min']:.3g}-{side['ms_max']:.3g})"


def row(result):
    train, sample, peers = result["train"], result["sample"], result["peers"]
    return line(
        (
            result["case"],
            interval(train),
            f"{train['products_ms']:.3g}",
            f"{train['limit_share']:.0%}",
            *(f"{interval(peers[name])}" if name in peers else "-" for name in PEERS),
            *(f"{result[key]:.2f}" if peers else "-" for key in ("times_as_fast", "times_as_fast_bound")),
            f"{sample['seconds']:.2f}",
            f"{result['sample_part']['ratio']:.2f}",
            f"{sample['classify_seconds']:.3f}",
            f"{sample['peak_mib']:.0f}",
        )
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--no-peers", action="store_true", help="gensweep alone")
    parser.add_argument(
        "--compiled", action="store_true", help="also PyTorch through torch.compile, which takes minutes to compile"
    )
    options = parser.parse_args()
    peers = {}
    if not PEER_PYTHON.exists():
        print("PyTorch and JAX are not compared: `make bench-deps` installs them into build/peers.")
    elif not options.no_peers:
        peers = {
            name: Side([PEER_PYTHON, ROOT / "tests" / "bench" / script[0], *script[1:]])
            for name, script in PEERS.items()
            if options.compiled or name != "torch_compiled"
        }
    results = {
        "cpu": processor(),
        "coretype_variable": os.environ.get("OPENBLAS_CORETYPE", ""),
        "threads": 1,
        "cases": [],
    }
    wrong = 0
    for arguments, steps in CASES:
        if options.models and arguments[0] not in options.models:
            continue
        result = measure(
            arguments, steps, min(options.repeats, 5) if "network=lstm" in arguments else options.repeats, peers
        )
        if result is None:
            continue
        if not results["cases"]:
            results.update(result["kernels"])
            print(f"one core; gensweep: {results['blas_version']}, vector kernel {results['vector']}")
            for name, peer in result["peers"].items():
                print(
                    f"{name}: "
                    + ", ".join(
                        f"{key} {value}" for key, value in peer["about"].items() if key not in ("what", "ready_seconds")
                    )
                )
            print(line([name for name, _ in COLUMNS]))
        results["cases"].append(result)
        print(row(result), flush=True)
        complaints = [f"{name}: {error}" for name, error in result["peer_errors"].items()]
        for name, peer in result["peers"].items():
            complaints += [f"{name} does not train the same: {difference}" for difference in peer["differences"]]
        for complaint in complaints:
            print(f"  {complaint}", flush=True)
        wrong += len(complaints)
    for peer in peers.values():
        peer.close()
    if not options.models:
        results["farm"] = farm.measure()
        print("\n".join(farm.report(results["farm"])), flush=True)
    path = BUILD / "bench.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written to {path.relative_to(ROOT)}; `make bench-readme` puts it into README.md")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
