"""Lets `python3 analysis VERB FILE.h5` run from the project's root without installing the package."""

import sys

from gensweep_analysis.cli import main

if __name__ == "__main__":
    sys.exit(main())
