"""What the tests in Python share: the built program and a small sweep for it."""

import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(os.environ.get("GENSWEEP_PROGRAM", ROOT / "build" / "release" / "gensweep")).resolve()

SMALL = """\
name: small
description: two seeds of a small GAN
seeds: [3, 11]
parameters:
  model: gan
  minibatch_discrimination: [off, on]
  steps: 60
  batch_size: 16
  generator_steps: 2
  generator_hidden_1: 16
  generator_hidden_2: 24
  discriminator_hidden_1: 24
  discriminator_hidden_2: 16
  discriminator_hidden_3: 8
  generator_learning_rate: 5e-3
evaluation: {samples: 1000, every: 20}
"""

# What the tests call a case, and the parameters that make it: every model has one (test_methods.py asks the program).
MODEL_CASES = {
    "oracle": {"model": "oracle"},
    "vae": {"model": "vae"},
    "gan": {"model": "gan"},
    "flat": {"model": "autoregressive"},
    "lstm": {"model": "autoregressive", "network": "lstm"},
    "diffusion": {"model": "diffusion"},
}
MODELS = tuple(dict.fromkeys(case["model"] for case in MODEL_CASES.values()))

ALL_MODELS = f"""\
name: models
seeds: [5]
parameters:
  model: [{", ".join(MODELS)}]
  steps: 12
  batch_size: 8
  timesteps: 10
  context_pixels: 16
  hidden_units: 8
evaluation: {{samples: 50, every: 5}}
"""


def gensweep(*arguments, ranks=0, cwd=None, timeout=120, memory=None, **environment):
    """Runs the program (under mpirun if ranks > 0; with at most `memory` bytes of addresses) and returns the finished process."""
    variables = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OPENBLAS_NUM_THREADS="1")
    variables.update(environment)
    launcher = ["mpirun", "-n", str(ranks), "--oversubscribe"] if ranks else []
    limit = (lambda: resource.setrlimit(resource.RLIMIT_AS, (memory, memory))) if memory else None
    return subprocess.run([*launcher, str(PROGRAM), *map(str, arguments)], cwd=cwd, env=variables, text=True,
                          capture_output=True, timeout=timeout, check=False, preexec_fn=limit)


def finished(folder, text, name="r"):
    """Trains the sweep `text` in a folder: (path of its YAML, path of the finished results file, the finished process)."""
    sweep, results = folder / f"{name}.yaml", folder / f"{name}.h5"
    sweep.write_text(text)
    done = gensweep(sweep, "-o", results)
    assert done.returncode == 0, done.stderr
    return sweep, results, done


def analysis(*arguments, **environment):
    """The command of the analysis as a user types it in the project's root."""
    return subprocess.run([sys.executable, "analysis", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True,
                          env={**os.environ, **environment}, timeout=300, check=False)


def start(*arguments):
    """Starts the program alone and returns at once."""
    return subprocess.Popen([str(PROGRAM), *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            env=dict(os.environ, OPENBLAS_NUM_THREADS="1"))


def ranks_of(results):
    """Process ids of the ranks that were started with `-o results`, in the order of ranks."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = open(f"/proc/{process}/cmdline", "rb").read().split(b"\0")
        except OSError:
            continue
        if command[0] == str(PROGRAM).encode() and str(results).encode() in command:
            found.append(int(process))
    return sorted(found)
