"""The sections of the report that are made of text and tables."""

from __future__ import annotations

import math
import re
from html import escape
from typing import Dict, List, Sequence

import numpy as np

from . import formatting as form
from . import markup
from .effects import Effect
from .results import DONE, FAILED, FLAGS, STATUS_NAMES, Results
from .statistics import mean
from .summary import FLAG_OUTCOMES, MOST_VALUES, Comparison, VariantSummary, baseline, flag_rate, floor_of, setting_groups
from .tables import detectable_sentence

RUNS_SHOWN_OPEN = 100
TABLE_ROWS = 2000
# "A brief examination of generative models" (kvfrans/generative-model), read off its plots: one run of each model.
ARTICLE = {"gan": "its GAN with minibatch discrimination has TV 0.589, modes_10 13 and covered mass 0.48",
           "autoregressive": "its autoregressive model has TV 0.134",
           "diffusion": "its diffusion model has TV 0.172, of the 474 samples of 12,800 that it kept"}


def head(results: Results) -> str:
    """Title, description, and what the file holds."""
    seeds = len(set(results.seeds[results.planned].tolist()))
    done, failed = int(results.done.sum()), int(results.failed.sum())
    started = results.provenance().get("started", [])
    items = [f"{done} of {form.plural(int(results.planned.sum()), 'run')} done" + (f", {failed} failed" if failed else ""),
             form.plural(len(results.variants), "variant"), form.plural(seeds, "seed"), ", ".join(results.models)]
    if started:
        items.append(f"first launch {started[0][:16].replace('T', ' ')} UTC")
    description = f'<p class="description">{escape(results.description)}</p>' if results.description else ""
    return (f"<h1>{escape(results.name)}</h1>{description}"
            f'<div class="meta">{"".join(f"<span>{escape(item)}</span>" for item in items if item)}</div>')


def finding(sentence: str, notes: Sequence[str]) -> str:
    """The headline and its caveats."""
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return (f'<div class="finding"><p class="sentence">{_unbroken(sentence)}</p>'
            f'{f"<ul>{listed}</ul>" if notes else ""}</div>')


def _unbroken(sentence: str) -> str:
    """Keeps "7 of 8", "p = 0.1" and "95 %" on one line."""
    inside = r"(?<=\d) (?=%)|(?<=\d) (?=of \d)|(?<=of) (?=\d)|(?<=p) (?=[=<])|(?<=[=<]) (?=\d)"
    return escape(re.sub(inside, "\u00a0", sentence)).replace(",", ",<wbr>")


def summary_table(results: Results, summaries: Sequence[VariantSummary], color: Dict[str, str]) -> str:
    """A line a variant; `color` is the dot that stands for it in the figures."""
    rows: List[str] = []
    for place, row in enumerate(summaries[:TABLE_ROWS]):
        if len(results.models) > 1 and (place == 0 or summaries[place - 1].model != row.model):
            rows.append(f'<tr class="model"><td colspan="12">{escape(row.model)}</td></tr>')
        swatch = f'<span class="swatch" style="background:{color[row.name]}"></span>'
        state = f"{row.failed} failed" if row.failed else ""
        if row.running or row.pending:
            state += f"{', ' if state else ''}{row.running + row.pending} to go"
        if row.stopped:
            state += f"{', ' if state else ''}{row.stopped} stopped early"
        if row.mostly_rejected:
            state += f"{', ' if state else ''}{row.mostly_rejected} rejected"
        rows.append(
            f'<td class="text">{swatch}{markup.breakable(row.name)}</td>' + markup.cell(f"{row.done}/{row.planned}", small=state)
            + "".join(markup.cell(f"{rate.count}/{rate.total}" if rate.total else form.NONE, small=form.rate_interval(rate, "–")
                                  if rate.total else "") for rate in (row.missing, row.collapsed, row.severe))
            + markup.cell(form.number(row.modes_10[0], 1), small="" if math.isnan(row.modes_10[0]) else
                          f"{row.modes_10[1]:.0f}–{row.modes_10[2]:.0f}")
            + markup.cell(form.number(row.tv_mean)) + markup.cell(form.number(row.tv_iqm), small=_bounds(row.tv_interval))
            + markup.cell(form.number(row.kl)) + markup.cell(form.number(row.error, 1)) + markup.cell(form.number(row.quality, 2)) + markup.cell(form.duration(row.seconds)))
    header = ("variant", "done", "missing", "collapsed", "severe", "modes_10", "TV mean", "TV IQM", "KL", "error", "quality", "time a run")
    return markup.table(header, rows) + _cut(len(summaries), "variants", "summary.csv") + _definitions(results)


