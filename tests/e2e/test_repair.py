"""gensweep verify --repair: what is damaged is made again from checkpoints, or set back, in a new file."""

import ctypes
import functools
import resource
import shutil
import signal
import struct
import subprocess
import time

import h5py
import numpy as np
import pytest
from support import ALL_MODELS, PROGRAM, SMALL, finished, gensweep, start

FOUR_RUNS = SMALL.replace("samples: 1000", "samples: 60") + "storage: {compression: 1}\n"
SAMPLES = ["samples/image", "samples/bin", "samples/error"]
LAUNCHES = ("provenance/", "runs/seconds", "runs/rank", "runs/attempts", "runs/launch", "runs/interruptions")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A sweep of all models, one run each."""
    return finished(tmp_path_factory.mktemp("models"), ALL_MODELS + "storage: {compression: 1}\n")


@pytest.fixture(scope="module")
def four_runs(tmp_path_factory):
    """A sweep of small GANs."""
    return finished(tmp_path_factory.mktemp("four"), FOUR_RUNS)


@pytest.fixture
def damaged(four_runs, tmp_path):
    """A copy of its file, to be damaged at will."""
    return shutil.copy(four_runs[1], tmp_path / "r.h5")


# ---- damage --------------------------------------------------------------------------------------------------------


def overwrite(results, address, content):
    with open(results, "r+b") as file:
        file.seek(address)
        file.write(content)


def chunk_of(results, dataset, row):
    with h5py.File(results) as file:
        rank = file[dataset].ndim
        return file[dataset].id.get_chunk_info_by_coord((row, *[0] * (rank - 1)))


def destroy_chunk(results, dataset, row):
    """What is stored can no longer be inflated."""
    chunk = chunk_of(results, dataset, row)
    overwrite(results, chunk.byte_offset, bytes(min(chunk.size, 64)))


def destroy_index(results, dataset, signature):
    """The index of a dataset's chunks can no longer be read: a v2 B-tree (BTHD) or an extensible array (EAHD); or
    a later part of its description (OCHK)."""
    content, places = results.read_bytes(), {}
    with h5py.File(results) as file:
        header = h5py.h5o.get_info(file[dataset].id).addr
    at = content.find(signature)
    while at >= 0:
        places[content.find(struct.pack("<Q", at), header)] = at
        at = content.find(signature, at + 1)
    nearest = min(place for place in places if place >= 0)
    assert nearest < header + 1024
    overwrite(results, places[nearest] + 8, b"\xff" * 8)


def destroy_object(results, path):
    """A group or a dataset can no longer be opened."""
    with h5py.File(results) as file:
        header = h5py.h5o.get_info(file[path].id).addr
    overwrite(results, header + 8, b"\xff" * 8)


def delete(results, path):
    with h5py.File(results, "r+") as file:
        del file[path]


def claim_rows(results, dataset, rows):
    """The dataset says that it has so many rows, with a checksum that is right."""
    with open("/proc/self/maps") as maps:
        library = ctypes.CDLL(next(line.split()[-1] for line in maps if "libhdf5" in line and "_hl" not in line))
    library.H5_checksum_metadata.restype = ctypes.c_uint32
    with h5py.File(results) as file:
        header, shape = h5py.h5o.get_info(file[dataset].id).addr, file[dataset].shape
    content = bytearray(results.read_bytes()[header:header + 4096])
    size = next(size for size in range(8, 4000) if struct.pack("<I", library.H5_checksum_metadata(bytes(content[:size]), size, 0)) == content[size:size + 4])
    place = content.find(struct.pack(f"<BBBB{len(shape)}Q", 2, len(shape), 1, 1, *shape))
    assert 0 < place < size
    content[place + 4:place + 12] = struct.pack("<Q", rows)
    content[size:size + 4] = struct.pack("<I", library.H5_checksum_metadata(bytes(content[:size]), size, 0))
    overwrite(results, header, content[:size + 4])
    with h5py.File(results) as file:
        assert file[dataset].shape == (rows, *shape[1:])


def leave_out_chunk(results, dataset, row):
    """As if the row's chunks had never been written."""
    with h5py.File(results, "r+") as file:
        old = file[dataset]
        values, axes = old[...], [(axis.label, axis[0]) for axis in old.dims]
        del file[dataset]
        made = h5py.h5d.create(file.id, dataset.encode(), old.id.get_type(), old.id.get_space(), old.id.get_create_plist())
        for r in range(values.shape[0]):
            if r != row:
                file[dataset][r] = values[r]
        for axis, (label, scale) in zip(file[dataset].dims, axes):
            axis.label = label
            axis.attach_scale(scale)
        assert made.id


