"""What a person is found by when only parts are known: the name, or the end of the identity number with a second fact.

The last four characters alone belong to some 2,000 of 20 million people, and an index of them would tell whoever reads the
table a good part of every number. So they are indexed together with the name, and with the birth date, never alone. Keyed
(``FieldCipher.blind_number_many``), so that nobody without the key can try names. Pure but for the cipher it is given.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from yikatong.gm.fields import FieldCipher

TAIL_LENGTH = 4
"""So many characters of an identity number people know by heart or read from a form. Source: assumption."""


class SearchNumbers(NamedTuple):
    """``registry_person``'s columns of the same names, each with a number for every person."""

    name_number: list[int]
    tail_name_number: list[int]
    tail_birth_number: list[int]


def search_numbers(
    cipher: FieldCipher, identity_numbers: Sequence[str], names: Sequence[str], birth_dates: Sequence[date]
) -> SearchNumbers:
    """The numbers of each person. Identity numbers come as the register has them: upper case, no spaces."""
    normal = [normal_name(name) for name in names]
    tails = [number[-TAIL_LENGTH:] for number in identity_numbers]
    births = [birth_date.isoformat() for birth_date in birth_dates]
    return SearchNumbers(
        cipher.blind_number_many("name", normal),
        cipher.blind_number_many("tail_name", map("|".join, zip(tails, normal, strict=True))),
        cipher.blind_number_many("tail_birth", map("|".join, zip(tails, births, strict=True))),
    )


def normal_name(text: str) -> str:
    """A name without spaces, its dots all the middle dot that the register uses (``迪力·买买提``)."""
    if text.isalnum():  # nearly every name: neither spaces nor dots
        return text.upper()
    return "".join(text.split()).replace("•", "·").replace("‧", "·").replace("・", "·").upper()


def normal_tail(text: str) -> str:
    """The last four characters of what was typed, upper case; the whole number may be typed too."""
    return "".join(text.split()).upper()[-TAIL_LENGTH:]


def tail_and_name(identity_number: str, name: str) -> str:
    """What ``tail_name_number`` is made of."""
    return f"{normal_tail(identity_number)}|{normal_name(name)}"


def tail_and_birth(identity_number: str, birth_date: date) -> str:
    """What ``tail_birth_number`` is made of."""
    return f"{normal_tail(identity_number)}|{birth_date.isoformat()}"
