"""Plans as people ask for them: requested, carried out by the worker with its progress told, thrown away.

A plan is named by whoever asks for it; a name is taken until the plan is thrown away or asked for again. Publishing one is
another matter: ``campaign.publishing``.
"""

import logging
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NoReturn

from django.db import InterfaceError, OperationalError, transaction

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Bank, Outlet
from yikatong.campaign.asking import STEPS, UNDER_WAY, Abandoned, check_span
from yikatong.campaign.changes import Change, Names, check, to_json
from yikatong.campaign.models import Campaign, CampaignState
from yikatong.campaign.problem import ProblemWrong
from yikatong.city.models import Division
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused, YikatongError

log = logging.getLogger(__name__)
SEED_MAX = 2**62
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,19}")
_RESERVED = frozenset({"new", "capacity"})
"""Addresses of the workbench beside those of plans."""
_WAS_PUBLISHED = frozenset({CampaignState.PUBLISHING, CampaignState.PUBLISHED, CampaignState.REPLACED})


class Reason(StrEnum):
    """Why a plan is not taken on, or not thrown away."""

    NAME_WRONG = "name_wrong"
    NAME_TAKEN = "name_taken"
    SPAN_WRONG = "span_wrong"
    SEED_WRONG = "seed_wrong"
    BASE_UNKNOWN = "base_unknown"
    CHANGE_WRONG = "change_wrong"
    UNDER_WAY = "under_way"
    WAS_PUBLISHED = "was_published"
    PLAN_UNKNOWN = "plan_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for. ``based_on``: the plan it is set beside; with ``keeps_invited`` the published one whose invitations of
    the next seven days stand."""

    starts_on: date
    weeks: int
    seed: int
    based_on: str = ""
    changes: tuple[Change, ...] = ()
    keeps_invited: bool = False
    by_forecast: bool = False


def request_plan(
    campaign_id: str,
    *,
    starts_on: date,
    weeks: int,
    seed: int,
    based_on: str = "",
    changes: Sequence[Change] = (),
    keeps_invited: bool = False,
    by_forecast: bool = False,
    again: bool = False,
    by: Actor,
    at: datetime,
) -> Campaign:
    """Take a plan on and hand it to the worker, in one transaction; fields as in ``Request``. Raises ``Refused``.

    ``again`` replaces a draft of this name.
    """
    asked = Request(
        starts_on=starts_on,
        weeks=weeks,
        seed=seed,
        based_on=based_on,
        changes=tuple(changes),
        keeps_invited=keeps_invited,
        by_forecast=by_forecast,
    )
    with transaction.atomic():
        campaign = _take_on(campaign_id, asked, again=again, by=by, at=at)
        _hand_to_worker(campaign_id)
    return campaign


def plan_now(
    campaign_id: str,
    asked: Request,
    *,
    again: bool = False,
    by: Actor,
    at: datetime,
    told: Callable[[str], object] = lambda step: None,
) -> Campaign:
    """The same without the worker, for commands. ``told`` hears of each step. Raises ``Refused``, ``ProblemWrong``."""
    from yikatong.campaign.drafting import carry_out  # it loads columns of millions, which the web does without

    with transaction.atomic():
        campaign = _take_on(campaign_id, asked, again=again, by=by, at=at)
    try:
        return carry_out(campaign, by=by, at=at, processes=_processes(), told=lambda _, step: told(step))
    except YikatongError as error:
        _fail(campaign_id, str(error), by=by)
        raise
    except BaseException:
        _fail(campaign_id, "计划没有完成：命令中断", by=by)
        raise


def _take_on(campaign_id: str, asked: Request, *, again: bool, by: Actor, at: datetime) -> Campaign:
    _check_request(campaign_id, asked, beijing_day(at))
    known = Campaign.objects.select_for_update().filter(campaign_id=campaign_id).first()
    if known is not None:
        _check_replaceable(known, again=again)
        known.delete()
    campaign = Campaign.objects.create(
        campaign_id=campaign_id,
        state=CampaignState.QUEUED,
        starts_on=asked.starts_on,
        weeks=asked.weeks,
        seed=asked.seed,
        based_on=asked.based_on,
        changes=to_json(asked.changes),
        keeps_invited=asked.keeps_invited,
        by_forecast=asked.by_forecast,
        steps_total=len(STEPS),
        requested_by=str(by),
        requested_at=at,
    )
    record("campaign.requested", subject=f"campaign:{campaign_id}", by=by, at=at, changes=campaign.changes)
    return campaign


def _processes() -> int:
    return os.cpu_count() or 1


def discard_plan(campaign_id: str, *, by: Actor, at: datetime) -> None:
    """Throw a plan away, also one that is being made. Repeating it changes nothing. Raises ``Refused`` for a published one."""
    with transaction.atomic():
        known = Campaign.objects.select_for_update().filter(campaign_id=campaign_id).first()
        if known is None:
            return
        if known.state in _WAS_PUBLISHED:
            _refuse_published(known)
        known.delete()
        record("campaign.discarded", subject=f"campaign:{campaign_id}", by=by, at=at)
        from yikatong.campaign.tasks import clear_task  # the task calls clear_discarded

        clear_task.configure(lock="campaign.plan").defer(campaign_id=campaign_id)


def clear_discarded(campaign_id: str) -> None:
    """Remove what a plan thrown away left in the tables; what the worker runs, for these may be millions of rows.

    One asked for again under its name is left alone: it clears them itself before it is stored.
    """
    from yikatong.campaign import storing

    if not Campaign.objects.filter(campaign_id=campaign_id).exists():
        storing.clear(campaign_id)


def plan_requested(campaign_id: str, *, at: datetime) -> None:
    """Carry out a request; what the worker runs. Repeating it plans again; a plan thrown away meanwhile is left alone.

    What cannot be planned is told in the plan's row. Any other fault is told there too, and raised; only when the database
    goes away the plan stays under way, for the worker comes back to it.
    """
    from yikatong.campaign.drafting import carry_out

    wanted = Campaign.objects.filter(campaign_id=campaign_id, state__in=UNDER_WAY).first()
    if wanted is None:
        return
    by = Actor.system("planner")
    row = Campaign.objects.filter(campaign_id=campaign_id)
    row.update(state=CampaignState.PLANNING)

    def told(number: int, step: str) -> None:
        row.update(steps_done=number, step=step)

    try:
        carry_out(wanted, by=by, at=at, processes=_processes(), told=told)
    except Abandoned:
        log.info("plan %s was thrown away or finished meanwhile", campaign_id)
    except YikatongError as error:
        _fail(campaign_id, str(error), by=by)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        _fail(campaign_id, "计划没有完成：程序出错，详情已写入运行日志。请重新提交，仍不成功请联系运维。", by=by)
        raise


def names_of() -> Names:
    """What outlets, banks and districts are called."""
    return Names(
        dict(Outlet.objects.values_list("outlet_id", "name")),
        dict(Bank.objects.values_list("code", "name_zh")),
        dict(Division.objects.filter(level="district").values_list("code", "name")),
    )


def _check_request(campaign_id: str, asked: Request, today: date) -> None:
    check_name(campaign_id)
    if not 0 <= asked.seed <= SEED_MAX:
        raise Refused(Reason.SEED_WRONG, f"抽签种子应为 0 到 {SEED_MAX} 的整数")
    try:
        check_span(asked.starts_on, asked.weeks, today)
    except ProblemWrong as error:
        raise Refused(Reason.SPAN_WRONG, f"{error}；所填为 {asked.starts_on} 起 {asked.weeks} 周") from error
    try:
        check(asked.changes, names_of())
    except ProblemWrong as error:
        raise Refused(Reason.CHANGE_WRONG, str(error)) from error
    based_on = asked.based_on
    base = Campaign.objects.filter(campaign_id=based_on).first() if based_on else None
    if based_on and (base is None or base.planned_at is None or based_on == campaign_id):
        raise Refused(Reason.BASE_UNKNOWN, f"没有已完成的计划 {based_on}，请从列表中选择另一个计划")
    if asked.keeps_invited and (base is None or base.state != CampaignState.PUBLISHED):
        raise Refused(Reason.BASE_UNKNOWN, "保留已邀请的人，要以当前已发布的计划为基础")


def check_name(campaign_id: str) -> None:
    """Raise ``Refused`` for a name that is none."""
    if campaign_id in _RESERVED:
        raise Refused(Reason.NAME_WRONG, f"“{campaign_id}”是系统保留的名称，请换一个")
    if not _NAME.fullmatch(campaign_id):
        raise Refused(Reason.NAME_WRONG, "计划名称用 1 到 20 个字母、数字或连字符，以字母或数字开头，例如 2026-winter")


def _check_replaceable(known: Campaign, *, again: bool) -> None:
    if known.state in _WAS_PUBLISHED:
        _refuse_published(known)
    if known.state in UNDER_WAY:
        raise Refused(Reason.UNDER_WAY, f"计划 {known.campaign_id} 正在计算，请等它完成，或先删除它")
    if not again:
        raise Refused(Reason.NAME_TAKEN, f"已有名为 {known.campaign_id} 的草案；请换一个名称，或选择替换它")


def _refuse_published(known: Campaign) -> NoReturn:
    raise Refused(Reason.WAS_PUBLISHED, f"计划 {known.campaign_id} 发布过，要留存备查；请用另一个名称")


def _fail(campaign_id: str, words: str, *, by: Actor) -> None:
    with transaction.atomic():
        under_way = Campaign.objects.filter(campaign_id=campaign_id, state__in=UNDER_WAY)
        if under_way.update(state=CampaignState.FAILED, failure=words, step=""):
            record("campaign.failed", subject=f"campaign:{campaign_id}", by=by, at=utc_now())


def _hand_to_worker(campaign_id: str) -> None:
    from yikatong.campaign.tasks import plan_task  # the task calls plan_requested

    plan_task.configure(lock="campaign.plan").defer(campaign_id=campaign_id)
