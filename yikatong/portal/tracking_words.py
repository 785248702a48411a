"""A card's way in its holder's words: the steps, why one is late, and what to do."""

from dataclasses import dataclass
from datetime import date

from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from yikatong.issuance.lateness import Stage, TrackStep, Why
from yikatong.issuance.tracking import Track

_STAGES: dict[Stage, Promise] = {
    Stage.APPLIED: _("已提交申请"),
    Stage.APPROVED: _("审核通过"),
    Stage.IN_PRODUCTION: _("交给银行制卡"),
    Stage.MADE: _("制成"),
    Stage.COLLECTED: _("领卡"),
    Stage.ACTIVATED: _("启用社会保障功能"),
}
_ARRIVED: dict[str, Promise] = {
    "outlet": _("到达领卡网点"),
    "post": _("寄出"),
    "unit": _("到达单位或领卡网点"),
}
_WHY: dict[Why, Promise] = {
    Why.IN_QUEUE: _("同一家银行前面还有 %(ahead)s 张卡在排队。不用重新申请，制成后会通知您。"),
    Why.HELD: _("制卡方暂时做不了这张卡（例如照片或姓名用字需要处理），正在处理。需要您补充材料时会通知您。"),
    Why.REMAKING: _("制卡时有空白卡损坏，这张卡重新制作过。"),
    Why.NO_BLANKS: _("银行的空白卡暂时用完，正在补充。不用重新申请。"),
    Why.IN_TRANSIT: _("卡已从制卡方发出，正在路上。三天后仍没有到的，请拨打 96102。"),
    Why.SENT_BACK: _("卡曾由单位退回网点，请按通知到网点领取。"),
    Why.NOT_COLLECTED: _("卡一直在等您领取。请预约时间，带身份证领取；不方便的可以拨打 96102。"),
    Why.LOOKED_INTO: _("原因正在核实。请拨打 96102 查询，报出申请编号的后六位。"),
}
_NEXT: dict[Stage, Promise] = {
    Stage.APPROVED: _("不用做什么：登记信息核对无误即通过。"),
    Stage.IN_PRODUCTION: _("不用做什么：即将交给银行制卡。"),
    Stage.MADE: _("不用做什么：制成并到达后，会发短信通知您。"),
    Stage.ARRIVED: _("不用做什么：到达后会发短信通知您。"),
    Stage.COLLECTED: _("请带身份证领卡；可以先预约时间，少排队。"),
    Stage.ACTIVATED: _("拿到卡后，在“我的卡”里启用。启用之前旧卡照常使用。"),
}


@dataclass(frozen=True, slots=True)
class StepWords:
    """One step as the page shows it; ``lateness`` is empty when it is in time."""

    stage: str
    state: str
    title: Promise
    done_at: object
    promised_on: date | None
    lateness: str
    why: str


@dataclass(frozen=True, slots=True)
class TrackWords:
    """An application's way, the next thing its holder does, and the number to tell on the phone."""

    steps: tuple[StepWords, ...]
    next: Promise | None
    reference: str
    is_late: bool


def words_of(track: Track) -> TrackWords:
    """A track in words."""
    collection = track.application.collection
    now = track.now
    return TrackWords(
        steps=tuple(_step(step, collection, track.orders_ahead) for step in track.steps),
        next=_NEXT.get(now.stage) if now is not None else None,
        reference=str(track.application.application_id)[-6:],
        is_late=track.is_late,
    )


def _step(step: TrackStep, collection: str, orders_ahead: int) -> StepWords:
    title = _ARRIVED[collection] if step.stage is Stage.ARRIVED else _STAGES[step.stage]
    if step.stage is Stage.ACTIVATED and collection == "post":
        title = _("收到并启用社会保障功能")
    lateness = why = ""
    if step.days_late and step.state != "next":
        lateness = _lateness(step)
        why = str(_WHY[step.why]) % {"ahead": orders_ahead} if step.why is not None else ""
    return StepWords(
        stage=step.stage,
        state=step.state,
        title=title,
        done_at=step.done_at,
        promised_on=step.promised_on,
        lateness=lateness,
        why=why,
    )


def _lateness(step: TrackStep) -> str:
    if step.stage is Stage.COLLECTED:
        return _now("应在 %(day)s 前领取") % {"day": step.promised_on}
    if step.state == "done":
        return _now("比承诺的晚了 %(days)s 天，很抱歉") % {"days": step.days_late}
    return _now("已超期 %(days)s 天，很抱歉") % {"days": step.days_late}
