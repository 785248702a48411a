"""Messages are short, hold no more of a name than the surname, and no bank for whoever may choose."""

from datetime import date, timedelta

import pytest

from yikatong.campaign.wording import Told, invitation_text, ready_text, reminder_text, salutation

TODAY = date(2026, 11, 2)
ADDRESS = "ykt.example.cn"


@pytest.mark.parametrize(
    ("name", "sex", "said"),
    [
        ("王小明", "1", "王先生"),
        ("李华", "2", "李女士"),
        ("欧阳娜娜", "2", "欧阳女士"),
        ("欧阳", "2", "欧女士"),
        ("张三", "", "张同志"),
        ("阿依古丽·买买提", "2", "您好"),
        ("John Smith", "1", "您好"),
        ("", "1", "您好"),
    ],
)
def test_a_surname_and_no_more(name: str, sex: str, said: str) -> None:
    assert salutation(name, sex) == said


FIXED = {"bank": "北京农商银行", "outlet": "东城支行", "day": date(2026, 11, 17), "half": "pm"}


@pytest.mark.parametrize("way", ["outlet", "post", "unit", "visit"])
@pytest.mark.parametrize("wards", [0, 1, 2])
@pytest.mark.parametrize("is_for_addressee", [True, False])
@pytest.mark.parametrize("ahead", [14, 0, -7])
def test_every_message_fits_into_one(way: str, wards: int, is_for_addressee: bool, ahead: int) -> None:
    told = Told(way, TODAY + timedelta(days=ahead), wards=wards, is_for_addressee=is_for_addressee)
    text = invitation_text(told, to="欧阳女士", today=TODAY, address=ADDRESS)
    assert len(text) <= 70, text
    assert ("即日起" in text or "本周" in text) == (ahead <= 0)
    assert ("孩子" in text) == bool(wards)
    assert "您的孩子" not in text


def test_where_the_bank_is_fixed_place_and_half_day_are_told() -> None:
    told = Told("outlet", TODAY, **FIXED)  # type: ignore[arg-type]
    assert invitation_text(told, to="王女士", today=TODAY, address=ADDRESS) == (
        "【一卡通】王女士，请于11月17日下午带身份证到北京农商银行东城支行办理您的第三代社保卡。保留、改期或取消：ykt.example.cn"
    )


def test_what_replaces_says_so() -> None:
    told = Told("outlet", TODAY, replaces=True)
    assert "以此为准，前次通知作废" in invitation_text(told, to="王女士", today=TODAY, address=ADDRESS)


@pytest.mark.parametrize(
    ("is_for_ward", "is_kept_for", "says"),
    [
        (False, False, "，您预约了明天（11月2日）上午到东城支行办理社保卡，请带身份证。"),
        (True, False, "，您为孩子约了明天（11月2日）上午到东城支行办社保卡，请带证件。"),
        (False, True, "，为您保留了明天（11月2日）上午到东城支行办社保卡，请带身份证。"),
        (True, True, "，为孩子保留了明天（11月2日）上午到东城支行办社保卡，请带证件。"),
    ],
)
def test_a_reminder_says_for_whom_and_who_chose(is_for_ward: bool, is_kept_for: bool, says: str) -> None:
    places = {"day": TODAY, "half": "am", "address": ADDRESS, "is_for_ward": is_for_ward, "is_kept_for": is_kept_for}
    assert says in reminder_text(to="王女士", outlet="东城支行", **places)  # type: ignore[arg-type]
    long = reminder_text(to="欧阳女士", outlet="中国工商银行北京东单支行", **places)  # type: ignore[arg-type]
    assert len(long) <= 70, (len(long), long)


def test_reminders_and_announcements_fit_into_one() -> None:
    outlet = "中国工商银行北京东单支行"
    legal = "中国工商银行股份有限公司北京东单支行"
    texts = [
        reminder_text(to="欧阳女士", day=TODAY, half="am", outlet=legal, address=ADDRESS),
        ready_text(to="欧阳女士", outlet=legal, address=ADDRESS),
    ]
    for text in texts:
        assert outlet in text
        assert len(text) <= 70, text
    assert "明天（11月2日）上午" in texts[0]
