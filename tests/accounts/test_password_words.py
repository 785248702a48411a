"""Words that nobody's password may hold."""

from pathlib import Path

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from yikatong.accounts.models import Role, User
from yikatong.accounts.password_words import WORDS

CLERK = User(username="zhang.sanfeng", role=Role.BANK_CLERK, outlet_id="ICBC-0042")
CENTRE = User(username="li.si", role=Role.CARD_CENTRE)


@pytest.mark.parametrize(
    ("user", "password", "word"),
    [
        (CENTRE, "yikatong-forever", "yikatong"),
        (CENTRE, "Y1-K4-T0NG? no: YiKaT0ng!", "yikatong"),
        (CENTRE, "ＹＩＫＡＴＯＮＧ 全角也不行", "yikatong"),
        (CENTRE, "我的一卡通密钥二〇二六", "一卡通"),
        (CENTRE, "b e i j i n g winter", "beijing"),
        (CENTRE, "my social c@rd number", "card"),
        (CENTRE, "dial 1-2-3-3-3 at noon", "12333"),
        (CENTRE, "P@$$w0rd of the day", "password"),
        (CENTRE, "tulips for L1.S1 today", "li.si"),
        (CLERK, "zhang_sanfeng walks", "zhang.sanfeng"),
        (CLERK, "mister Sanfeng walks", "sanfeng"),
        (CLERK, "desk of icbc0042 here", "ICBC-0042"),
        (CENTRE, "four grey herons standing", ""),
        (CENTRE, "sea lions at noon", ""),
        (CLERK, "four grey herons standing", ""),
        (None, "four grey herons standing", ""),
    ],
)
def test_a_password_holds_none_of_them(user: User | None, password: str, word: str) -> None:
    if not word:
        validate_password(password, user)
        return
    with pytest.raises(ValidationError, match=f"“{word}”"):
        validate_password(password, user)


def test_the_list_is_documented_word_by_word() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    assert ", ".join(f"`{word}`" for word in WORDS) in page