def _cut(number: int, what: str, where: str) -> str:
    return f'<p class="note">The first {TABLE_ROWS:,} of {number:,} {what}; all are in {where}.</p>' if number > TABLE_ROWS else ""


def _definitions(results: Results) -> str:
    text = ("Rates: runs that are done, with Wilson 95 % intervals. A bin is missing when it has less than a tenth of its expected "
            "samples (modes_10 counts the others, mean and range over seeds); missing: one of the bins that the data fall into is; collapsed: the bins that "
            "are not missing hold less than 0.9 of the probability; severe: less than 0.5. TV: total variation distance to the "
            "expected frequencies, from 0 to 1; IQM: mean without the lowest and the highest quarter of the seeds (rounded down), with a bootstrap interval: nominally 95 %, too narrow with few seeds (about 90 % with 8), none below 6. "
            "KL: sum p ln(p/q), nats. Error: pixels in which a sample differs from the nearest template, mean; quality: share of the samples in which these are few (evaluation.quality_error).")
    text += _floors(results)
    known = [ARTICLE[model] for model in results.models if model in ARTICLE]
    if known:
        text += f" For comparison, the article's own tables (one run each, its own digits): {'; '.join(known)}."
    return f'<p class="note long">{escape(text)}</p>'


def _floors(results: Results) -> str:
    """What a perfect model would have, if that is the same for all done runs."""
    found = floor_of(results)
    return "" if found is None else (f" With {found[0]:,} samples a run, a perfect model would still have TV {found[1].tv:.3f} "
                                     f"and KL {found[1].kl:.4f}.")


def comparison_table(results: Results, comparisons: Sequence[Comparison]) -> str:
    """The tests between variants, what they could have seen, or why there are none."""
    if not comparisons:
        finished = sum(1 for variant in results.variants if len(results.rows(variant)))
        base = baseline(results)
        why = "one variant has finished runs" if finished == 1 else (
            "no variant has finished runs" if finished == 0 else
            f"{base}, which the other variants are changes of, has no finished run" if base is not None and not len(results.rows(base)) else
            "no pair of these variants differs in one setting only, or there are too many pairs for a correction that leaves power")
        return (f"<p>There is nothing to test: {why}."
                f"{' Two variants can be compared with the command compare.' if finished > 1 else ''}</p>")
    rows: List[str] = []
    for place, item in enumerate(comparisons):
        if place == 0 or comparisons[place - 1].first != item.first:
            rows.append(f'<tr class="model"><td colspan="12">{markup.breakable(item.first)}</td></tr>')
        cells = f'<td class="text">→&nbsp;{markup.breakable(_beside(item.first, item.second))}</td>'
        cells += markup.cell(item.runs[0] if item.paired else f"{item.runs[0]}, {item.runs[1]}",
                             small="paired" if item.paired else "unpaired")
        for outcome, rates in (("collapsed", item.collapsed), ("severe", item.severe)):
            test = item.result(outcome)
            only = item.discordant_collapsed if outcome == "collapsed" else item.discordant_severe
            cells += markup.cell(f"{form.percent(rates[0].share)} → {form.percent(rates[1].share)}",
                                 small=f"only 1st: {only[0]}, 2nd: {only[1]}" if item.paired else "")
            cells += _p_cells(test.p, test.holm)
        test = item.result("tv")
        bounds = _bounds(item.tv_interval)
        if item.tv_runs != item.runs:
            counted = form.plural(item.tv_runs[0], "pair") if item.paired else f"{item.tv_runs[0]} and {item.tv_runs[1]} runs"
            bounds += f"{', ' if bounds else ''}of {counted}"
        cells += markup.cell(form.signed(item.tv_difference), small=bounds)
        cells += _p_cells(test.p, test.holm)
        cells += markup.cell(form.number(item.improvement, 2))
        rows.append(cells)
    header = ("first → second", "seeds", "1st → 2nd", "p", "Holm", "1st → 2nd", "p", "Holm", "difference", "p", "Holm",
              "P(impr.)")
    groups = (("", 2), ("Collapsed", 3), ("Severe collapse", 3), ("TV", 3), ("", 1))
    number = sum(len(item.tests) for item in comparisons)
    paired = {item.paired for item in comparisons}
    tests = ("Paired by seed (equal seeds have the same data and the same initial weights of the tensors that both have): exact McNemar test for rates, sign-flip permutation "
             "test for TV. ") if True in paired else ""
    tests += "Where too few seeds are common: Fisher's exact test and a permutation test. " if False in paired else ""
    note = (f"{tests}Holm: corrected for all {number} tests of this table; bold: below .05. TV difference: second minus first with a "
            "bootstrap interval (nominally 95 %, none below 6 pairs), negative means closer to the data. P(impr.): a run of the second has a lower TV than one of "
            "the first.")
    base = baseline(results)
    if base is not None:
        note += f" Shown is {base} with each other variant: most are that with one change."
    elif len(results.variants) > 2 and len(comparisons) < len(results.variants) * (len(results.variants) - 1) // 2:
        note += " Shown are the pairs of one model that differ in one setting."
    # The pair with the fewest seeds bounds what the table can show.
    fewest = min(comparisons, key=lambda item: min(item.runs))
    return (markup.table(header, rows, kind="data pairs", groups=groups) + f'<p class="note long">{escape(note)}</p>'
            + f"<p>{_unbroken(_detectable(fewest, len(comparisons) == 1))}</p>")


