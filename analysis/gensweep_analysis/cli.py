"""The command line: report, table, compare. Exit 0: done; 2: bad usage or bad input."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Optional, Sequence

from .errors import AnalysisError

EXIT_OK, EXIT_BAD_INPUT = 0, 2
DEBIAN_PACKAGES = {"h5py": "python3-h5py", "numpy": "python3-numpy", "matplotlib": "python3-matplotlib"}


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except AnalysisError as error:
        print(f"gensweep-analysis: {error}", file=sys.stderr)
    except ImportError as missing:
        package = (missing.name or "").split(".")[0]
        if package not in DEBIAN_PACKAGES:
            raise
        print(f"gensweep-analysis: {sys.executable} cannot import {package}: install it "
              f"(Debian: apt install {DEBIAN_PACKAGES[package]}, then run with /usr/bin/python3; "
              f"elsewhere: {sys.executable} -m pip install h5py numpy matplotlib)", file=sys.stderr)
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    return EXIT_BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gensweep-analysis",
                                     description="Reports, tables and tests from gensweep results files.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="report | table | compare")
    report = verbs.add_parser("report", help="one self-contained page, with PNGs and CSVs",
                              description="Writes DIR/index.html with everything a sweep shows, its figures and numbers.")
    report.add_argument("file", metavar="FILE.h5", help="results file")
    report.add_argument("-o", "--output", metavar="DIR", help="default: FILE without .h5, plus -report")
    report.set_defaults(run=_report)
    table = verbs.add_parser("table", help="variants x rates and means",
                             description="Prints collapse rates with Wilson intervals, modes, TV, KL and error of each variant.")
    table.add_argument("file", metavar="FILE.h5", help="results file")
    table.add_argument("--csv", action="store_true", help="comma-separated values, all digits")
    table.set_defaults(run=_table)
    compare = verbs.add_parser("compare", help="paired tests between two variants, or of one setting",
                               description="Tests variant B against A, paired by seed where both have it; or with --by the values of "
                               "a setting, over all pairs of variants that are equal but for it.")
    compare.add_argument("file", metavar="FILE.h5", help="results file")
    compare.add_argument("first", metavar="A", nargs="?", help="a variant, or a part of its name that only it has")
    compare.add_argument("second", metavar="B", nargs="?", help="another one")
    compare.add_argument("--by", metavar="SETTING", help="a setting that varies, as minibatch_discrimination, instead of A and B")
    compare.set_defaults(run=_compare, parser=compare)
    return parser


def _report(options: argparse.Namespace) -> int:
    from .formatting import report_directory
    from .report import write_report
    from .results import Results
    with Results(options.file) as results:
        page = write_report(results, options.output or report_directory(options.file))
        print(f"{int(results.done.sum())} of {int(results.planned.sum())} runs done, {int(results.failed.sum())} failed; report: {page}")
    return EXIT_OK


def _table(options: argparse.Namespace) -> int:
    from .results import Results
    from .summary import require_finished_run, summarise_all
    from .tables import summary_csv, summary_text
    with Results(options.file) as results:
        require_finished_run(results)
        summaries = summarise_all(results)
        print(summary_csv(summaries) if options.csv else summary_text(results, summaries), end="")
        sys.stdout.flush()
    return EXIT_OK


def _compare(options: argparse.Namespace) -> int:
    if (options.second is None) == (options.by is None) or (options.by and options.first):
        options.parser.error("give either two variants, A and B, or --by SETTING")
    from .effects import effects
    from .results import Results
    from .summary import compare, require_finished_run
    from .tables import comparison_text, effects_text
    with Results(options.file) as results:
        require_finished_run(results)
        if options.by is not None:
            print(effects_text(effects(results, options.by)), end="")
            return EXIT_OK
        first, second = results.find_variant(options.first), results.find_variant(options.second)
        if first == second:
            raise AnalysisError(f"{options.file}: A and B are the same variant: {first}")
        print(comparison_text(results, compare(results, first, second)), end="")
        sys.stdout.flush()
    return EXIT_OK
