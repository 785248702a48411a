"""Publishing a plan: its slots become invitations that wait to be sent. Only one plan is published at a time.

What was told is kept where it must be: whoever was invited for a week that began within the last four or begins within seven
days, or whom the new plan gives the same week and place, hears nothing new. So does whom no message reached for one of those
weeks: a helper may have called. Whoever was told another week or place, or was told
long ago, gets an invitation that replaces the earlier one when it is sent (``invitations``). It sends nothing.
"""

import contextlib
from datetime import date, datetime, timedelta
from enum import StrEnum

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from procrastinate.exceptions import AlreadyEnqueued

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.campaign.changes import demand_is_changed, from_json
from yikatong.campaign.models import BankWeek, Campaign, CampaignState, Invitation, InvitationState
from yikatong.campaign.standing import TOLD, last_unmoved, weeks_that_stand
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused

_ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtextextended('campaign publish', 0))"
_INVITE = """
insert into campaign_invitation (person_id, campaign_id, way, bank_code, outlet_id, week_starts_on, state, attempts, state_since)
select n.person_id, n.campaign_id, n.way, n.bank_code, n.outlet_id, n.week_starts_on, 'waiting', 0, %(at)s
from (
    select s.person_id, s.campaign_id, s.way, s.week_starts_on,
        case when s.is_bank_fixed then s.bank_code else '' end as bank_code,
        case when s.is_bank_fixed and s.way = 'outlet' then s.outlet_id else '' end as outlet_id
    from campaign_slot s
    where s.campaign_id = %(campaign)s and s.week_starts_on is not null
) n
where not exists (
    select from campaign_invitation i
    where i.person_id = n.person_id and i.campaign_id <> n.campaign_id
        and (i.state = any(%(told)s) and i.week_starts_on between %(stays_since)s and %(stays_until)s
             or i.state = 'sent' and (i.week_starts_on, i.way, i.bank_code, i.outlet_id)
                = (n.week_starts_on, n.way, n.bank_code, n.outlet_id))
)
"""


class PublishReason(StrEnum):
    """Why a plan is not published."""

    UNKNOWN = "unknown"
    NOT_PLANNED = "not_planned"
    DEMAND_CHANGED = "demand_changed"
    WEEKS_TOLD_ALREADY = "weeks_told_already"


class NotPublished(Refused[PublishReason]):
    """The plan stays as it was."""


def request_publishing(campaign_id: str, *, by: Actor, at: datetime) -> Campaign:
    """Have the worker publish a plan: millions of invitations are no page's work. Repeating it changes nothing.

    Raises ``NotPublished`` at once for a plan that cannot be published.
    """
    with transaction.atomic():
        campaign = _locked(campaign_id)
        if campaign.state == CampaignState.PUBLISHED:
            return campaign
        if campaign.state != CampaignState.PUBLISHING:
            _check(campaign, at)
            campaign.state = CampaignState.PUBLISHING
            campaign.failure = ""
            campaign.save(update_fields=["state", "failure"])
            record("campaign.publishing_requested", subject=f"campaign:{campaign_id}", by=by, at=at)
        _hand_to_worker(campaign_id, by)
    return campaign


def _hand_to_worker(campaign_id: str, by: Actor) -> None:
    """Once, unless its job waits already; asking again takes up a job that the worker gave up."""
    from yikatong.campaign.tasks import publish_task  # the task calls publish_requested

    job = publish_task.configure(lock="campaign.publish", queueing_lock=f"campaign.publish:{campaign_id}")
    with contextlib.suppress(AlreadyEnqueued), transaction.atomic():
        job.defer(campaign_id=campaign_id, kind=by.kind, name=by.name)


def publish_requested(campaign_id: str, *, by: Actor, at: datetime) -> None:
    """What the worker runs; repeating it changes nothing. A plan that was not published after all is a draft again and says why.

    Raises what is not a refusal; when the database goes away the plan stays under way, for the worker comes back to it.
    """
    try:
        publish(campaign_id, by=by, at=at)
    except (OperationalError, InterfaceError):
        raise
    except NotPublished as refused:
        _back_to_draft(campaign_id, str(refused))
    except Exception:
        _back_to_draft(campaign_id, "没有发布：程序出错，详情已写入运行日志。请重试，仍不成功请联系运维。")
        raise