def _beside(first: str, second: str) -> str:
    """The second name under the first: only what differs, if both tell the same settings. A setting that one of them does
    not tell has its usual value there, which leaving out would hide."""
    def told(name: str) -> List[str]:
        return [part.split("=")[0] for part in name.split(", ")]
    return form.short_names([first, second])[1] if told(first) == told(second) else second


def _detectable(item: Comparison, alone: bool) -> str:
    sentence = detectable_sentence(item)
    return "Smallest detectable difference. " + (sentence if alone else re.split("; (?:the|no difference of the) mean TV", sentence)[0].rstrip(".") + ".")


def _p_cells(p: float, holm: float) -> str:
    return markup.cell(form.p_value(p)) + markup.cell(form.p_value(holm), "strong" if holm < 0.05 else "")


def settings_table(results: Results) -> str:
    """Rates by the value of each setting that varies; empty unless several vary."""
    groups = setting_groups(results)
    if len(groups) < 2:
        return ""
    tv, modes = results.metric("tv"), results.metric("modes_10")
    rows = []
    for name, values in groups:
        if len(values) > MOST_VALUES:
            continue
        rows.append(f'<tr class="model"><td colspan="6">{escape(name)}</td></tr>')
        for text, members in values:
            cells = f'<td class="text">{escape(text)}</td>' + markup.cell(len(members))
            for flag in FLAG_OUTCOMES:
                rate = flag_rate(results, members, flag)
                cells += markup.cell(f"{rate.count}/{rate.total}", small=form.rate_interval(rate, "–"))
            rows.append(cells + markup.cell(form.number(mean(modes[members]), 1)) + markup.cell(form.number(mean(tv[members]))))
    if not rows:
        return ""
    return markup.table(("value", "runs", "collapsed", "severe", "modes_10", "TV"), rows) + (
        '<p class="note">Done runs pooled over all other settings. A difference here may come from another setting that varies '
        'along with this one.</p>')


def effects_table(found: Sequence[Effect]) -> str:
    """What each setting does with everything else equal; empty where no variants are equal but for one."""
    rows: List[str] = []
    for place, effect in enumerate(found):
        if place == 0 or found[place - 1].setting != effect.setting:
            rows.append(f'<tr class="model"><td colspan="11">{escape(effect.setting)}</td></tr>')
        along = f"along with {', '.join(effect.along)}" if effect.along else ""
        cells = (f'<td class="text">{escape(effect.first)} → {escape(effect.second)}'
                 + (f"<small>{escape(along)}</small>" if along else "") + "</td>")
        cells += markup.cell(len(effect.pairs), small=f"{effect.runs} of runs" + (
            f"; failed: {effect.failed[0]} → {effect.failed[1]}" if any(effect.failed) else ""))
        for outcome in effect.outcomes:
            rates = f"{form.percent(outcome.first)} → {form.percent(outcome.second)}"
            ways = f"lower {outcome.lower}, higher {outcome.higher}"
            bounds = _bounds(outcome.interval) if outcome.name == "tv" else ""
            cells += markup.cell(form.signed(outcome.difference) if outcome.name == "tv" else rates,
                                 small=f"{bounds}{'; ' if bounds else ''}{ways}")
            cells += _p_cells(outcome.p, outcome.holm)
        rows.append(cells)
    if not rows:
        return ""
    header = ("first → second", "pairs", "1st → 2nd", "p", "Holm", "1st → 2nd", "p", "Holm", "difference", "p", "Holm")
    groups = (("", 2), ("Collapsed", 3), ("Severe collapse", 3), ("TV", 3))
    number = sum(len(effect.outcomes) for effect in found)
    note = ("Pairs of variants that are equal but for the setting, and their runs with the same seed. A seed counts once, with the mean "
            "of its differences over the pairs: permutation test within seeds (sign flips where each variant is in one pair) and bootstrap "
            "interval (nominally 95 %) over seeds. lower, higher: in how many pairs "
            "the second is; where there are both, the mean says little. "
            f"Holm: corrected for all {number} tests of this table; bold: below .05.")
    return ("<h3>With everything else equal</h3>" + markup.table(header, rows, kind="data pairs", groups=groups)
            + f'<p class="note long">{escape(note)}</p>')


