"""The results file of a real sweep, read with plain h5py and recomputed with NumPy and SciPy."""

import re
import shutil
import subprocess

import h5py
import numpy as np
import pytest
from scipy import stats

from support import ROOT, SMALL, gensweep

COLORS = ["red", "redblue", "bluered", "blue", "green"]
DIGITS = ["0A", "0B", "1", "2", "3", "4"]


@pytest.fixture(scope="module")
def file(small_sweep):
    with h5py.File(small_sweep[1], "r") as opened:
        yield opened


def text(dataset):
    return [value.decode() for value in dataset[...]]


def test_what_interface_promises_is_there(file):
    assert file.attrs["format"] == b"gensweep" or file.attrs["format"] == "gensweep"
    assert file.attrs["format_version"] == 1
    runs = file["runs"]
    assert text(runs["variant"]) == ["minibatch_discrimination=off"] * 2 + ["minibatch_discrimination=on"] * 2
    assert text(runs["label"])[1] == "minibatch_discrimination=off, seed=11"
    assert list(runs["seed"]) == [3, 11, 3, 11]
    assert list(runs["status"]) == [2, 2, 2, 2]
    assert h5py.check_enum_dtype(runs["status"].dtype) == {"pending": 0, "running": 1, "done": 2, "failed": 3}
    assert list(runs["steps_done"]) == [60] * 4
    assert list(runs["attempts"]) == [1] * 4
    assert all(seconds > 0 for seconds in runs["seconds"])
    assert len(set(text(runs["id"]))) == 4 and len(set(text(runs["digest"]))) == 4
    assert text(file["data/digit_names"]) == DIGITS and text(file["data/color_names"]) == COLORS
    assert file["sweep/yaml"][()].decode() == SMALL
    assert file["data/templates"].shape == (6, 28, 28)
    assert file["samples/image"].shape == (4, 1000, 28, 28, 3) and file["samples/image"].dtype == np.uint8
    assert file["samples/bin"].dtype == np.uint8 and file["samples/error"].dtype == np.uint16
    assert [value.decode() for value in file["coverage/counts"].attrs["colors"]] == COLORS
    for name in ("blas_kernel", "argv", "hosts", "compiler_flags", "git_commit", "environment"):
        assert file["provenance"][name].shape == (1,)


def test_axes_have_names_and_scales(file):
    counts = file["coverage/counts"]
    assert [axis.label for axis in counts.dims] == ["run", "color", "digit"]
    assert [axis[0].name for axis in counts.dims] == ["/run", "/color", "/digit"]
    assert [axis.label for axis in file["samples/image"].dims] == ["run", "sample", "row", "column", "channel"]
    assert text(file["color"]) == COLORS and text(file["digit"]) == DIGITS and list(file["run"]) == list(range(4))


def assert_netcdf(file):
    """All axes of a dataset have a scale or none has, and it stands in the dataset's group or in one above and is called like the axis."""
    scaled = set()

    def look(name, item):
        if not isinstance(item, h5py.Dataset) or h5py.h5ds.is_scale(item.id) or item.ndim == 0:
            return
        scales = [list(axis.values()) for axis in item.dims]
        assert len({len(found) for found in scales}) == 1 and len(scales[0]) <= 1, name
        for axis, found in zip(item.dims, scales):
            for scale in found:
                folder, own = scale.name.rsplit("/", 1)
                assert own == axis.label and f"/{name}".startswith(f"{folder}/"), name
                scaled.add(name.split("/")[0])
        assert all(len(found[0]) == size for found, size in zip(scales, item.shape) if found), name
    file.visititems(look)
    assert scaled == {"runs", "digests", "settings", "metrics", "coverage", "samples", "curves", "data", "checkpoints"}


