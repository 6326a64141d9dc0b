"""What an examination of `manage.py doctor` is, and what it may say."""

from collections.abc import Callable
from dataclasses import dataclass

PATIENCE = 5  # seconds for any outside system


class Doubtful(Exception):
    """It works, but hardly as meant. Holds the sentence and the remedy."""

    def __init__(self, sentence: str, remedy: str) -> None:
        self.sentence, self.remedy = sentence, remedy
        super().__init__(sentence)


class Broken(Doubtful):
    """It does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `level` is ok, doubtful or broken."""

    name: str
    level: str
    sentence: str
    remedy: str = ""


Examination = Callable[[], str]
EXAMINATIONS: dict[str, Examination] = {}


def examination(function: Examination) -> Examination:
    """Register a function that says what is well, or raises Doubtful or Broken."""
    EXAMINATIONS[function.__name__] = function
    return function
