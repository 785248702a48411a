"""Whether somebody agreed to a purpose, to what, and what they said before."""

from dataclasses import dataclass
from datetime import date, datetime

from yikatong.city.consents import ConsentText, consents_at, least_version
from yikatong.consent.models import ConsentEntry
from yikatong.consent.rules import LastWord, applies_to, counts_as_given
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.registry.models import Person


@dataclass(frozen=True, slots=True)
class ConsentView:
    """One purpose as it stands for one person. ``since``: of the last word, ``None`` when nothing was ever said."""

    text: ConsentText
    is_given: bool
    is_asked_anew: bool
    since: datetime | None


def has_consent(person_id: int, purpose: str, *, on: date | None = None) -> bool:
    """Whether a person's data may be used for a purpose now; ``False`` for a purpose that does not exist."""
    day = on or beijing_day(utc_now())
    text = consents_at(day).get(purpose)
    if text is None:
        return False
    entry = ConsentEntry.objects.filter(person_id=person_id, purpose=purpose).order_by("-entry_id").first()
    return counts_as_given(_last_word(entry), text, least_version(purpose, day))


def consents_of(person: Person, *, on: date) -> list[ConsentView]:
    """Every purpose that a person is asked about, as it stands. One query."""
    newest = {
        entry.purpose: entry
        for entry in ConsentEntry.objects.filter(person_id=person.person_id)
        .order_by("purpose", "-entry_id")
        .distinct("purpose")
    }
    return [
        _view(text, newest.get(code), on)
        for code, text in consents_at(on).items()
        if applies_to(text, person.birth_date, on)
    ]


def history_of(person_id: int) -> list[ConsentEntry]:
    """All that was said, oldest first."""
    return list(ConsentEntry.objects.filter(person_id=person_id).order_by("entry_id"))


def _view(text: ConsentText, entry: ConsentEntry | None, on: date) -> ConsentView:
    is_given = counts_as_given(_last_word(entry), text, least_version(text.code, on))
    is_asked_anew = entry is not None and entry.is_given and not is_given
    return ConsentView(text, is_given, is_asked_anew, entry.at if entry else None)


def _last_word(entry: ConsentEntry | None) -> LastWord | None:
    return LastWord(entry.is_given, entry.text_version) if entry else None