# ---- comparison ----------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=4)
def contents_of_original(path, leave):
    return contents(path, leave)


def contents(path, leave=()):
    """The bytes of every dataset, by path."""
    found = {}

    def add(name, item):
        if isinstance(item, h5py.Dataset) and not (leave and name.startswith(leave)):
            found[name] = (item.shape, item[()].tobytes())

    with h5py.File(path) as file:
        file.visititems(add)
    return found


def properties(path):
    """Everything else: attributes, types, shapes, filters, fill values and scales, by path."""
    found = {}

    def add(name, item):
        found[name] = {key: np.array(item.attrs[key]).tolist() for key in item.attrs if key not in ("DIMENSION_LIST", "REFERENCE_LIST")}
        if isinstance(item, h5py.Dataset):
            scales = [[scale.name for scale in axis.values()] for axis in item.dims]
            found[name][""] = (str(item.dtype), item.shape, item.maxshape, item.chunks, item.compression, item.compression_opts,
                               np.array(item.fillvalue).tobytes(), scales)

    with h5py.File(path) as file:
        add("/", file)
        file.visititems(add)
    return found


def assert_same(path, expected, leave=()):
    found, wanted = contents(path, leave), contents_of_original(expected, leave)
    assert found.keys() == wanted.keys()
    for name in wanted:
        assert found[name] == wanted[name], name


