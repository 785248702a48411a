"""Commands of the campaign: a plan of the register, its figures, and whom it sends where and when."""

import os
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import beijing_day, utc_now

if TYPE_CHECKING:
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
def plan_command(campaign_id: str, starts: datetime | None, weeks: int, seed: int, again: bool) -> None:
    """Plan for everybody of the register who has no third-generation card and no application under way."""
    from yikatong.campaign.drafting import draft
    from yikatong.campaign.models import Campaign

    if not again and Campaign.objects.filter(campaign_id=campaign_id).exists():
        raise click.ClickException(f"there is a draft {campaign_id} already; --again replaces it")
    at = utc_now()
    made = draft(
        campaign_id,
        starts_on=starts.date() if starts else _next_monday(beijing_day(at)),
        weeks=weeks,
        seed=seed,
        by=_BY,
        at=at,
        processes=os.cpu_count() or 1,
        told=lambda step: click.echo(f"{step} …", err=True),
    )
    _tell(made)


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
    if made.unknown_community:
        click.echo(f"另有 {made.unknown_community:,} 人的社区代码不在城市数据中，没有列入计划：请更正登记簿")
    click.echo(
        f"平均距离 {made.mean_distance_m / 1000:.1f} 公里，平均等待 {made.mean_wait_weeks:.1f} 周，"
        f"网点负荷 p95 {made.load_p95:.0%}，最优性差距 {made.gap:.2%}"
    )
    for sentence in made.limits[:10]:
        click.echo(f"· {sentence}")


def _next_monday(day: date) -> date:
    return day + timedelta(days=7 - day.weekday())
