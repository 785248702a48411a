"""What a unit may decide, when it may change its mind, and when its commands are refused.

Pure: no I/O, no clock, no framework. What a row of a roster must look like is in ``rows``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from yikatong.foundation.errors import Refused

CHANGE_EVERY = timedelta(days=30)
"""After a change the next one is possible this much later; the first enrolment is no change. Source: assumption."""
KEPT = timedelta(days=30)
"""How long an uploaded roster, its rows and its bad rows are kept. Source: assumption."""
EVIDENCE_BYTES_MAX = 5 * 2**20
"""Source: assumption."""
DECIDED_NOT_BEFORE = date(2024, 10, 30)
"""No unit can have decided before the programme began. Source: 京人社数据字〔2024〕133号."""
TEXT_LENGTH_MAX = 60
_MEDIA_TYPES = ((b"%PDF-", "application/pdf"), (b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))


class Reason(StrEnum):
    """Why a unit's command is refused, in the order of checking."""

    UNIT_UNKNOWN = "unit_unknown"
    BANKS_MISSING = "banks_missing"
    BANKS_TOO_MANY = "banks_too_many"
    BANK_UNKNOWN = "bank_unknown"
    NOT_A_SCHOOL = "not_a_school"
    BODY_MISSING = "body_missing"
    DECIDED_ON_WRONG = "decided_on_wrong"
    REFERENCE_MISSING = "reference_missing"
    EVIDENCE_MISSING = "evidence_missing"
    EVIDENCE_TOO_LARGE = "evidence_too_large"
    EVIDENCE_UNREADABLE = "evidence_unreadable"
    NOTHING_CHANGED = "nothing_changed"
    CHANGED_RECENTLY = "changed_recently"
    BANK_IN_USE = "bank_in_use"
    CARDS_TO_COLLECT = "cards_to_collect"
    NOT_ENROLLED = "not_enrolled"
    FILE_WRONG = "file_wrong"
    ROSTER_UNKNOWN = "roster_unknown"
    ROSTER_NOT_CHECKED = "roster_not_checked"
    ROSTER_OUTDATED = "roster_outdated"
    NOBODY_TO_TAKE = "nobody_to_take"
    NOT_A_MEMBER = "not_a_member"
    RUN_UNDER_WAY = "run_under_way"
    NOBODY_TO_APPLY_FOR = "nobody_to_apply_for"
    NOBODY_TO_REMIND = "nobody_to_remind"
    OUTLET_MISSING = "outlet_missing"
    PACKET_UNKNOWN = "packet_unknown"
    PACKET_NOT_READY = "packet_not_ready"
    CARD_NOT_HERE = "card_not_here"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a unit decided: its banks in no order of preference, whether as a whole, and whether it collects."""

    bank_codes: tuple[str, ...]
    is_enrolled_as_whole: bool
    collects_for_members: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """How it was decided: by whom (职工代表大会, 办公会 …), when, under which number, and the document that says so."""

    deciding_body: str
    decided_on: date | None
    reference_number: str
    document: bytes
    document_name: str = ""


@dataclass(frozen=True, slots=True)
class InForce:
    """The enrolment that holds, and what has come of it. ``applications``: bank to how many stand under the enrolment.

    ``changed_at``: when it was last changed, ``None`` while the first version holds. ``to_collect``: cards that the unit is
    still to collect.
    """

    choice: Choice
    changed_at: datetime | None
    applications: Mapping[str, int]
    to_collect: int


def check_choice(choice: Choice, *, kind: str, bank_names: Mapping[str, str], picks_max: int) -> None:
    """One to ``picks_max`` banks that take part; only a school is enrolled as a whole. Raises ``Refused``.

    Nothing is added to what was picked: there is no default. Source: rules/programme.toml ``unit_bank_picks_max``.
    """
    if not choice.bank_codes:
        raise Refused(Reason.BANKS_MISSING, f"请选择 1 至 {picks_max} 家银行；系统不预选任何银行")
    if len(set(choice.bank_codes)) > picks_max:
        chosen = len(set(choice.bank_codes))
        raise Refused(Reason.BANKS_TOO_MANY, f"最多可选 {picks_max} 家银行，目前勾选了 {chosen} 家，请减少后再提交")
    if not set(choice.bank_codes) <= bank_names.keys():
        raise Refused(Reason.BANK_UNKNOWN, "所选银行不在合作银行名单中，请重新打开页面选择")
    if choice.is_enrolled_as_whole and kind != "school":
        raise Refused(Reason.NOT_A_SCHOOL, "只有学校可以整体登记")


def check_decision(decision: Decision, *, on: date) -> str:
    """All parts of the evidence are there and sound; the document's media type. Raises ``Refused``."""
    if not 0 < len(decision.deciding_body.strip()) <= TEXT_LENGTH_MAX:
        raise Refused(Reason.BODY_MISSING, f"请填写作出决定的会议或机构，例如职工代表大会（{TEXT_LENGTH_MAX} 字以内）")
    if decision.decided_on is None or not DECIDED_NOT_BEFORE <= decision.decided_on <= on:
        raise Refused(Reason.DECIDED_ON_WRONG, f"决定日期应在 {DECIDED_NOT_BEFORE} 至今天（{on}）之间")
    if not 0 < len(decision.reference_number.strip()) <= TEXT_LENGTH_MAX:
        raise Refused(Reason.REFERENCE_MISSING, f"请填写决定的文号或会议纪要编号（{TEXT_LENGTH_MAX} 字以内）")
    return media_type_of(decision.document)


