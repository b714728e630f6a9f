"""The one exception for causes that the user can act on."""


class AnalysisError(Exception):
    """Something is wrong with the input or the command; the text says what, in one sentence, with the values."""