def test_axes_are_those_of_netcdf(file, small_sweep, tmp_path):
    assert_netcdf(file)
    sweep, results, _ = small_sweep
    shutil.copy(results, tmp_path / "r.h5")
    assert gensweep(sweep, "steps=60,90", "seeds=[3, 4]", "evaluation.samples=1010", "evaluation.every=10", "-o", tmp_path / "r.h5").returncode == 0
    with h5py.File(tmp_path / "r.h5") as extended:
        assert extended["run"].shape == extended["runs/id"].shape and list(extended["samples/sample"]) == list(range(1010))
        assert_netcdf(extended)


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_xarray_reads_it(small_sweep, engine):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip({"netcdf4": "netCDF4"}.get(engine, engine))
    for group, dims in (("coverage", ("run", "color", "digit")), ("metrics", ("run",)), ("samples", ("run", "sample")), ("curves", ("run", "curve_point"))):
        with xarray.open_dataset(small_sweep[1], engine=engine, group=group) as found:
            assert set(dims) <= set(found.sizes) and not [name for name in found.sizes if name.startswith("phony")]
    with xarray.open_dataset(small_sweep[1], engine=engine, group="checkpoints/gan_2") as found:
        assert list(found["run"].values) == [2, 3]
    if hasattr(xarray, "open_datatree") and hasattr(xarray, "DataTree"):
        with xarray.open_datatree(small_sweep[1], engine=engine) as tree:
            assert [name if isinstance(name, str) else name.decode() for name in tree["coverage/counts"].coords["color"].values] == COLORS
            assert list(tree["checkpoints/gan_2/run"].values) == [2, 3]


def test_settings_say_what_does_not_apply(file):
    settings = file["settings"]
    assert list(settings["minibatch_discrimination"]) == [0, 0, 1, 1]
    assert list(settings["mbd_features"]) == [-1, -1, 8, 8]
    assert settings["mbd_features"].attrs["not_applicable"] == -1
    assert np.isnan(settings["kl_weight"]).all()
    assert list(settings["generator_learning_rate"]) == [5e-3] * 4
    np.testing.assert_array_equal(settings["data.digit_weights"][0], [4, 4, 4, 4, 2, 1])


def classify(images, templates):
    """Bins and errors of METHODS section 2, from bytes, in NumPy."""
    grey = images.astype(np.int64).sum(axis=-1)
    ink = np.rint(templates * 255).astype(np.int64)
    error = np.stack([(np.abs(grey - template) > 127.5).sum(axis=(1, 2)) for template in ink], axis=1)
    digit = error.argmin(axis=1)
    sums = images.astype(np.float64).sum(axis=(1, 2))
    total = sums.sum(axis=1)
    means = np.array([[.875, 0, .125], [.625, 0, .375], [.375, 0, .625], [.125, 0, .875], [0, 1, 0]])
    share = sums / np.where(total == 0, 1, total)[:, None]
    color = ((share[:, None, :] - means[None]) ** 2).sum(axis=2).argmin(axis=1)
    return np.where(total < 255, 255, color * 6 + digit), error.min(axis=1)


def test_bins_and_errors_follow_from_the_stored_images(file):
    for run in range(4):
        bins, errors = classify(file["samples/image"][run], file["data/templates"][...])
        np.testing.assert_array_equal(bins, file["samples/bin"][run])
        np.testing.assert_array_equal(errors, file["samples/error"][run])


