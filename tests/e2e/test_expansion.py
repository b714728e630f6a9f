"""Random sweeps: the plan is what a second, small expander makes of the same sweep, and does not depend on how the sweep is written.

The expander below shares nothing with the program: it knows a few settings, their defaults and what they apply to.
`make expansion` runs 100,000 sweeps; GENSWEEP_EXPANSIONS sets another number.
"""

import itertools
import json
import os
import random
import subprocess

import pytest
from support import MODELS as ALL, PROGRAM

PLAN_MANY = PROGRAM.parent / "plan_many"
SWEEPS = int(os.environ.get("GENSWEEP_EXPANSIONS", "3000"))

# name: (models, (setting, value) that it needs, default, values to choose from)
SETTINGS = {
    "model": (ALL, None, "gan", ALL),
    "steps": (ALL, None, {"oracle": 10000, "gan": 29000, None: 100000}, (10, 20, 500, 29000, 100000)),
    "batch_size": (ALL, None, {"gan": 128, None: 64}, (16, 64, 128, 256)),
    "latent_dim": (("vae", "gan"), None, 16, (2, 8, 16, 32)),
    "kl_weight": (("vae",), None, 0.01, (0.01, 0.5, 1)),
    "learning_rate": (tuple(model for model in ALL if model != "gan"), None, 3e-4, (1e-4, 3e-4, 0.001)),
    "minibatch_discrimination": (("gan",), None, True, (True, False)),
    "mbd_features": (("gan",), ("minibatch_discrimination", True), 8, (4, 8, 16)),
    "network": (("autoregressive",), None, "flat", ("flat", "lstm")),
    "lstm_units": (("autoregressive",), ("network", "lstm"), 32, (16, 32)),
    "timesteps": (("diffusion",), None, 300, (50, 300)),
    "data.green": (ALL, None, 0.34, (0.34, 0.5, 0)),
    "data.digit_weights": (ALL, None, (4, 4, 4, 4, 2, 1), ((4, 4, 4, 4, 2, 1), (1, 1, 1, 1, 1, 1))),
    "evaluation.samples": (ALL, None, 12800, (100, 12800)),
}


# ---- the second expander -------------------------------------------------------------------------

def default(name, model):
    value = SETTINGS[name][2]
    return value.get(model, value[None]) if isinstance(value, dict) else value


def applies(name, settings):
    models, needs = SETTINGS[name][:2]
    return settings["model"] in models and (needs is None or settings[needs[0]] == needs[1])


def resolve(chosen):
    """A combination with the defaults filled in, without what does not apply."""
    model = chosen.get("model", "gan")
    full = {name: chosen.get(name, default(name, model)) for name in SETTINGS}
    full["model"] = model
    return {name: value for name, value in full.items() if applies(name, full)}


class Wrong(Exception):
    """The sweep has an error."""


def expand(sweep):
    """(variants in order, merged, excluded) of a sweep: {axes: [[{name: value}, ...], ...], exclude, include}."""
    variants, merged, excluded, matched = [], 0, 0, set()
    for parts in itertools.product(*sweep["axes"]):
        settings = resolve({name: value for part in parts for name, value in part.items()})
        hits = {r for r, rule in enumerate(sweep["exclude"]) if all(settings.get(name) in values for name, values in rule.items())}
        matched |= hits
        if hits:
            excluded += 1
        elif settings in variants:
            merged += 1
        else:
            variants.append(settings)
    if len(matched) < len(sweep["exclude"]):
        raise Wrong
    fixed = {name: value for axis in sweep["axes"] if len(axis) == 1 for name, value in axis[0].items()}
    for rule in sweep["include"]:
        settings = resolve({**fixed, **rule})
        if any(name not in settings for name in rule):
            raise Wrong
        if settings in variants:
            merged += 1
        else:
            variants.append(settings)
    named = {name for axis in sweep["axes"] for name in axis[0]}
    if not variants or any(not any(name in variant for variant in variants) for name in named):
        raise Wrong
    return variants, merged, excluded


# ---- random sweeps -------------------------------------------------------------------------------

def some_values(rng, name):
    values = list(SETTINGS[name][3])
    return rng.sample(values, rng.choice([1, 1, 2, 2, 3]) if len(values) > 2 else rng.choice([1, 2]))


def random_sweep(rng):
    names = rng.sample(list(SETTINGS), rng.randint(0, 5))
    if rng.random() < 0.7 and "model" not in names:
        names.insert(0, "model")
    axes, models = [], some_values(rng, "model") if "model" in names else ["gan"]
    if rng.random() < 0.85:  # the rest show that what applies to no run is refused
        names = [name for name in names if set(SETTINGS[name][0]) & set(models) and not (SETTINGS[name][1] and rng.random() < 0.7)]
    while names:
        name = names.pop()
        values = models if name == "model" else some_values(rng, name)
        if names and rng.random() < 0.15:
            other = names.pop()
            others = [rng.choice(SETTINGS[other][3]) for _ in values]
            axes.append([{name: a, other: b} for a, b in zip(values, others)])
        else:
            axes.append([{name: value} for value in values])
    # parameters first, then zips, then the sections, as they are written below
    axes.sort(key=lambda axis: 1 if len(axis[0]) > 1 else 0 if "." not in next(iter(axis[0])) else
              2 if next(iter(axis[0])).startswith("data") else 3)
    rules = {"exclude": [], "include": []}
    for kind in rules:
        while rng.random() < 0.2:
            chosen = rng.sample(list(SETTINGS), rng.choice([1, 2]))
            rules[kind].append({name: some_values(rng, name) if kind == "exclude" else rng.choice(SETTINGS[name][3]) for name in chosen})
    return {"axes": axes, "seeds": rng.choice([[0], [0, 1, 2], [7, 3]]), **rules}