def media_type_of(document: bytes) -> str:
    """PDF, JPEG or PNG, by content and never by name. Raises ``Refused``."""
    if not document:
        raise Refused(Reason.EVIDENCE_MISSING, "请上传决定的书面材料（PDF、JPG 或 PNG）")
    if len(document) > EVIDENCE_BYTES_MAX:
        raise Refused(Reason.EVIDENCE_TOO_LARGE, f"决定材料超过 {EVIDENCE_BYTES_MAX // 2**20} MB，请压缩后再上传")
    for mark, media_type in _MEDIA_TYPES:
        if document.startswith(mark):
            if media_type == "application/pdf" and b"%%EOF" not in document[-1024:]:
                raise Refused(Reason.EVIDENCE_UNREADABLE, "PDF 文件不完整（没有结尾），请重新导出后再上传")
            return media_type
    raise Refused(Reason.EVIDENCE_UNREADABLE, "决定材料应为 PDF、JPG 或 PNG 文件；按内容识别，改文件名不起作用")


def check_change(choice: Choice, now: InForce, *, at: datetime, bank_names: Mapping[str, str]) -> None:
    """Whether an enrolment may become ``choice``. Raises ``Refused``.

    At most one change in 30 days; a bank with applications under the enrolment stays; a unit that still has cards to collect
    goes on collecting. Source: assumption.
    """
    if _same(choice, now.choice):
        raise Refused(Reason.NOTHING_CHANGED, "内容与目前的登记相同，没有可变更的")
    if now.changed_at is not None and at < now.changed_at + CHANGE_EVERY:
        again = now.changed_at + CHANGE_EVERY
        raise Refused(
            Reason.CHANGED_RECENTLY, f"30 天内只能变更一次；{again:%Y-%m-%d} 以后可以再次变更，急需变更请联系社保卡中心"
        )
    kept = [code for code in now.choice.bank_codes if code not in choice.bank_codes and now.applications.get(code)]
    if kept:
        names = "、".join(f"{bank_names.get(code, code)}（{now.applications[code]} 份申请）" for code in kept)
        raise Refused(Reason.BANK_IN_USE, f"已有人通过本单位申请的银行不能取消：{names}")
    if now.choice.collects_for_members and not choice.collects_for_members and now.to_collect:
        raise Refused(Reason.CARDS_TO_COLLECT, f"还有 {now.to_collect} 张卡由本单位代领，领完后才能改为不代领")


def dropped_banks(choice: Choice, before: Choice) -> tuple[str, ...]:
    """The banks that a change gives up: wishes for them on the roster are void, and chosen anew by the persons."""
    return tuple(code for code in before.bank_codes if code not in choice.bank_codes)


def in_drawn_order(drawn: Sequence[str], codes: Collection[str]) -> tuple[str, ...]:
    """Some banks in the order drawn for the unit; those that joined after the draw last, by code."""
    return (*(code for code in drawn if code in codes), *sorted(set(codes) - set(drawn)))


def _same(one: Choice, other: Choice) -> bool:
    return (set(one.bank_codes), one.is_enrolled_as_whole, one.collects_for_members) == (
        set(other.bank_codes),
        other.is_enrolled_as_whole,
        other.collects_for_members,
    )