def test_counts_follow_from_the_bins(file):
    for run in range(4):
        bins, errors = file["samples/bin"][run], file["samples/error"][run].astype(float)
        good = bins != 255
        np.testing.assert_array_equal(np.bincount(bins[good], minlength=30).reshape(5, 6), file["coverage/counts"][run])
        assert file["coverage/rejected"][run] == (~good).sum()
        np.testing.assert_allclose(np.bincount(bins[good], errors[good], 30).reshape(5, 6), file["coverage/error_sum"][run])
        for k in np.unique(bins[good]):
            first = np.flatnonzero(bins == k)[0]
            np.testing.assert_array_equal(file["coverage/examples"][run, k // 6, k % 6], file["samples/image"][run, first])


def test_expected_table_is_the_outer_product(file):
    expected = np.outer([.165] * 4 + [.34], np.array([4, 4, 4, 4, 2, 1]) / 19)
    np.testing.assert_allclose(file["coverage/expected"][0], expected, rtol=1e-12)


def holm(p, level):
    rejected = 0
    for value in np.sort(p):
        if value > level / (len(p) - rejected):
            break
        rejected += 1
    return rejected


def shade_distance(images, bins):
    weights, distances = 0, 0.0
    for k in range(24):
        chosen = images[bins == k].astype(float).sum(axis=(1, 2))
        if len(chosen) == 0:
            continue
        share = (chosen[:, 0] / (chosen[:, 0] + chosen[:, 2]) - (3 - k // 6) / 4) * 4
        distances += len(chosen) * stats.kstest(np.clip(share, 0, 1), "uniform").statistic
        weights += len(chosen)
    return distances / weights if weights else np.nan


def independent_metrics(counts, rejected, error_sum, expected, good, images, bins):
    """METHODS section 4 in NumPy and SciPy."""
    n, q = counts.ravel().astype(float), expected.ravel()
    accepted = n.sum()
    total = accepted + rejected
    ratio, p = n / (total * q), n / accepted
    covered = q[ratio >= .1].sum()
    with_reject = np.append(n, rejected) / total
    binomial = np.array([stats.binomtest(int(k), int(accepted), float(share)).pvalue for k, share in zip(n, q)])
    chi2, g = stats.chisquare(n, accepted * q), stats.power_divergence(n, accepted * q, lambda_="log-likelihood")
    middle = (p + q) / 2
    return {
        "modes_0": (n > 0).sum(), "modes_10": (ratio >= .1).sum(), "modes_50": (ratio >= .5).sum(), "covered_mass": covered,
        "worst_bin": ratio.argmin(), "worst_ratio": ratio.min(), "tv": np.abs(p - q).sum() / 2,
        "tv_reject": np.abs(with_reject - np.append(q, 0)).sum() / 2, "kl": stats.entropy(p, q),
        "kl_corrected": stats.entropy(p, q) - 29 / (2 * accepted),
        "js": (stats.entropy(p, middle) + stats.entropy(q, middle)) / 2, "effective_modes": np.exp(stats.entropy(p)),
        "ndb": (binomial < .05).sum(), "ndb_holm": holm(binomial, .05), "chi2": chi2.statistic, "chi2_p": chi2.pvalue,
        "g": g.statistic, "g_p": g.pvalue, "mean_error": error_sum.sum() / accepted, "quality": good / total,
        "shade_ks": shade_distance(images, bins),
        "article_filter_share": (images.reshape(len(images), -1).mean(axis=1) >= 127.5).mean(), "missing": (ratio < .1).any(), "collapsed": covered < .9,
        "severe": covered < .5, "failed": rejected > total / 2,
    }


def test_every_metric_against_scipy(file):
    for run in range(4):
        bins, errors = file["samples/bin"][run], file["samples/error"][run]
        good = ((bins != 255) & (errors <= 40)).sum()
        wanted = independent_metrics(file["coverage/counts"][run], file["coverage/rejected"][run], file["coverage/error_sum"][run],
                                     file["coverage/expected"][run], good, file["samples/image"][run], bins)
        assert set(wanted) == set(file["metrics"])
        for name, value in wanted.items():
            assert file["metrics"][name][run] == pytest.approx(value, rel=1e-9, abs=1e-12), (run, name)


def test_every_metric_is_described(file):
    told = {}
    for names, types in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (\w+(?:, \w+)*) \|", (ROOT / "docs" / "metrics.md").read_text(), re.M):
        names, types = re.findall(r"\w+", names), types.split(", ")
        assert len(types) in (1, len(names)) and not told.keys() & set(names)
        told.update(zip(names, types if len(types) > 1 else types * len(names)))
    assert told == {name: column.dtype.name for name, column in file["metrics"].items()}


def test_coverage_along_training(file):
    along = file["coverage/over_training"]
    for run in range(4):
        assert list(along["step"][run]) == [20, 40, 60]
        assert (along["counts"][run].sum(axis=(1, 2)) + along["rejected"][run] == 1000).all()
        np.testing.assert_array_equal(along["counts"][run, 2], file["coverage/counts"][run])  # the same noise at the end


def test_curves_are_means_over_intervals(file):
    curves = file["curves"]
    assert list(curves["step"][0]) == list(range(1, 61))
    assert np.isfinite(curves["generator_loss"][...]).all() and np.isfinite(curves["discriminator_loss"][...]).all()
    assert np.isnan(curves["minibatch_active"][:2]).all() and (curves["minibatch_active"][2:] >= 0).all()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_checkpoints_are_the_generators_that_made_the_samples(file):
    """A checkpoint drives the network: images of the first layers' mean look as the stored ones do on average."""
    for layout in ("gan", "gan_2"):
        group = file["checkpoints"][layout]
        for row, run in enumerate(group["run"]):
            hidden = np.random.default_rng(0).standard_normal((4000, 16))
            for layer in ("dense_0", "dense_1"):
                hidden = np.tanh(hidden @ group["generator"][layer]["kernel"][row] + group["generator"][layer]["bias"][row])
            image = sigmoid(hidden @ group["generator/dense_2/kernel"][row] + group["generator/dense_2/bias"][row])
            stored = file["samples/image"][run].reshape(1000, -1).astype(float).mean(axis=0) / 255
            assert np.abs(image.mean(axis=0) - stored).mean() < .02


def test_h5dump_reads_the_header(small_sweep):
    done = subprocess.run(["h5dump", "-H", str(small_sweep[1])], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "GROUP \"provenance\"" in done.stdout


def test_final_table_says_what_the_file_says(file, small_sweep):
    lines = small_sweep[2].stdout.splitlines()
    severe = file["metrics/severe"][...].reshape(2, 2).sum(axis=1)
    modes = file["metrics/modes_10"][...].reshape(2, 2).mean(axis=1)
    for variant, line in enumerate(lines[1:3]):
        assert f"{severe[variant]}/2 (" in line and f"{modes[variant]:.1f}" in line


def test_final_table_of_rejected_samples(small_sweep, tmp_path):
    """With a threshold at which some runs keep no sample at all, and the others few."""
    path = tmp_path / "rejected.h5"
    for threshold in (60, 100, 150, 200, 250, 300, 350, 400):
        done = gensweep(small_sweep[0], f"evaluation.reject_error={threshold}", "-o", path, "--fresh")
        assert done.returncode == 0, done.stderr
        with h5py.File(path) as results:
            tv, rejected, modes = (results[f"metrics/{name}"][...] for name in ("tv", "failed", "modes_10"))
            variants = results["runs/variant"].asstr()[...]
        if 0 < np.isnan(tv).sum() < len(tv):
            break
    else:
        pytest.skip("no threshold divides these runs")
    assert f"{rejected.sum()} of {len(tv)} runs have more than half of their samples rejected (/metrics/failed):" in done.stdout
    assert f"{np.isnan(tv).sum()} of {len(tv)} runs have all samples rejected, and no TV or mean error" in done.stdout
    for variant in dict.fromkeys(variants):
        line = next(line for line in done.stdout.splitlines() if line.startswith(variant + " "))
        own = tv[variants == variant]
        mean = f"{np.nanmean(own):.3f}" if np.isfinite(own).any() else "-"
        assert line.split()[-2] == mean and line.split()[-3] == f"{modes[variants == variant].mean():.1f}", line


def test_final_table_has_the_names_of_the_file(small_sweep, tmp_path):
    path = tmp_path / "edited.h5"
    shutil.copy(small_sweep[1], path)
    done = gensweep(small_sweep[0], "steps=61", "-o", path)
    assert done.returncode == 0, done.stderr
    with h5py.File(path) as results:
        names = set(results["runs/variant"].asstr()[results["runs/planned"][...] == 1])
    assert len(names) > 0 and all(name.endswith(", steps=61") for name in names)
    for name in names:
        assert f"\n{name} " in done.stdout


def test_storage_can_be_left_out_without_changing_digests(small_sweep, tmp_path):
    sweep, results, _ = small_sweep
    lean = tmp_path / "lean.h5"
    assert gensweep(sweep, "storage.samples=none", "storage.checkpoints=none", "-o", lean).returncode == 0
    with h5py.File(lean, "r") as small, h5py.File(results, "r") as full:
        assert "samples" not in small and "checkpoints" not in small
        assert text(small["runs/digest"]) == text(full["runs/digest"])
        assert text(small["runs/id"]) == text(full["runs/id"])
    assert lean.stat().st_size < results.stat().st_size / 2


def test_a_model_that_this_version_does_not_have(small_sweep, tmp_path):
    path = tmp_path / "other.h5"
    shutil.copy(small_sweep[1], path)
    with h5py.File(path, "r+") as file:
        file["runs/model"][0] = b"of_sixteen_bytes"
    assert gensweep("status", path).returncode == 0
    told = gensweep("verify", path)
    assert told.returncode == 1 and "is of a model that this version does not know" in told.stdout, told.stdout


def test_this_harness_can_go_red(file):
    bins, _ = classify(file["samples/image"][0], 1 - file["data/templates"][...])
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(bins, file["samples/bin"][0])