def spelled(rng, value):
    if isinstance(value, bool):
        return rng.choice(["on", "yes", "true", "True"] if value else ["off", "no", "false"])
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(spelled(rng, item) for item in value) + "]"
    if isinstance(value, str):
        return value
    return rng.choice([repr(value), f"{value:.6e}"])


def parameter(rng, values):
    lists = "[" + ", ".join(spelled(rng, value) for value in values) + "]"
    if len(values) == 1 and rng.random() < 0.7:
        return rng.choice(["{}", "{{value: {}}}"]).format(spelled(rng, values[0]))
    return rng.choice(["{}", "{{values: {}}}", "{{values: {}, distribution: categorical}}"]).format(lists)


def write(rng, sweep):
    seeds = sweep["seeds"]
    spellings = [str(list(seeds))] + ([f"{seeds[0]}-{seeds[-1]}", f"{{first: {seeds[0]}, count: {len(seeds)}}}"] if seeds[0] == 0 else [])
    lines, sections, zips = ["seeds: " + rng.choice(spellings)], {"parameters": [], "data": [], "evaluation": []}, []
    for axis in sweep["axes"]:
        names = list(axis[0])
        if len(names) > 1:
            linked = (f"{name}: {spelled(rng, [part[name] for part in axis])}" for name in names)
            zips.append("{" + ", ".join(linked) + "}")
            continue
        section, _, key = names[0].rpartition(".")
        sections[section or "parameters"].append(f"{key}: {parameter(rng, [part[names[0]] for part in axis])}")
    if sections["parameters"]:
        lines += ["parameters:"] + ["  " + line for line in sections["parameters"]]
    if zips:
        lines.append("zip: [" + ", ".join(zips) + "]")
    lines += [f"{name}: {{{', '.join(sections[name])}}}" for name in ("data", "evaluation") if sections[name]]
    for kind in ("exclude", "include"):
        rules = ["{" + ", ".join(f"{name}: {spelled(rng, value)}" for name, value in rule.items()) + "}" for rule in sweep[kind]]
        if rules:
            lines.append(f"{kind}: [{', '.join(rules)}]")
    return "\n".join(lines) + "\n"


def rewritten(rng, sweep):
    """The same runs, written in another order and with defaults spelled out."""
    other = dict(sweep, axes=[rng.sample(axis, len(axis)) for axis in rng.sample(sweep["axes"], len(sweep["axes"]))])
    named = {name for axis in sweep["axes"] for name in axis[0]}
    variants = expand(sweep)[0]
    for name in rng.sample(list(SETTINGS), 3):
        values = {default(name, variant["model"]) for variant in variants}
        # not one whose default differs between models, nor where rules could tell that it is given
        free = name not in named and name != "model" and len(values) == 1 and not sweep["include"] and not sweep["exclude"]
        if free and any(name in variant for variant in variants):
            other["axes"].append([{name: values.pop()}])
    return other


def is_right(sweep):
    try:
        return bool(expand(sweep))
    except Wrong:
        return False


# ---- comparing -----------------------------------------------------------------------------------

def plans(texts):
    if not PLAN_MANY.exists():
        pytest.fail(f"{PLAN_MANY} is not built")
    done = subprocess.run([PLAN_MANY], input="".join(text + "\0" for text in texts), capture_output=True, text=True, check=True, timeout=600)
    lines = done.stdout.splitlines()
    assert len(lines) == len(texts)
    return [json.loads(line) for line in lines]


def as_told(value):
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    return value if isinstance(value, str) else float(value)


def told(variant):
    return {name: float(text) if text[0].isdigit() else text
            for name, text in variant.items() if name in SETTINGS}


def test_random_sweeps_expand_as_a_second_expander_says():
    rng = random.Random(20240)
    refused = 0
    for _ in range(0, SWEEPS, 5000):
        sweeps = [random_sweep(rng) for _ in range(min(SWEEPS, 5000))]
        texts = [write(rng, sweep) for sweep in sweeps]
        for sweep, text, plan in zip(sweeps, texts, plans(texts)):
            try:
                variants, merged, excluded = expand(sweep)
            except Wrong:
                refused += 1
                assert "error" in plan, text
                continue
            assert "error" not in plan, text + plan["error"]
            assert [told(variant) for variant in plan["variants"]] == [{name: as_told(value) for name, value in variant.items()}
                                                                       for variant in variants], text
            assert (plan["merged"], plan["excluded"], plan["seeds"]) == (merged, excluded, sweep["seeds"]), text
            assert len({variant["label"] for variant in plan["variants"]}) == len(variants), text
            assert len({variant["id"] for variant in plan["variants"]}) == len(variants), text
    assert refused < SWEEPS // 2


def test_writing_a_sweep_in_another_way_leaves_its_runs():
    rng = random.Random(7)
    for _ in range(0, SWEEPS, 5000):
        sweeps = [sweep for sweep in (random_sweep(rng) for _ in range(min(SWEEPS, 5000))) if is_right(sweep)]
        first, second = plans([write(rng, s) for s in sweeps]), plans([write(rng, rewritten(rng, s)) for s in sweeps])
        for sweep, one, other in zip(sweeps, first, second):
            assert "error" not in other, (sweep, other)
            assert {variant["id"] for variant in one["variants"]} == {variant["id"] for variant in other["variants"]}, sweep


def test_the_comparison_can_go_red():
    plan = plans(["seeds: 0\nparameters: {model: [gan, vae]}\n"])[0]
    assert [told(variant)["model"] for variant in plan["variants"]] == ["gan", "vae"] != ["vae", "gan"]
    with pytest.raises(Wrong):
        expand({"axes": [], "exclude": [{"model": ["vae"]}], "include": []})
