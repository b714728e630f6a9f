"""What one setting does over a whole sweep: pairs of variants that are equal but for it, seed by seed."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Dict, List, Sequence, Tuple

import numpy as np

from . import statistics
from .errors import AnalysisError
from .results import FAILED, Results, nearest, setting_key
from .summary import FLAG_OUTCOMES, MOST_VALUES, setting_groups, settings_of, value_text

Pair = Tuple[str, str]
MOST_TURNS = 10_000  # of the runs of one seed


@dataclass(frozen=True)
class Outcome:
    """One outcome of an effect. A seed counts once: its differences are averaged over the pairs of variants first.

    `first` and `second` are means of the seeds' means, of `collapsed` and `severe` shares of runs; `lower` and `higher`
    count the pairs of variants in which `second` has the lower or higher mean. `runs` are pairs of runs.
    """

    name: str
    first: float
    second: float
    difference: float
    interval: Tuple[float, float]
    lower: int
    higher: int
    pairs: int
    seeds: int
    runs: int
    p: float
    holm: float


@dataclass(frozen=True)
class Effect:
    """The value `second` of a setting against its value `first`."""

    setting: str
    first: str
    second: str
    pairs: Tuple[Pair, ...]
    over: Tuple[str, ...]  # other settings, in whose values the pairs differ from each other
    along: Tuple[str, ...]  # settings that change with it, as another model has other defaults
    runs: int  # pairs of runs with the same seed that are both done
    failed: Tuple[int, int]  # failed runs with the value `first`, `second`: of the variants of the pairs
    outcomes: Tuple[Outcome, ...]  # collapsed, severe, tv

    @property
    def seeds(self) -> int:
        """Seeds that are done in both variants of a pair."""
        return max(outcome.seeds for outcome in self.outcomes)

    @property
    def one_to_one(self) -> bool:
        """Whether no variant is in two pairs."""
        return all(len(set(side)) == len(self.pairs) for side in zip(*self.pairs))


def effects(results: Results, setting: str) -> List[Effect]:
    """Each value of the setting against one, with Holm's correction over all of them: the first, unless another has pairs
    with more values, or more pairs (the first may be in an included combination alone)."""
    found = _of_setting(results, setting)
    if not found:
        raise AnalysisError(f"{results.path}: no two variants are equal but for {setting}, so that its effect cannot be told from that "
                            "of the others; a grid has such variants; a random search and linked settings (zip) have none")
    done = [effect for effect in found if effect.seeds >= 2]
    if not done:
        raise AnalysisError(f"{results.path}: variants that are equal but for {setting} have fewer than 2 seeds that are done in both")
    return _adjusted(done)


def all_effects(results: Results) -> List[Effect]:
    """The same of each setting that varies in a grid, corrected over all of them."""
    settings = [name for name, values in setting_groups(results) if len(values) <= MOST_VALUES]
    return _adjusted([effect for name in settings for effect in _of_setting(results, name) if effect.seeds >= 2])


def _of_setting(results: Results, setting: str) -> List[Effect]:
    values = _values(results, setting)
    variants = {variant: settings_of(results, variant) for variant in results.variants}
    names = [name for name in results.swept_settings() if name != setting]  # another model's defaults come with it
    best: Dict[object, List[Pair]] = {}
    first = values[0]
    # Of very many values, as a random search draws, none is tried but the first.
    for candidate in values if len(values) <= MOST_VALUES else values[:1]:
        pairs = {value: _equal_but_for(variants, names, setting, candidate, value) for value in values if value != candidate}
        pairs = {value: equal for value, equal in pairs.items() if equal}
        if (len(pairs), sum(map(len, pairs.values()))) > (len(best), sum(map(len, best.values()))):
            first, best = candidate, pairs
    return [_effect(results, variants, names, setting, first, value, equal) for value, equal in best.items()]


def _adjusted(found: Sequence[Effect]) -> List[Effect]:
    adjusted = iter(statistics.holm([outcome.p for effect in found for outcome in effect.outcomes]) if found else [])
    return [replace(effect, outcomes=tuple(replace(outcome, holm=next(adjusted)) for outcome in effect.outcomes)) for effect in found]


def _values(results: Results, setting: str) -> List[object]:
    """Numbers from the smallest, others as they come in the plan."""
    varying = results.swept_settings()
    if setting not in results.settings:
        raise AnalysisError(f"{results.path}: no setting {setting!r} in the sweep{nearest(setting, varying)}; "
                            f"these vary: {', '.join(varying) or 'none'}")
    column = results.settings[setting]
    values = list(dict.fromkeys(key for key in map(setting_key, column[results.planned]) if key is not None))
    if setting not in varying:
        raise AnalysisError(f"{results.path}: {setting} does not vary in this sweep; these do: {', '.join(varying) or 'none'}")
    return sorted(values) if all(isinstance(value, (int, float)) for value in values) else values


def _equal_but_for(variants: Dict[str, Dict[str, object]], names: Sequence[str], setting: str, first: object, second: object) -> List[Pair]:
    """A setting that applies to one of two variants only (mbd_features, with minibatch discrimination on) comes with its switch,
    and any value of it is as good a partner."""
    pairs: List[Pair] = []

    def with_value(value: object) -> Dict[Tuple[str, ...], List[str]]:
        """Variants by the names that apply to them."""
        kinds: Dict[Tuple[str, ...], List[str]] = {}
        for variant, own in variants.items():
            if own[setting] == value:
                kinds.setdefault(tuple(name for name in names if own[name] is not None), []).append(variant)
        return kinds
    for (kind, members), (other_kind, others) in itertools.product(with_value(first).items(), with_value(second).items()):
        common = [name for name in kind if name in other_kind]
        partners: Dict[Tuple[object, ...], List[str]] = {}
        for variant in others:
            partners.setdefault(tuple(variants[variant][name] for name in common), []).append(variant)
        pairs += [(variant, partner) for variant in members
                  for partner in partners.get(tuple(variants[variant][name] for name in common), ())]
    return pairs


def _effect(results: Results, variants: Dict[str, Dict[str, object]], names: Sequence[str], setting: str, first: object, second: object,
            pairs: Sequence[Pair]) -> Effect:
    rows = _common_rows(results, pairs)
    done = int((rows[0] >= 0).sum())
    failed = tuple(sum(len(results.rows(variant, FAILED)) for variant in dict.fromkeys(side)) for side in zip(*pairs))
    over = [name for name in names if len({variants[a][name] for a, _ in pairs} | {variants[b][name] for _, b in pairs}) > 1]
    along = [name for name in variants[pairs[0][0]] if name != setting and any(
        None not in (variants[a][name], variants[b][name]) and variants[a][name] != variants[b][name] for a, b in pairs)]
    switch = results.setting_kinds[setting] == "i1"
    outcomes = [_outcome(name, rows, results.flag(name).astype(np.float64)) for name in FLAG_OUTCOMES]
    outcomes.append(_outcome("tv", rows, results.metric("tv")))
    return Effect(setting=setting, first=value_text(first, switch), second=value_text(second, switch), pairs=tuple(pairs),
                  over=tuple(over), along=tuple(along), runs=done, failed=failed, outcomes=tuple(outcomes))


def _common_rows(results: Results, pairs: Sequence[Pair]) -> np.ndarray:
    """Rows of the done runs, (2, pairs, seeds); -1 where one of the two is not done."""
    seeds = {seed: place for place, seed in enumerate(sorted({int(seed) for seed in results.seeds[results.done]}))}
    rows = np.full((2, len(pairs), max(1, len(seeds))), -1)
    for place, pair in enumerate(pairs):
        for side in range(2):
            for row in results.rows(pair[side]):
                rows[side, place, seeds[int(results.seeds[row])]] = row
    rows[:, (rows < 0).any(axis=0)] = -1
    return rows


def _outcome(name: str, rows: np.ndarray, values: np.ndarray) -> Outcome:
    first, second = (np.where(side >= 0, values[side], np.nan) for side in rows)
    known = np.isfinite(first) & np.isfinite(second)
    difference = np.where(known, second - first, np.nan)
    of_pairs = _means(difference, known)
    of_seeds = _means(difference.T, known.T)
    p = _p(rows, values, known, of_seeds)
    return Outcome(
        name=name, first=statistics.mean(_means(first.T, known.T)), second=statistics.mean(_means(second.T, known.T)),
        difference=statistics.mean(of_seeds), interval=statistics.bootstrap_interval(of_seeds, lambda draws: draws.mean(axis=-1)),
        lower=sum(mean < 0 for mean in of_pairs), higher=sum(mean > 0 for mean in of_pairs), pairs=len(of_pairs), seeds=len(of_seeds),
        runs=int(known.sum()), p=p, holm=p)


def _p(rows: np.ndarray, values: np.ndarray, known: np.ndarray, of_seeds: Sequence[float]) -> float:
    """Sign flips over seeds; where a run has several partners, so that one run is held against a mean, a seed's difference
    has not the same distribution with the sign changed, and its runs change places in turn instead."""
    of_seed = [rows[:, known[:, seed], seed] for seed in range(rows.shape[2]) if known[:, seed].any()]
    if all(len(np.unique(side)) == len(side) for sides in of_seed for side in sides):
        return statistics.sign_flip(of_seeds)
    return statistics.relabelling([_turns([(int(a), int(b)) for a, b in sides.T], values) for sides in of_seed])


def _turns(pairs: Sequence[Tuple[int, int]], values: np.ndarray) -> np.ndarray:
    """The mean difference of the pairs of one seed, as observed and with each turn of the runs that are held against each
    other; of very many turns some."""
    group: Dict[int, List[int]] = {}
    for a, b in pairs:
        joined, other = group.setdefault(a, [a]), group.setdefault(b, [b])
        if joined is not other:
            joined += other
            group.update({row: joined for row in other})
    groups = {id(members): members for members in group.values()}
    number = math.lcm(*map(len, groups.values()))
    turns = np.arange(number)
    if number > MOST_TURNS:
        turns = np.concatenate([[0], np.random.default_rng(statistics.RANDOM_SEED).integers(0, number, MOST_TURNS - 1)])
    total = np.zeros(len(turns))
    for key, members in groups.items():
        weights = {row: 0 for row in members}
        for a, b in pairs:
            if id(group[a]) == key:
                weights[a] -= 1
                weights[b] += 1
        own = [sum(weights[row] * values[members[(place + turn) % len(members)]] for place, row in enumerate(members))
               for turn in range(len(members))]
        total += np.array(own)[turns % len(members)]
    return total / len(pairs)


def _means(values: np.ndarray, known: np.ndarray) -> List[float]:
    """Of each row, over what is known; rows without anything are left out."""
    return [float(row[of].mean()) for row, of in zip(values, known) if of.any()]