def run_table(results: Results) -> str:
    """Every run of the file, or the first of very many."""
    rows = []
    metrics = {name: results.metric(name) for name in ("modes_10", "tv", "kl", "mean_error")}
    flags = {name: results.flag(name) for name in FLAGS}
    seconds, errors, digests = (results.column(name) for name in ("seconds", "error", "digest"))
    stopped = results.stopped
    for run in range(min(len(results.status), TABLE_ROWS)):
        status = STATUS_NAMES[results.status[run]]
        marks = "".join(f'<span class="chip{" bad" if name in ("severe", "failed") else ""}">{name}</span>'
                        for name in FLAGS if flags[name][run])
        if results.status[run] == FAILED:
            marks = f'<span class="chip bad">failed</span>{escape(str(errors[run]))}'
        if not results.planned[run]:
            marks += '<span class="chip">kept</span>no longer in the sweep'
        if stopped[run]:
            marks += f'<span class="chip">stopped</span>{escape(str(errors[run]))}'
        ended = results.status[run] in (DONE, FAILED)
        time = form.number(float(seconds[run]), 1) if seconds.dtype.kind == "f" and ended else form.NONE
        rows.append(
            markup.cell(run) + markup.cell(results.column("variant")[run], "text") + markup.cell(results.seeds[run])
            + markup.cell(status) + markup.cell(form.number(metrics["modes_10"][run], 0)) + markup.cell(form.number(metrics["tv"][run]))
            + markup.cell(form.number(metrics["kl"][run])) + markup.cell(form.number(metrics["mean_error"][run], 1))
            + f'<td class="text">{marks}</td>' + markup.cell(time) + markup.cell(str(digests[run])[:10] or form.NONE, "digest"))
    header = ("run", "variant", "seed", "status", "modes_10", "TV", "KL", "error", "flags", "seconds", "digest")
    content = markup.table(header, rows, kind="data runs", text_columns=(1, 8))
    if len(results.status) > TABLE_ROWS:
        return f"<details><summary>The first {TABLE_ROWS:,} of {len(results.status):,} runs (all are in metrics.csv)</summary>{content}</details>"
    if len(rows) > RUNS_SHOWN_OPEN:
        return f"<details><summary>All {len(rows)} runs (also in metrics.csv)</summary>{content}</details>"
    return content


def provenance(results: Results) -> str:
    """Where and how each launch ran."""
    fields = results.provenance()
    launches = max((len(values) for values in fields.values()), default=0)
    if launches == 0:
        return "<p>The file says nothing about where it was made.</p>"
    order = ("started", "argv", "directory", "hosts", "ranks", "cpu", "blas", "blas_kernel", "vector_kernel", "mpi", "hdf5",
             "compiler", "compiler_flags", "gensweep_version", "git_commit", "git_dirty", "job", "user", "environment")
    shown = list(range(launches))[-3:]
    rows = [[name.replace("_", " "), *(fields[name][launch] if launch < len(fields[name]) else "" for launch in shown)]
            for name in [*(name for name in order if name in fields), *(name for name in fields if name not in order)]]
    rows = [row for row in rows if any(row[1:])]
    if launches > 1:
        rows.insert(0, ["launch", *(str(launch) for launch in shown)])
    more = f'<p class="note">{launches} launches; the last {len(shown)} are shown.</p>' if launches > len(shown) else ""
    return more + markup.facts(rows)


def sweep(results: Results) -> str:
    """The YAML as given, with what the command line changed."""
    versions = results.sweep_versions()
    parts = []
    for place, (launch, text, overrides) in enumerate(versions):
        when = f" from launch {launch} on" if len(versions) > 1 else ""
        again = place > 0 and text == versions[place - 1][1]
        parts.append(f"<h5>Sweep file{when}</h5>" + ("<p>As before.</p>" if again else f"<pre>{escape(text)}</pre>"))
        if overrides:
            parts.append(f"<h5>Overrides from the command line{when}</h5><pre>{escape(overrides)}</pre>")
    return "".join(parts) or "<p>The file holds no sweep text.</p>"


def _bounds(interval: Sequence[float]) -> str:
    return "" if math.isnan(interval[0]) else form.interval((interval[0], interval[1]), to=" to " if interval[0] < 0 else "–")