def publish(campaign_id: str, *, by: Actor, at: datetime) -> int:
    """Publish a plan in place of the one that is published; how many people it invites.

    Publishing it again changes nothing and returns the same. Raises ``NotPublished``.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_ONE_AT_A_TIME)
        campaign = _locked(campaign_id)
        if campaign.state == CampaignState.PUBLISHED:
            return Invitation.objects.filter(campaign_id=campaign_id).count()
        _check(campaign, at)
        withdrawn = _replace_earlier(at)
        _have_half_days_given_back()
        invited = _invite(campaign_id, at)
        campaign.state = CampaignState.PUBLISHED
        campaign.published_at = at
        campaign.published_by = str(by)
        campaign.save(update_fields=["state", "published_at", "published_by"])
        record(
            "campaign.published",
            subject=f"campaign:{campaign_id}",
            by=by,
            at=at,
            invitations=invited,
            withdrawn=withdrawn,
        )
    return invited


def _locked(campaign_id: str) -> Campaign:
    campaign = Campaign.objects.select_for_update().filter(campaign_id=campaign_id).first()
    if campaign is None:
        raise NotPublished(PublishReason.UNKNOWN, f"没有名为 {campaign_id} 的计划")
    return campaign


def _check(campaign: Campaign, at: datetime) -> None:
    name = campaign.campaign_id
    if campaign.state not in {CampaignState.PLANNED, CampaignState.PUBLISHING}:
        state = CampaignState(campaign.state).label
        raise NotPublished(PublishReason.NOT_PLANNED, f"计划 {name} 的状态是“{state}”，只能发布草案")
    if demand_is_changed(from_json(campaign.changes)):
        words = f"计划 {name} 改变了需求人数，只供推演，不能发布；请去掉这一情景重新计划"
        raise NotPublished(PublishReason.DEMAND_CHANGED, words)
    near = _weeks_filled_twice(campaign, at)
    if near:
        words = (
            f"已有人受邀在 {near} 起的一周办理，计划 {name} 又把这一周排给了其他人；"
            "请以当前发布的计划为基础，勾选“已邀请的人不动”，重新计划后再发布"
        )
        raise NotPublished(PublishReason.WEEKS_TOLD_ALREADY, words)


def _weeks_filled_twice(campaign: Campaign, at: datetime) -> date | None:
    """The first week within the next seven days that the plan gives to people although others were told to come in it."""
    today = beijing_day(at)
    span = (today - timedelta(days=today.weekday()), last_unmoved(today))
    told = Invitation.objects.filter(state=InvitationState.SENT, week_starts_on__range=span)
    planned = BankWeek.objects.filter(campaign_id=campaign.campaign_id, planned__gt=0, week_starts_on__range=span)
    weeks = set(told.exclude(campaign_id=campaign.campaign_id).values_list("week_starts_on", flat=True).distinct())
    return min(weeks & set(planned.values_list("week_starts_on", flat=True)), default=None)


def _back_to_draft(campaign_id: str, words: str) -> None:
    under_way = Campaign.objects.filter(campaign_id=campaign_id, state=CampaignState.PUBLISHING)
    under_way.update(state=CampaignState.PLANNED, failure=words)


def _replace_earlier(at: datetime) -> int:
    """The plan published until now is replaced; what it has not told anybody is withdrawn. How many invitations that are.

    Whom no message reached for a week that stays may have been called by a helper: that invitation stays, until a later plan.
    """
    earlier = list(Campaign.objects.select_for_update().filter(state=CampaignState.PUBLISHED))
    names = [campaign.campaign_id for campaign in earlier]
    by_helpers = Q(state__in=[InvitationState.UNREACHABLE, InvitationState.FAILED])
    waiting = Q(state=InvitationState.WAITING, campaign_id__in=names)
    stays = by_helpers & Q(week_starts_on__range=weeks_that_stand(beijing_day(at)))
    not_told = Invitation.objects.filter(waiting | by_helpers).exclude(stays)
    withdrawn = not_told.update(state=InvitationState.WITHDRAWN, state_since=at)
    Campaign.objects.filter(campaign_id__in=names).update(state=CampaignState.REPLACED)
    return withdrawn


def _have_half_days_given_back() -> None:
    """What was withdrawn may have kept half-days. The worker ends them one by one, as everybody's, once this is committed."""
    from yikatong.campaign.tasks_invitations import (
        give_back_half_days_task,  # it imports invitations, which need none of this
    )

    give_back_half_days_task.configure(lock="campaign.give_back_half_days").defer()


def _invite(campaign_id: str, at: datetime) -> int:
    since, until = weeks_that_stand(beijing_day(at))
    with connection.cursor() as cursor:
        cursor.execute(
            _INVITE,
            {"campaign": campaign_id, "at": at, "stays_since": since, "stays_until": until, "told": list(TOLD)},
        )
        return int(cursor.rowcount)
