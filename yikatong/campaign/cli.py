"""Commands of the campaign: a plan of the register, its figures, and whom it sends where and when."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import beijing_day, utc_now

if TYPE_CHECKING:
    from yikatong.campaign.changes import Change
    from yikatong.campaign.models import Campaign

_BY = Actor.system("command line")


@click.group()
def campaign() -> None:
    """Who is to come where and in which week: plans, as drafts."""


@campaign.command("plan")
@click.argument("campaign_id")
@click.option("--starts", type=click.DateTime(["%Y-%m-%d"]), help="A Monday; by default the next one.")
@click.option("--weeks", type=click.IntRange(1, 104), default=26, show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**62), default=1, show_default=True, help="Decides who comes when.")
@click.option("--again", is_flag=True, help="Replace the draft of this name.")
@click.option("--based-on", default="", help="The plan to be compared with.")
@click.option(
    "--keep-invited", is_flag=True, help="Move nobody whom the published plan has invited for the next 7 days."
)
@click.option("--by-forecast", is_flag=True, help="Reckon with those who will not come.")
@click.option("--close-outlet", multiple=True, metavar="OUTLET:FIRST:LAST", help="What if: an outlet takes nobody.")
@click.option("--lose-production", multiple=True, metavar="BANK:FIRST:LAST", help="What if: a bank makes no cards.")
@click.option("--demand", multiple=True, metavar="DISTRICT:PERCENT", help="What if: 200 is twice a district's people.")
def plan_command(
    campaign_id: str,
    starts: datetime | None,
    weeks: int,
    seed: int,
    again: bool,
    based_on: str,
    keep_invited: bool,
    by_forecast: bool,
    close_outlet: tuple[str, ...],
    lose_production: tuple[str, ...],
    demand: tuple[str, ...],
) -> None:
    """Plan for everybody of the register who has no third-generation card and no application under way."""
    from yikatong.campaign.services import Request, plan_now

    at = utc_now()
    asked = Request(
        starts_on=starts.date() if starts else _next_monday(beijing_day(at)),
        weeks=weeks,
        seed=seed,
        based_on=based_on,
        changes=_changes(close_outlet, lose_production, demand),
        keeps_invited=keep_invited,
        by_forecast=by_forecast,
    )
    _tell(plan_now(campaign_id, asked, again=again, by=_BY, at=at, told=lambda step: click.echo(f"{step} …", err=True)))


@campaign.command()
@click.argument("first")
@click.argument("second")
def compare(first: str, second: str) -> None:
    """Two plans side by side."""
    from yikatong.campaign.comparing import compare_plans

    compared = compare_plans(_found(first), _found(second))
    for row in compared.figures:
        click.echo(f"{row.name:20} {row.first:>14,.2f} {row.second:>14,.2f} {row.difference:>+14,.2f}")
    moved = compared.movement
    click.echo(
        f"换地点 {moved.other_place:,} 人，换周次 {moved.other_week:,} 人，"
        f"改为安排不下 {moved.lost:,} 人，改为能安排 {moved.gained:,} 人"
    )


@campaign.command()
@click.argument("campaign_id")
@click.argument("person_id", type=int)
def why(campaign_id: str, person_id: int) -> None:
    """Why one person has this outlet and week."""
    from yikatong.campaign.reasons import why as reason

    click.echo(reason(_found(campaign_id), person_id))


@campaign.command()
@click.argument("campaign_id")
def show(campaign_id: str) -> None:
    """A draft's figures and its dearest limits."""
    _tell(_found(campaign_id))


@campaign.command()
@click.argument("campaign_id")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="A CSV file.")
def load(campaign_id: str, out: Path) -> None:
    """Write how many come to each outlet in each week."""
    from yikatong.campaign.drafting import write_load

    click.echo(f"{write_load(_found(campaign_id).campaign_id, out)} rows written to {out}")


@campaign.command()
def forecast() -> None:
    """How many of those invited are likely to apply, by group, and how many have, as counted last."""
    from yikatong.campaign.models import Campaign, CampaignState
    from yikatong.campaign.uptake import forecast_words, uptake_by_group

    published = Campaign.objects.filter(state=CampaignState.PUBLISHED).first()
    answered = uptake_by_group(published.campaign_id) if published else {}
    for group, words in forecast_words(beijing_day(utc_now())).items():
        so_far = answered.get(group)
        click.echo(
            f"{group:10} {words}"
            + (f"；本期受邀 {so_far.invited:,} 人，已申领 {so_far.applied:,} 人" if so_far else "")
        )


@campaign.command()
@click.option("--after", default=0, show_default=True, help="Go on behind this person.")
def unreachable(after: int) -> None:
    """Whom no message reached: helpers call on them. Person numbers and weeks, nobody's name."""
    from yikatong.campaign.invitations import find_unreachable

    for invitation in find_unreachable(after_person_id=after):
        click.echo(f"{invitation.person_id:>12} {invitation.week_starts_on} {invitation.get_state_display()}")


def _found(campaign_id: str) -> "Campaign":
    from yikatong.campaign.models import Campaign

    found = Campaign.objects.filter(campaign_id=campaign_id).first()
    if found is None:
        known = ", ".join(Campaign.objects.order_by("-planned_at").values_list("campaign_id", flat=True)[:10])
        raise click.ClickException(f"there is no draft {campaign_id}; there are: {known or 'none'}")
    return found


def _tell(made: "Campaign") -> None:
    click.echo(
        f"{made.campaign_id}：{made.starts_on} 起 {made.weeks} 周，{made.people:,} 人，安排不下 {made.left_out:,} 人"
    )
    if made.not_open:
        click.echo(f"另有 {made.not_open:,} 人的批次在计划期内尚未开放，没有列入")
    if made.without_guardian:
        click.echo(f"另有 {made.without_guardian:,} 名未成年人没有登记监护人，没有列入：请先登记监护关系")
    if made.unknown_community:
        click.echo(f"另有 {made.unknown_community:,} 人的社区代码不在城市数据中，没有列入计划：请更正登记簿")
    click.echo(
        f"平均距离 {made.mean_distance_m / 1000:.1f} 公里，平均等待 {made.mean_wait_weeks:.1f} 周，"
        f"网点负荷 p95 {made.load_p95:.0%}，最优性差距 {made.gap:.2%}"
    )
    for sentence in made.limits[:10]:
        click.echo(f"· {sentence}")


def _changes(closed: tuple[str, ...], lost: tuple[str, ...], demand: tuple[str, ...]) -> "tuple[Change, ...]":
    from yikatong.campaign.changes import CloseOutlet, LoseProduction, MoreDemand

    try:
        closings = [CloseOutlet(*_named_days(text)) for text in closed]
        losses = [LoseProduction(*_named_days(text)) for text in lost]
        demands = [MoreDemand(text.split(":")[0], int(text.split(":")[1])) for text in demand]
    except (ValueError, IndexError) as error:
        raise click.UsageError(
            "write OUTLET:FIRST:LAST, BANK:FIRST:LAST or DISTRICT:PERCENT, for example ICBC:2026-12-07:2026-12-13"
        ) from error
    return (*closings, *losses, *demands)


def _named_days(text: str) -> tuple[str, date, date]:
    name, first, last = text.rsplit(":", 2)
    return name, date.fromisoformat(first), date.fromisoformat(last)


def _next_monday(day: date) -> date:
    return day + timedelta(days=7 - day.weekday())
