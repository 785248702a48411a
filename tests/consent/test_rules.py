"""When a yes counts, who may say it, and when a code confirms."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from yikatong.city.consents import ConsentText, consents_at, least_version
from yikatong.city.rules import rules_at
from yikatong.consent.rules import LastWord, Reason, check_code, check_may_send, check_who_agrees, counts_as_given
from yikatong.foundation.errors import Refused

DAY = date(2026, 11, 2)
NOON = datetime(2026, 11, 2, 4, tzinfo=UTC)
PHOTO, CHILD, USES = (consents_at(DAY)[code] for code in ("photo", "child", "usage_list"))


@pytest.mark.parametrize(
    ("text", "last", "least", "expected"),
    [
        (PHOTO, None, "2024-10-30", False),  # silence is no agreement
        (USES, None, "2024-10-30", True),  # on until switched off
        (PHOTO, LastWord(True, "2024-10-30"), "2024-10-30", True),
        (PHOTO, LastWord(True, "2024-10-30"), "2026-01-01", False),  # to older words: asked anew
        (PHOTO, LastWord(True, "2026-01-01"), "2024-10-30", True),
        (PHOTO, LastWord(False, "2024-10-30"), "2024-10-30", False),
        (USES, LastWord(False, "2024-10-30"), "2024-10-30", False),
        (USES, LastWord(True, "2024-10-30"), "2026-01-01", True),
    ],
)
def test_when_a_yes_counts(text: ConsentText, last: LastWord | None, least: str, expected: bool) -> None:
    assert counts_as_given(last, text, least) is expected


@pytest.mark.parametrize(
    ("text", "born", "by", "reason"),
    [
        (PHOTO, date(1980, 1, 1), 1, None),
        (PHOTO, date(1980, 1, 1), 2, Reason.NOT_YOURS_TO_GIVE),  # a guardian on paper of a grown-up
        (PHOTO, date(2012, 11, 2), 2, None),  # fourteen today: the guardian may still
        (PHOTO, date(2012, 11, 2), 1, None),  # and so may they themselves
        (PHOTO, date(2012, 11, 3), 1, Reason.GUARDIAN_AGREES),  # thirteen until tomorrow
        (PHOTO, date(2012, 11, 3), 2, None),
        (PHOTO, date(2012, 11, 3), 3, Reason.GUARDIAN_AGREES),
        (CHILD, date(2012, 11, 3), 2, None),
        (CHILD, date(2012, 11, 2), 2, Reason.NOT_FOR_THIS_AGE),
    ],
)
def test_who_agrees_for_whom(text: ConsentText, born: date, by: int, reason: Reason | None) -> None:
    def check() -> None:
        check_who_agrees(text, person_id=1, by_person_id=by, birth_date=born, guardian_ids=frozenset({2}), on=DAY)

    if reason is None:
        check()
        return
    with pytest.raises(Refused) as refused:
        check()
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("is_right", "tries", "is_used", "left_s", "reason"),
    [
        (True, 0, False, 1, None),
        (True, 4, False, 1, None),
        (True, 5, False, 1, Reason.TOO_MANY_TRIES),  # even the right one
        (False, 4, False, 1, Reason.CODE_WRONG),
        (True, 0, False, 0, Reason.CODE_EXPIRED),
        (True, 0, True, 1, Reason.CODE_USED),
        (False, 0, True, 0, Reason.CODE_USED),
    ],
)
def test_when_a_code_confirms(is_right: bool, tries: int, is_used: bool, left_s: int, reason: Reason | None) -> None:
    def check() -> None:
        check_code(
            is_right=is_right,
            tries=tries,
            is_used=is_used,
            expires_at=NOON + timedelta(seconds=left_s),
            at=NOON,
            tries_max=5,
        )

    if reason is None:
        check()
        return
    with pytest.raises(Refused) as refused:
        check()
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("ages_s", "reason"),
    [
        ([], None),
        ([60], None),
        ([59], Reason.SENT_JUST_NOW),
        ([-59], None),  # negative: used
        ([-59, 58], Reason.SENT_JUST_NOW),
        ([-120, -240, -360, -480, -500], Reason.TOO_MANY_CODES),
        ([120, 240, 360, 480], None),
        ([120, 240, 360, 480, 3599], Reason.TOO_MANY_CODES),
        ([120, 240, 360, 480, 3600], None),
    ],
)
def test_codes_are_sent_sparingly(ages_s: list[int], reason: Reason | None) -> None:
    sent = [(NOON - timedelta(seconds=abs(age)), age < 0) for age in ages_s]
    if reason is None:
        check_may_send(sent, NOON, rules_at(DAY).limits)
        return
    with pytest.raises(Refused) as refused:
        check_may_send(sent, NOON, rules_at(DAY).limits)
    assert refused.value.reason == reason


def test_a_new_text_asks_anew_only_when_it_says_so(tmp_path: Path) -> None:
    entry = """
[[consent]]
code = "photo"
at_first = "off"
is_sensitive = true
{more}
title_zh = "甲"
title_en = "A"
text_zh = "乙"
text_en = "B"
stops_zh = "丙"
stops_en = "C"
keeps_zh = "丁"
keeps_en = "D"
effective_from = {day}
source = "test"
"""
    versions = [("2024-10-30", ""), ("2025-05-01", "asks_again = false"), ("2026-01-01", "")]
    (tmp_path / "rules").mkdir()
    text = "".join(entry.format(day=day, more=more) for day, more in versions)
    (tmp_path / "rules" / "consents.toml").write_text(text, encoding="utf-8")
    told = [
        (consents_at(day, tmp_path)["photo"].version, least_version("photo", day, tmp_path))
        for day in (date(2025, 4, 30), date(2025, 5, 1), date(2026, 1, 1))
    ]
    assert told == [("2024-10-30", "2024-10-30"), ("2025-05-01", "2024-10-30"), ("2026-01-01", "2026-01-01")]


def test_every_purpose_says_what_stops_and_what_is_kept_in_both_languages() -> None:
    assert set(consents_at(DAY)) == {"photo", "health", "child", "usage_list", "message_service"}
    for text in consents_at(DAY).values():
        assert text.source
        assert text.at_first == "off" or not text.is_sensitive, "sensitive data need a yes"
