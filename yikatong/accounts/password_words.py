"""Words that nobody's password may hold: of the product, the city and the card, and what the account itself is called.

Whoever guesses at staff's passwords tries these first. Compared without regard to case, width, separators and the usual stand-ins
(``0`` for ``o``). Source: OWASP ASVS 5.0.0, V6.1.2 and V6.2.11; which words: assumption. docs/security.md lists them.
"""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from yikatong.accounts.models import User

WORDS = (
    *("yikatong", "一卡通", "card", "shebao", "社保", "社会保障"),
    *("beijing", "peking", "北京", "12333", "96102", "password", "密码"),
)
OWN_LENGTH_MIN = 4
"""Parts of a user name that are shorter are in too many other words."""
_STAND_INS = str.maketrans("0134578@$!|i", "oleastbaslll")
_SEPARATORS = re.compile(r"[\W_]+")


class OwnWordsValidator:
    """For ``AUTH_PASSWORD_VALIDATORS``."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raises ``ValidationError`` that names the first such word."""
        word = forbidden_word(password, own_words(user) if user is not None else ())
        if word:
            raise ValidationError(
                _("密码不能含有“%(word)s”：这样的字样最先被人猜到。") % {"word": word}, code="own_word"
            )

    def get_help_text(self) -> str:
        """What the page says."""
        return _("不能含有用户名、所属单位编号，或“一卡通”“社保”“北京”“card”一类的字样（拼音也不行）。")


def forbidden_word(password: str, own: tuple[str, ...] = ()) -> str:
    """The first forbidden word that the password holds; empty if it holds none."""
    folded = _folded(password)
    return next((word for word in (*WORDS, *own) if _folded(word) in folded), "")


def own_words(user: User) -> tuple[str, ...]:
    """What an account is called: its user name, the parts of it, and its outlet, unit or operator."""
    whole = (user.username, user.outlet_id, user.organisation_code, user.operator_code)
    return tuple(
        word for word in (*whole, *_SEPARATORS.split(user.username)) if len(_SEPARATORS.sub("", word)) >= OWN_LENGTH_MIN
    )


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_STAND_INS)
    return _SEPARATORS.sub("", plain)
