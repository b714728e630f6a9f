"""Analysis of gensweep results files.

    from gensweep_analysis import Results
    results = Results("sweep.h5")
    results.runs            # one row a run: a pandas DataFrame, or a RunTable without pandas
    results.counts          # (R, 5, 6) samples per colour x digit
    results.samples(3)      # images, bins and errors of run 3
"""

__all__ = ["AnalysisError", "Results"]
__version__ = "1.0.0"


def __getattr__(name: str):
    # Imported on first use, so that the command line can say what to install when h5py or numpy is missing.
    if name == "Results":
        from .results import Results
        return Results
    if name == "AnalysisError":
        from .errors import AnalysisError
        return AnalysisError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
