"""The command line as a user meets it: arguments, files that cannot be read or written, help."""

import gzip
import os
import re
import shlex
import struct
import subprocess

import h5py
import numpy as np
import pytest
from support import PROGRAM, ROOT, SMALL, gensweep

FAST = ("steps=3", "seeds=0", "evaluation.samples=64", "evaluation.every=0")


@pytest.fixture
def sweep(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def test_default_output_is_named_after_the_sweep(sweep, tmp_path):
    done = gensweep(sweep, *FAST, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "results: results/small.h5" in done.stdout
    with h5py.File(tmp_path / "results" / "small.h5") as file:
        assert file["sweep/overrides"][()].decode().split() == list(FAST)
        assert file["provenance/argv"][0].decode().endswith(" ".join(FAST))


def test_output_that_is_lost(sweep, tmp_path):
    for arguments in (["plan", sweep, "--no-measure"], [sweep, "-o", tmp_path / "r.h5"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
        assert done.returncode == 3 and "gensweep: its output is lost: writing to stdout failed" in done.stderr, arguments
    assert gensweep("verify", tmp_path / "r.h5").returncode == 0


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (1, 2), (0, 1, 2)])
def test_closed_streams_do_not_become_the_results_file(sweep, tmp_path, closed):
    for seeds in ("seeds=3", "seeds=3,11"):  # a new file, and one that is extended
        subprocess.run([PROGRAM, sweep, FAST[0], *FAST[2:], seeds, "-o", tmp_path / "r.h5"], timeout=120, check=False,
                       preexec_fn=lambda: [os.close(stream) for stream in closed])
        checked = gensweep("verify", tmp_path / "r.h5")
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_too_little_memory_for_blas(sweep, tmp_path):
    done = gensweep(sweep, *FAST, "-o", tmp_path / "r.h5", memory=160 << 20, timeout=20)
    assert done.returncode == 70 and "OpenBLAS needs 129 MiB of address space" in done.stderr


def test_a_sweep_from_a_pipe(sweep, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/null"):
        done = gensweep(path, "-o", tmp_path / "r.h5", timeout=20)
        assert done.returncode == 2 and "it is a pipe or a device, and a sweep is read more than once" in done.stderr


def test_a_folder_that_is_not_there(sweep, tmp_path):
    done = gensweep(sweep, "-o", tmp_path / "nowhere" / "r.h5")
    assert done.returncode == 3 and done.stderr.startswith(f"gensweep: there is no folder for '{tmp_path}/nowhere/r.h5' (No such file or directory); make it first")


def test_a_setting_that_zip_links(tmp_path):
    sweep = tmp_path / "zip.yaml"
    sweep.write_text("name: z\nseeds: 0\nparameters: {model: gan}\nzip: [{latent_dim: [2, 4], batch_size: [16, 32]}]\n")
    for override in ("~latent_dim", "+latent_dim=5"):
        done = gensweep("plan", sweep, override, "--no-measure")
        assert done.returncode == 2 and "the sweep sets it by zip; latent_dim=... changes it, ~zip removes all links" in done.stderr


def test_the_recorded_command_can_be_given_again(sweep, tmp_path):
    arguments = (str(sweep), *FAST, "minibatch_discrimination=off,on", "description='it''s \"two\" words; $HOME'", "~batch_size", "-o", "a file.h5",
                 "--progress", "none")
    assert gensweep(*arguments, cwd=tmp_path).returncode == 0
    with h5py.File(tmp_path / "a file.h5") as file:
        recorded = file["provenance/argv"][0].decode()
    assert shlex.split(recorded)[1:] == list(arguments)
    assert " minibatch_discrimination=off,on " in recorded  # not quoted without need


def test_an_existing_file_is_continued_and_fresh_keeps_it(sweep, tmp_path):
    first = gensweep(sweep, *FAST, cwd=tmp_path)
    assert first.returncode == 0 and "modes_10 (at most 30)" in first.stdout
    again = gensweep(sweep, *FAST, cwd=tmp_path)
    assert again.returncode == 0 and "nothing to do" in again.stderr and again.stdout == first.stdout
    before = (tmp_path / "results/small.h5").read_bytes()
    assert gensweep("run", sweep, "--fresh", *FAST, cwd=tmp_path).returncode == 0
    assert (tmp_path / "results/small.h5.1").read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["small.h5", "small.h5.1"]


@pytest.mark.parametrize("make", [lambda path: path.write_text("my notes"), lambda path: path.mkdir()])
def test_fresh_leaves_what_is_not_ours(sweep, tmp_path, make):
    make(tmp_path / "mine")
    done = gensweep(sweep, *FAST, "-o", "mine", "--fresh", cwd=tmp_path)
    assert done.returncode == 3 and "'mine' is no results file of gensweep" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "small.yaml"]


@pytest.mark.parametrize("size", ["64k", "512k", "3m"])
def test_a_full_disk_is_a_sentence(sweep, tmp_path, size):
    """While the file is made, and while it is written."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        done = gensweep(sweep, "steps=3", "seeds=0-9", "evaluation.every=0", "-o", folder / "r.h5")
        assert done.returncode == 3, done.stderr
        assert "No space left on device" in done.stderr and "r.h5" in done.stderr
    finally:
        subprocess.run(["umount", folder], check=True)


def test_runs_with_fewer_samples_are_padded(sweep, tmp_path):
    for name in ("a.h5", "b.h5"):
        done = gensweep(sweep, *FAST[:2], "evaluation.every=0", "evaluation.samples=700,50", "-o", tmp_path / name)
        assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "a.h5") as a, h5py.File(tmp_path / "b.h5") as b:
        assert a["samples/bin"].shape == (4, 700)
        few = np.flatnonzero(a["settings/evaluation.samples"][...] == 50)
        assert (a["samples/bin"][few, 50:] == 255).all() and (a["samples/error"][few, 50:] == 0).all()
        assert (a["samples/image"][few, 50:] == 0).all() and (a["coverage/counts"][few].sum(axis=(1, 2)) <= 50).all()
        for name in ("samples/bin", "samples/error", "samples/image"):
            np.testing.assert_array_equal(a[name][...], b[name][...])


def test_a_sweep_over_many_shapes_of_network(sweep, tmp_path):
    shapes = ",".join(str(n) for n in range(2, 82))
    done = gensweep(sweep, "steps=1", "seeds=0", "evaluation.samples=4", "evaluation.every=0", "minibatch_discrimination=on",
                    f"+latent_dim={shapes}", "-o", tmp_path / "r.h5")
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "r.h5") as file:
        assert len(file["checkpoints"]) == 80


@pytest.mark.parametrize("output, reason", [("missing/r.h5", "No such file or directory"), ("small.yaml/r.h5", "Not a directory")])
def test_output_that_cannot_be_written(sweep, tmp_path, output, reason):
    done = gensweep(sweep, *FAST, "-o", output, cwd=tmp_path)
    assert done.returncode == 3
    assert output in done.stderr and reason in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_a_read_only_folder(sweep, tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    if subprocess.run(["touch", folder / "try"], capture_output=True, check=False).returncode == 0:
        pytest.skip("this user may write everywhere")
    done = gensweep(sweep, *FAST, "-o", folder / "r.h5")
    assert done.returncode == 3 and "Permission denied" in done.stderr


@pytest.mark.parametrize("arguments, says", [
    ((), "which sweep?"),
    (("--sweep", "x"), "unknown option '--sweep'"),
    (("--fersh",), "did you mean '--fresh'?"),
    (("a.yaml", "b.yaml"), "unexpected argument 'b.yaml'"),
    (("state", "x.h5"), "there is no verb and no file 'state'"),
    (("none.yaml",), "cannot read the sweep file 'none.yaml': No such file or directory"),
    ((".",), "cannot read the sweep file '.'"),
    (("small.yaml", "steps=many"), "command line:1:8: steps: expected an integer"),
    (("small.yaml", "stepz=5"), "did you mean 'steps'?"),
    (("small.yaml", "data.gren=0.5"), "did you mean 'data.green'?"),
    (("small.yaml", "seeds=3-1"), "runs backwards"),
    (("small.yaml", "-o"), "-o expects the name"),
    (("small.yaml", "--progress", "loud"), "--progress expects"),
    (("small.yaml", "--walltime", "4294967296:00:01"), "--walltime expects HH:MM:SS"),
    (("small.yaml", "--walltime", "1:60:00"), "--walltime expects HH:MM:SS"),
    (("small.yaml", "--walltime", "1--1:00:00"), "--walltime expects HH:MM:SS"),
    (("small.yaml", "model=GAN"), "did you mean 'gan'?"),
    (("small.yaml", "evaluation.evry=1"), "did you mean 'evaluation.every'?"),
    (("small.yaml", "seeds=0-9999999"), "are 20000000 runs; at most 10000000 are possible"),
    (("audit", "small.yaml", "--runs", "1", "--fraction", ".5"), "--runs and --fraction"),
    (("settings", "gann"), "did you mean 'gan'?"),
    (("settings", "gan", "vae"), "settings takes one model"),
    (("bench", "--walltime", "1:00:00"), "--walltime is no option of gensweep bench; run and audit have it"),
    (("verify", "small.yaml", "-o", "x"), "-o is no option of gensweep verify; run, plan and bench have it"),
    (("-o", "x", "status", "small.yaml"), "-o is no option of gensweep status; run, plan and bench have it"),
    (("bench", "--progress=none"), "--progress=none is no option of gensweep bench; run and audit have it"),
    (("audit", "small.yaml", "--max-attempts=3"), "--max-attempts=3 is no option of gensweep audit; run has it"),
    (("audit", "small.yaml", "--runs"), "--runs expects run numbers as in 3,7-9"),
    (("plan", "small.yaml", "--runs=3"), "--runs=3 is no option of gensweep plan; audit has it"),
    (("plan", "small.yaml", "--ranks", "1000001"), "--ranks expects a number from 1 to 1000000, got '1000001'"),
    (("small.yaml", "--max-attempts", "-1"), "--max-attempts expects a number from 0 (no limit) to 1000000, got '-1'"),
    (("bench", "--null-runs", "1e3"), "--null-runs expects a number from 1 to 10000000, got '1e3'"),
    (("small.yaml", "--kernels", "recorded"), "--kernels expects native or portable, got 'recorded'"),
    (("plan",), "which sweep? usage: gensweep plan SWEEP.yaml [KEY=VALUE ...]"),
    (("status",), "which results file? usage: gensweep status FILE.h5"),
])
def test_bad_usage(sweep, tmp_path, arguments, says):
    done = gensweep(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr and done.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def idx(images, magic=0x803):
    return struct.pack(">4I", magic, len(images), 28, 28) + images.tobytes()


@pytest.fixture
def images():
    generator = np.random.default_rng(1)
    return generator.integers(0, 256, (8, 28, 28), dtype=np.uint8)


@pytest.mark.parametrize("compress", [False, True])
def test_digits_from_idx_files(sweep, tmp_path, images, compress):
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(idx(images)) if compress else idx(images))
    done = gensweep(sweep, *FAST, f"data.mnist={path}", "data.indices=[7, 0, 3, 4, 5, 6]", "-o", tmp_path / "r.h5")
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "r.h5") as file:
        np.testing.assert_array_equal(np.rint(file["data/templates"][...] * 255), images[[7, 0, 3, 4, 5, 6]])


@pytest.mark.parametrize("content, says", [
    (lambda images: b"", "empty"),
    (lambda images: idx(images)[:3000], "indices"),
    (lambda images: struct.pack(">2I", 0x801, 8) + bytes(8), "labels"),
    (lambda images: b"not an IDX file at all", "not"),
    (lambda images: idx(images[:4]), "4 images"),
    (lambda images: gzip.compress(idx(images))[:400], ""),
])
def test_idx_files_with_something_wrong(sweep, tmp_path, images, content, says):
    path = tmp_path / "images"
    path.write_bytes(content(images))
    done = gensweep(sweep, *FAST, f"data.mnist={path}", "data.indices=[0, 1, 2, 3, 4, 5]", "-o", tmp_path / "r.h5")
    assert done.returncode == 2, done.stderr
    assert str(path) in done.stderr
    assert not (tmp_path / "r.h5").exists()


def test_help_version_and_settings():
    general = gensweep("--help")
    assert general.returncode == 0 and "SYNOPSIS" in general.stdout and "EXIT STATUS" in general.stdout
    assert gensweep("run", "--help").stdout == gensweep("help", "run").stdout != general.stdout
    version = gensweep("--version")
    assert version.returncode == 0 and "blas kernel" in version.stdout
    assert "kl_weight" not in gensweep("settings", "gan").stdout
    assert "kl_weight" in gensweep("settings").stdout


def test_options_may_stand_before_the_verb(sweep):
    assert gensweep("--ranks", "2", "--json", "plan", sweep, "--no-measure").stdout == gensweep("plan", sweep, "--no-measure", "--json", "--ranks=2").stdout != ""
    assert gensweep("--help", "plan").stdout == gensweep("plan", "--help").stdout == gensweep("help", "plan").stdout
    assert gensweep("--runs", "plan", sweep, "--no-measure").stdout == gensweep("plan", sweep, "--no-measure", "--runs").stdout != ""
    assert "is no results file" in gensweep("--runs", "1", "audit", sweep).stderr


@pytest.mark.parametrize("verb, options", [("verify", ("--repair",)), ("verify", ("--repair", "--kernels", "recorded")), ("audit", ("--kernels", "recorded"))])
def test_help_beside_options_that_need_a_file(verb, options):
    for arguments in ((verb, *options, "--help"), ("--help", verb, *options)):
        done = gensweep(*arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, gensweep("help", verb).stdout, "")
    assert gensweep(verb, *options, "--version").stdout == gensweep("--version").stdout != ""


def test_verbs_have_the_options_that_their_help_lists():
    verbs = ("run", "plan", "status", "audit", "verify", "settings", "bench")
    helps = {verb: gensweep(verb, "--help").stdout for verb in verbs}
    options = {verb: set(re.findall(r"^  (?:-o, )?(--[a-z-]+)", text, re.MULTILINE)) for verb, text in helps.items()}
    everything = set.union(*options.values())
    assert len(everything) > 15 and not options["settings"]
    for verb, text in helps.items():
        assert max(map(len, text.splitlines())) <= 120
        synopsis = re.search(r"^SYNOPSIS\n(.*?)\n\n", text, re.DOTALL | re.MULTILINE)[1]
        assert synopsis in gensweep("--help").stdout
        assert {f"--{name}" for name in re.findall(r"\[--([a-z-]+)", synopsis.replace("[-o ", "[--output "))} == options[verb]
        for option in everything:
            done = gensweep(verb, option, "--none", "--none")  # the first may be a value, the second is none
            taken = option in options[verb] | (options["run"] if verb == "plan" else set())
            assert done.returncode == 2 and (f"{option} is no option of gensweep {verb}; " in done.stderr) == (not taken)


def test_readme_lists_every_setting_with_its_default():
    listed = dict(re.findall(r"^\| `([\w.]+)` \| ([^|]*) \|", (ROOT / "README.md").read_text(), re.MULTILINE))
    told = dict(re.findall(r"^  (\S+)\n.*\n.*\n      default: (.*)$", gensweep("settings").stdout, re.MULTILINE))
    assert len(told) > 20
    assert {name: value.strip() for name, value in listed.items() if name in told} == told


def test_readme_example_of_reading(small_sweep):
    code = re.search(r"```python\n(import h5py\nwith.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    assert "results/quickstart.h5" in code
    exec(compile(code.replace("results/quickstart.h5", str(small_sweep[1])), "README", "exec"), {})


def test_progress_in_a_log_file_is_plain_lines(sweep, tmp_path):
    done = gensweep(sweep, *FAST, "-o", tmp_path / "r.h5")
    assert "\r" not in done.stderr and "\x1b" not in done.stderr
    assert re.search(r"100% 2/2 runs done, 0 running, 0 failed", done.stderr)
    quiet = gensweep(sweep, *FAST, "-o", tmp_path / "q.h5", "--progress", "none")
    assert "%" not in quiet.stderr
    bar = gensweep(sweep, *FAST, "-o", tmp_path / "b.h5", "--progress=bar")
    assert "\n[####" in bar.stderr and "] 100% " in bar.stderr and bar.stderr.count("\x1b[K") >= 2  # \r is read as \n here


def test_the_batch_script_runs_as_a_plain_script(sweep, tmp_path):
    done = subprocess.run([ROOT / "slurm/gensweep.sbatch", sweep, *FAST, "-o", tmp_path / "r.h5"], capture_output=True, text=True,
                          cwd=tmp_path, check=False, timeout=60,
                          env={"PATH": "/usr/local/bin:/usr/bin:/bin", "GENSWEEP": str(PROGRAM), "SLURM_NTASKS": "2",
                               "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "HOME": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 ranks" in done.stdout and "exit status 0" in done.stdout