def repair(results, *arguments, code=0, **environment):
    done = gensweep("verify", results, "--repair", *arguments, **environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert "gives no reason" not in done.stdout + done.stderr
    return done


def assert_repaired(results, original, runs):
    """All runs are made again, bit for bit, and the damaged file is kept."""
    before = results.read_bytes()
    said = repair(results).stdout.splitlines()
    assert [line.split(" (")[0] for line in said if line.startswith("run ")] == [f"run {run}" for run in runs]
    assert said.count("  made again from its checkpoint, with the stored digests") == len(runs)
    assert_same(results, original)
    assert results.with_name(results.name + ".1").read_bytes() == before
    assert not list(results.parent.glob("*.lock")) and not list(results.parent.glob("*.tmp"))


# ---- samples -------------------------------------------------------------------------------------------------------


def test_samples_of_every_model(models, tmp_path):
    results = shutil.copy(models[1], tmp_path / "r.h5")
    for run in range(5):
        destroy_chunk(results, SAMPLES[run % 3], run)
    assert_repaired(results, models[1], range(5))
    assert properties(results) == properties(models[1])
    assert gensweep("audit", results, "--fraction", "1", "--read-only").returncode == 0


@pytest.mark.parametrize("datasets", [SAMPLES[:1], SAMPLES])
def test_broken_index(four_runs, damaged, datasets):
    for dataset in datasets:
        destroy_index(damaged, dataset, b"BTHD")
    found = gensweep("verify", damaged)
    assert found.returncode == 1 and found.stdout.count(": samples cannot be read: ") == 4 and "--repair" in found.stderr
    assert_repaired(damaged, four_runs[1], range(4))
    assert gensweep("verify", damaged).returncode == 0


@pytest.mark.parametrize("dataset", ["samples/image", "coverage/examples"])
def test_missing_dataset(four_runs, damaged, dataset):
    with h5py.File(damaged, "r+") as file:
        for axis in file[dataset].dims:
            for scale in list(axis.values()):
                axis.detach_scale(scale)
        del file[dataset]
    assert_repaired(damaged, four_runs[1], range(4))
    assert properties(damaged) == properties(four_runs[1])


def test_all_samples_missing(four_runs, damaged):
    with h5py.File(damaged, "r+") as file:
        for dataset in SAMPLES:
            for axis in file[dataset].dims:
                axis.detach_scale(axis[0])
            del file[dataset]
    assert_repaired(damaged, four_runs[1], range(4))


@pytest.mark.parametrize("dataset", ["samples/image", "samples/bin"])
def test_missing_chunk(four_runs, damaged, dataset):
    leave_out_chunk(damaged, dataset, 2)
    assert_repaired(damaged, four_runs[1], [2])


# ---- what is computed from samples ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dataset", ["coverage/counts", "digests/samples", "digests/curves", "runs/digest"])
def test_a_changed_value(four_runs, damaged, dataset):
    with h5py.File(damaged, "r+") as file:
        row = file[dataset][1]
        file[dataset][1] = b"f" * 32 if row.dtype.kind == "S" else row + 3
    assert_repaired(damaged, four_runs[1], [1])


def test_examples_cannot_be_read(four_runs, damaged):
    destroy_chunk(damaged, "coverage/examples", 3)
    assert_repaired(damaged, four_runs[1], [3])


@pytest.mark.parametrize("dataset", ["coverage/counts", "metrics/tv", "runs/digest"])
def test_a_table_cannot_be_read(four_runs, damaged, dataset):
    destroy_index(damaged, dataset, b"EAHD")
    assert_repaired(damaged, four_runs[1], range(4))


@pytest.mark.parametrize("path", ["metrics", "coverage/examples", "samples"])
def test_an_object_cannot_be_opened(four_runs, damaged, path):
    destroy_object(damaged, path)
    assert_repaired(damaged, four_runs[1], range(4))
    assert properties(damaged) == properties(four_runs[1])


@pytest.mark.parametrize("dataset", ["coverage/error_sum", "coverage/examples", "samples/image"])
@pytest.mark.parametrize("rows", [lambda size: size // 128, lambda size: 1 << 60])
def test_an_extent_that_cannot_be(four_runs, damaged, dataset, rows):
    """HDF5 would walk through all those rows."""
    claim_rows(damaged, dataset, rows(damaged.stat().st_size))
    found = gensweep("verify", damaged)
    assert found.returncode == 1 and found.stdout.count("run ") >= 4
    assert_repaired(damaged, four_runs[1], range(4))
    assert properties(damaged) == properties(four_runs[1])


def test_a_file_that_claims_many_launches_is_not_made_larger(damaged, four_runs):
    claim_rows(damaged, "provenance/started", 1 << 27)
    size = damaged.stat().st_size
    done = gensweep(four_runs[0], "-o", damaged)
    assert done.returncode in (0, 3), done.stderr
    assert damaged.stat().st_size < 2 * size


def test_a_description_is_damaged(four_runs, damaged):
    """The part of it that tells nothing of the contents, which HDF5 needs all the same: h5py cannot open the dataset."""
    destroy_index(damaged, "curves/generator_loss", b"OCHK")
    with h5py.File(damaged) as file, pytest.raises(KeyError):
        assert file["curves/generator_loss"]
    assert_repaired(damaged, four_runs[1], range(4))
    assert properties(damaged) == properties(four_runs[1])


def test_without_stored_samples_counts_are_made_again(four_runs, tmp_path):
    results = tmp_path / "r.h5"
    assert gensweep(four_runs[0], "-o", results, "storage.samples=none").returncode == 0
    original = shutil.copy(results, tmp_path / "original.h5")
    with h5py.File(results, "r+") as file:
        file["coverage/counts"][2] += 1
    assert_repaired(results, original, [2])


def test_a_run_that_was_stopped_early(tmp_path):
    sweep, results = tmp_path / "stopping.yaml", tmp_path / "r.h5"
    sweep.write_text("seeds: 0-3\nparameters: {model: oracle, steps: 40, batch_size: 8, learning_rate: [1e-4, 1e-2]}\n"
                     "evaluation: {samples: 200, every: 10}\nearly_terminate: {type: hyperband, eta: 2}\n")
    assert gensweep(sweep, "-o", results).returncode == 0
    original = shutil.copy(results, tmp_path / "original.h5")
    destroy_index(results, "samples/image", b"BTHD")
    with h5py.File(results) as file:
        assert (file["runs/steps_done"][...] < 40).any()
    assert_repaired(results, original, range(8))


def test_an_extended_file(four_runs, damaged, tmp_path):
    """Rows that are no longer in the sweep are repaired as others are, and the sweep goes on."""
    sweep = tmp_path / "other.yaml"
    sweep.write_text(FOUR_RUNS.replace("seeds: [3, 11]", "seeds: [11, 12]").replace("samples: 60", "samples: 410"))
    assert gensweep(sweep, "-o", damaged).returncode == 0
    damaged.with_name("r.h5.1").unlink()
    original = shutil.copy(damaged, tmp_path / "original.h5")
    with h5py.File(damaged) as file:
        runs = file["runs/id"].shape[0]
    destroy_index(damaged, "samples/bin", b"BTHD")
    assert_repaired(damaged, original, range(runs))
    again = gensweep(sweep, "-o", damaged)
    assert again.returncode == 0 and "nothing to do" in again.stderr


# ---- what has to be trained again ----------------------------------------------------------------------------------


def assert_set_back(sweep, results, original, runs, reason, *arguments):
    before = results.read_bytes()
    done = repair(results, code=1)
    assert done.stdout.count("set back to pending, because") == len(runs) and reason in done.stdout, done.stdout
    assert results.with_name("r.h5.1").read_bytes() == before
    with h5py.File(results) as file:
        assert [run for run, status in enumerate(file["runs/status"][...]) if status == 0] == list(runs)
        assert not file["coverage/counts"][list(runs)].any() and set(file["runs/digest"][list(runs)]) == {b""}
        assert np.isnan(file["metrics/tv"][list(runs)]).all() and set(file["runs/launch"][list(runs)]) == {-1}
    assert gensweep("verify", results).returncode == 0
    again = gensweep(sweep, "-o", results, *arguments)
    assert again.returncode == 0 and f"{len(runs)} to do" in again.stderr, again.stderr
    assert_same(results, original, LAUNCHES)


@pytest.mark.parametrize("part", ["checkpoint", "curves", "coverage"])
def test_a_changed_source(four_runs, damaged, part):
    with h5py.File(damaged, "r+") as file:
        if part == "checkpoint":
            file["checkpoints/gan_2/generator/dense_0/kernel"][1, 3, 3] += 1e-3
        elif part == "curves":
            file["curves/generator_loss"][3, 7] += 1e-3
        else:
            file["coverage/over_training/rejected"][3, 1] += 1
    reason = "stored digests" if part == "coverage" else "not what the digest was taken of"
    assert_set_back(four_runs[0], damaged, four_runs[1], [3], reason)


def test_weights_cannot_be_read(four_runs, damaged):
    destroy_index(damaged, "checkpoints/gan/generator/dense_0/kernel", b"BTHD")
    assert_set_back(four_runs[0], damaged, four_runs[1], [0, 1], "its checkpoint cannot be read")


def test_all_weights_are_lost(four_runs, damaged):
    destroy_object(damaged, "checkpoints")
    assert_set_back(four_runs[0], damaged, four_runs[1], range(4), "its checkpoint is not stored")


@pytest.mark.parametrize("name", ["run", "generator/dense_1/bias"])
def test_a_layout_is_lost(four_runs, damaged, name):
    with h5py.File(damaged, "r+") as file:
        del file[f"checkpoints/gan/{name}"]
    assert_set_back(four_runs[0], damaged, four_runs[1], [0, 1], "/checkpoints/gan")


def test_steps_cannot_be_read(four_runs, damaged):
    destroy_index(damaged, "runs/steps_done", b"EAHD")
    assert_set_back(four_runs[0], damaged, four_runs[1], range(4), "cannot read")


def test_settings_that_are_not_those_of_the_identity(damaged):
    with h5py.File(damaged, "r+") as file:
        file["settings/latent_dim"][2] = 15
        file["coverage/counts"][2] += 1
    done = repair(damaged, code=1)
    assert "set back to pending, because the settings, seed and digits in the file are not those of /runs/id" in done.stdout
    assert gensweep("verify", damaged).returncode == 0


def test_without_checkpoints(four_runs, tmp_path):
    results = tmp_path / "r.h5"
    assert gensweep(four_runs[0], "-o", results, "storage.checkpoints=none").returncode == 0
    original = shutil.copy(results, tmp_path / "original.h5")
    destroy_chunk(results, "samples/image", 1)
    assert_set_back(four_runs[0], results, original, [1], "its checkpoint is not stored", "storage.checkpoints=none")


def test_a_failed_run(tmp_path):
    sweep, results = tmp_path / "failing.yaml", tmp_path / "r.h5"
    sweep.write_text("seeds: 0-1\nparameters: {model: oracle, steps: 40, batch_size: 8, learning_rate: [1e-4, 1e38]}\nevaluation: {samples: 100}\n")
    assert gensweep(sweep, "-o", results).returncode == 1
    original = shutil.copy(results, tmp_path / "original.h5")
    destroy_index(results, "curves/loss", b"EAHD")
    done = repair(results, code=1)
    assert done.stdout.count("because it had failed") == 2 and done.stdout.count("set back") == 5
    assert gensweep(sweep, "-o", results).returncode == 1
    assert_same(results, original, LAUNCHES)


# ---- kernels -------------------------------------------------------------------------------------------------------


def test_recorded_kernels(four_runs, tmp_path):
    results = tmp_path / "r.h5"
    assert gensweep(four_runs[0], "-o", results, "evaluation.samples=1000", OPENBLAS_CORETYPE="Nehalem").returncode == 0
    with h5py.File(results) as file:
        if file["provenance/blas_kernel"][0] != b"Nehalem":
            pytest.skip("this OpenBLAS has one set of kernels")
    original = shutil.copy(results, tmp_path / "original.h5")
    destroy_chunk(results, "samples/image", 1)
    assert_repaired(results, original, [1])

    destroy_chunk(results, "samples/image", 2)
    with h5py.File(results, "r+") as file:
        file["provenance/blas_kernel"][0] = b"Abacus"
    before = objects_without_broken(results)
    done = repair(results, code=1, OPENBLAS_CORETYPE="Haswell")
    assert "'Abacus', which cannot be had here" in done.stderr and "left as it was" in done.stdout and "set back to pending, because" not in done.stdout
    assert objects_without_broken(results) == before
    assert repair(results, "--kernels", "recorded", code=2).stdout == ""
    done = repair(results, "--kernels", "native", code=1, OPENBLAS_CORETYPE="Haswell")
    assert "set back to pending, because its checkpoint gives other samples with the BLAS kernels 'Haswell' than with its own, 'Abacus'" in done.stdout


def objects_without_broken(results):
    """Everything but the samples, of which some cannot be read."""
    with h5py.File(results) as file:
        found = {"status": file["runs/status"][...].tolist(), "bins": file["samples/bin"][...].tobytes()}
        file["checkpoints"].visititems(lambda name, item: found.update({name: item[...].tobytes()}) if isinstance(item, h5py.Dataset) else None)
    return found


def test_kernels_without_repair(damaged):
    done = gensweep("verify", damaged, "--kernels", "native")
    assert done.returncode == 2 and "--repair" in done.stderr


# ---- the file ------------------------------------------------------------------------------------------------------


def test_nothing_to_repair(damaged):
    before = damaged.read_bytes()
    done = repair(damaged)
    assert done.stdout.endswith("every digest agrees\nnothing to repair\n")
    assert damaged.read_bytes() == before and [path.name for path in damaged.parent.iterdir()] == ["r.h5"]


@pytest.mark.parametrize("dataset", ["provenance/argv", "runs/seconds"])
def test_what_belongs_to_no_result_is_lost(four_runs, damaged, dataset):
    destroy_index(damaged, dataset, b"EAHD")
    found = gensweep("verify", damaged)
    assert found.returncode == 1 and f"/{dataset} cannot be read" in found.stdout and "1 other place cannot be read" in found.stdout
    done = repair(damaged, code=1)
    assert "lost; it belongs to no result" in done.stdout
    assert_same(damaged, four_runs[1], (dataset,))
    assert repair(damaged).stdout.endswith("nothing to repair\n")


SCALES = ["run", "color", "digit", "row", "column", "channel", "samples/sample", "curves/curve_point", "coverage/over_training/point",
          "checkpoints/gan/checkpoint"]


@pytest.mark.parametrize("axis, destroy", [*((axis, destroy_object) for axis in SCALES), *((axis, delete) for axis in ("run", "color", "samples/sample"))])
def test_coordinates_are_made_again(four_runs, damaged, axis, destroy):
    destroy(damaged, axis)
    seen = gensweep("verify", damaged)
    if destroy is destroy_object:
        assert seen.returncode == 1 and "4 runs done" in seen.stdout and "every digest agrees; " in seen.stdout, seen.stdout
        assert "set back" not in repair(damaged, code=1).stdout
        assert properties(damaged) == properties(four_runs[1])
    assert contents(damaged, ("provenance", axis)) == contents_of_original(four_runs[1], ("provenance", axis))
    extended = gensweep(four_runs[0], "seeds=[3, 11, 12]", "-o", damaged)
    assert extended.returncode == 0, extended.stderr
    with h5py.File(damaged) as file:
        assert len(file["run"]) == 6 and file["coverage/counts"].dims[0][0] == file["run"]


@pytest.mark.parametrize("dataset", ["settings/steps", "runs/status", "runs/label"])
def test_what_was_planned_cannot_be_read(damaged, dataset):
    destroy_index(damaged, dataset, b"EAHD")
    before = damaged.read_bytes()
    done = repair(damaged, code=3)
    assert "r.h5" in done.stderr
    assert damaged.read_bytes() == before and [path.name for path in damaged.parent.iterdir()] == ["r.h5"]


def test_what_is_no_results_file(tmp_path):
    (tmp_path / "x.h5").write_text("no HDF5")
    with h5py.File(tmp_path / "y.h5", "w") as file:
        file["a"] = 1
    for name in ("x.h5", "y.h5", "missing.h5"):
        assert "Error" not in repair(tmp_path / name, code=3).stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.h5", "y.h5"]


def test_beside_a_writer_and_after_its_death(four_runs, damaged):
    sweep = start(four_runs[0], "-o", damaged, "seeds=[3,11,12]", "steps=60,200000", "evaluation.every=0")
    try:
        while sweep.poll() is None and not damaged.with_name("r.h5.1").exists():
            time.sleep(.01)
        done = repair(damaged, code=3)
        assert "is being written" in done.stderr or "another gensweep" in done.stderr, done.stderr
        assert sweep.poll() is None
    finally:
        sweep.kill()
        sweep.wait()
    with h5py.File(damaged, swmr=True) as file:
        chunk = file["samples/image"].id.get_chunk_info_by_coord((0, 0, 0, 0, 0))
        statuses = file["runs/status"][...].tolist()
    overwrite(damaged, chunk.byte_offset, bytes(64))
    assert repair(damaged).stdout.count("made again from") == 1
    with h5py.File(damaged) as file, h5py.File(four_runs[1]) as original:
        assert file["runs/status"][...].tolist() == statuses and 1 in statuses
        assert (file["samples/image"][0] == original["samples/image"][0]).all()


def limit_file_size(size):
    """As a full disk, at that size of the new file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("share", [.1, .5, .9])
def test_full_disk(damaged, share):
    destroy_chunk(damaged, "samples/image", 3)
    before = damaged.read_bytes()
    done = subprocess.run([PROGRAM, "verify", damaged, "--repair"], text=True, capture_output=True, check=False,
                          preexec_fn=lambda: limit_file_size(int(share * len(before))))
    assert done.returncode == 3 and ": File too large" in done.stderr, done.stdout + done.stderr
    assert damaged.read_bytes() == before and [path.name for path in damaged.parent.iterdir()] == ["r.h5"]


def test_killed_in_the_middle(models, tmp_path):
    results = shutil.copy(models[1], tmp_path / "r.h5")
    destroy_chunk(results, "samples/image", 3)
    before = results.read_bytes()
    for delay in (0, .02, .1):
        process = subprocess.Popen([PROGRAM, "verify", results, "--repair"], stdout=subprocess.DEVNULL)
        while process.poll() is None and not list(tmp_path.glob("r.h5.*.tmp")):
            pass
        time.sleep(delay)
        process.kill()
        assert process.wait() == -signal.SIGKILL, "the repair was done too early for this test"
        assert results.read_bytes() == before and not results.with_name("r.h5.1").exists()
    assert_repaired(results, models[1], [3])
