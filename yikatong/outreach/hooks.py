"""Who wants to know which banks somebody was shown at home. Called inside the same transaction; wired in ``config``."""

from collections.abc import Callable, Sequence
from datetime import datetime

OnBanksShown = Callable[[int, Sequence[str], datetime], object]
_on_banks_shown: list[OnBanksShown] = []


def on_banks_shown(callback: OnBanksShown) -> None:
    """Register once; registering again changes nothing."""
    if callback not in _on_banks_shown:
        _on_banks_shown.append(callback)


def banks_shown(person_id: int, bank_codes: Sequence[str], at: datetime) -> None:
    """Tell everyone: person, codes in the order shown, when."""
    for callback in _on_banks_shown:
        callback(person_id, bank_codes, at)
