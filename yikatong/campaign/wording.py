"""What people are told by message: invitations, reminders, that a card is there. Of a name they hold the surname.

Pure. Nobody who may still choose a bank reads one bank's name or outlet here: ``Told`` has none for them. Source of every
wording: assumption; 70 characters make one message of a mobile network (GSM 03.38: UCS-2).
"""

from dataclasses import dataclass
from datetime import date, datetime

from yikatong.foundation.clock import BEIJING

SIGNATURE = "【一卡通】"
_DOUBLE_SURNAMES = frozenset(
    (
        "欧阳",
        "司马",
        "上官",
        "诸葛",
        "东方",
        "皇甫",
        "尉迟",
        "公孙",
        "慕容",
        "令狐",
        "宇文",
        "长孙",
        "司徒",
        "夏侯",
        "端木",
    )
)
_TITLES = {"1": "先生", "2": "女士"}
_LEGAL_FORM = "股份有限公司"
_HALVES = {"am": "上午", "pm": "下午"}


@dataclass(frozen=True, slots=True)
class Told:
    """What one invitation says. ``outlet``, ``bank`` and the half-day: only where the bank is fixed.

    ``wards``: how many minors are invited with the addressee; ``is_for_addressee``: whether the addressee is invited too.
    """

    way: str
    week_starts_on: date
    bank: str = ""
    outlet: str = ""
    day: date | None = None
    half: str = ""
    wards: int = 0
    is_for_addressee: bool = True
    replaces: bool = False


def salutation(name: str, sex: str) -> str:
    """``王女士``; for a name without a surname of Han style, nothing of it."""
    surname = name[:2] if name[:2] in _DOUBLE_SURNAMES and len(name) > 2 else name[:1]
    has_surname = "\u3400" <= name[:1] <= "\u9fff" and not set(name) & set("·•.")
    return f"{surname}{_TITLES.get(sex, '同志')}" if has_surname else "您好"


def invitation_text(told: Told, *, to: str, today: date, address: str) -> str:
    """The message of one invitation, for one person or a family."""
    again = "（以此为准，前次通知作废）" if told.replaces else ""
    return f"{SIGNATURE}{to}，{_matter(told, today)}{again}。{_what_to_do(told)}{address}"


def _matter(told: Told, today: date) -> str:
    who = _who(told)
    week = "本周" if told.week_starts_on <= today else f"{_day(told.week_starts_on)}当周"
    since = "即日起" if told.week_starts_on <= today else f"{_day(told.week_starts_on)}起"
    if told.way == "unit":
        return f"{who}第三代社保卡由单位统一领取，{week}办理，请留意单位通知"
    if told.way == "visit":
        return f"{week}协办员将联系{who.removesuffix('的')}，上门办理第三代社保卡，不收费"
    if told.day is not None:
        return (
            f"请于{_day(told.day)}{_HALVES[told.half]}带身份证到{_short(told.bank + told.outlet)}办理{who}第三代社保卡"
        )
    if told.outlet:
        return f"{since}可到{_short(told.bank + told.outlet)}办理{who}第三代社保卡"
    return f"{since}可申请{who}第三代社保卡，银行自选"


def _who(told: Told) -> str:
    if not told.wards:
        return "您的"
    children = f"{told.wards}名孩子" if told.wards > 1 else "孩子"
    return f"您和{children}的" if told.is_for_addressee else f"您{children}的"


def _what_to_do(told: Told) -> str:
    if told.way in {"unit", "visit"}:
        return "查询："
    if told.day is not None:
        return "保留、改期或取消："
    return "请选时间：" if told.outlet else "申请："


def reminder_text(
    *, to: str, day: date, half: str, outlet: str, address: str, is_for_ward: bool = False, is_kept_for: bool = False
) -> str:
    """The day before an appointment. ``is_kept_for``: kept by an invitation, and nobody has said yet that they will come."""
    when = f"明天（{_day(day)}）{_HALVES[half]}"
    who = {
        (False, False): "您预约了",
        (True, False): "您为孩子约了",
        (False, True): "为您保留了",
        (True, True): "为孩子保留了",
    }[is_for_ward, is_kept_for]
    matter = "办社保卡" if is_for_ward or is_kept_for else "办理社保卡"  # one message, and no character more
    bring = "请带证件" if is_for_ward else "请带身份证"
    return f"{SIGNATURE}{to}，{who}{when}到{_short(outlet)}{matter}，{bring}。改期或取消：{address}"


def ready_text(*, to: str, outlet: str, address: str) -> str:
    """A card has come to its outlet."""
    return f"{SIGNATURE}{to}，您申请的社保卡已到{_short(outlet)}，请带身份证领取。预约时间：{address}"


def lapse_text(*, to: str, lapses_at: datetime, address: str, is_for_ward: bool = False) -> str:
    """A pre-report of loss ends soon, and the card works again then."""
    until = lapses_at.astimezone(BEIJING)
    whose = "孩子" if is_for_ward else "您"
    when = f"{_day(until.date())}{until.hour}时"
    return f"{SIGNATURE}{to}，{whose}的社保卡预挂失{when}到期，到期卡恢复可用。请撤销或正式挂失：{address}"


def _short(name: str) -> str:
    return name.replace(_LEGAL_FORM, "")


def _day(day: date) -> str:
    return f"{day.month}月{day.day}日"
