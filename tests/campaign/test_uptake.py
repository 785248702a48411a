"""What came of invitations: who applied, how many weeks later, by district and group."""

from datetime import timedelta

import pytest

from tests.campaign.world import MONDAY, make_city
from tests.cast import CLERK, NOON, application_for, make_person
from yikatong.applications.services import cancel, submit
from yikatong.campaign.models import Campaign, CampaignState, Invitation, InvitationState, UptakeCell
from yikatong.campaign.uptake import (
    Answered,
    count_published,
    count_uptake,
    forecast_uptake,
    forecast_words,
    uptake_by_district,
    uptake_by_group,
)
from yikatong.city.capacity import campaign_limits_at
from yikatong.city.rules import CATEGORIES
from yikatong.registry.models import Person

pytestmark = pytest.mark.django_db
WEEK = timedelta(weeks=1)


def invite(person: Person, *, state: InvitationState = InvitationState.SENT, campaign: str = "winter") -> None:
    Invitation.objects.create(
        person_id=person.person_id,
        campaign_id=campaign,
        way="outlet",
        week_starts_on=MONDAY,
        state=state,
        state_since=NOON,
    )


def test_applications_are_counted_by_the_weeks_they_took() -> None:
    outlet, _ = make_city("ICBC", "ABC")
    people = [make_person(serial) for serial in range(1, 8)]
    for person in people[:6]:
        invite(person)
    invite(people[6], state=InvitationState.WAITING)
    submit(application_for(people[0], outlet), by=CLERK, at=NOON - WEEK)
    for person, later in ((people[1], 0.5), (people[2], 0.9), (people[3], 2.1), (people[6], 0.1)):
        submit(application_for(person, outlet), by=CLERK, at=NOON + WEEK * later)
    taken_back = submit(application_for(people[4], outlet), by=CLERK, at=NOON + WEEK)
    cancel(people[4].person_id, taken_back.application_id, by=CLERK, at=NOON + WEEK)
    for _ in range(2):
        count_uptake("winter")
    assert dict(UptakeCell.objects.values_list("lag_weeks", "people")) == {-1: 6, 0: 2, 2: 1}
    assert UptakeCell.objects.first().sent_week.isoformat() == "2026-11-02"  # type: ignore[union-attr]
    assert uptake_by_district("winter") == {"110101": Answered(6, 3)}
    assert uptake_by_group("winter") == {"flexible": Answered(6, 3)}
    assert uptake_by_district("winter")["110101"].share == 0.5


def test_replaced_campaigns_are_counted_too_and_drafts_are_not() -> None:
    outlet, *_ = make_city("ICBC")
    told_by_old, told_by_new = make_person(1), make_person(2)
    invite(told_by_old, campaign="old")
    invite(told_by_new)
    for name, state, at in (
        ("winter", CampaignState.PUBLISHED, NOON),
        ("old", CampaignState.REPLACED, NOON - WEEK),
        ("draft", CampaignState.PLANNED, None),
    ):
        Campaign.objects.create(campaign_id=name, state=state, starts_on=MONDAY, weeks=1, seed=1, published_at=at)
    invite(told_by_new, campaign="draft")
    submit(application_for(told_by_old, outlet), by=CLERK, at=NOON + WEEK)
    assert count_published() == 3
    assert uptake_by_group("old") == {"flexible": Answered(1, 1)}
    assert uptake_by_group("winter") == {"flexible": Answered(1, 0)}
    assert uptake_by_group("draft") == {}


def test_people_whose_unit_applies_say_nothing_of_uptake() -> None:
    make_city("ICBC")
    person = make_person(1)
    invite(person)
    Invitation.objects.update(way="unit")
    assert count_uptake("winter") == 0


def seen(category: str, lag: int, people: int, *, weeks_ago: int = 8) -> None:
    UptakeCell.objects.create(
        campaign_id="winter",
        sent_week=MONDAY - WEEK * weeks_ago,
        district_code="110101",
        category=category,
        lag_weeks=lag,
        people=people,
    )


def test_before_anybody_was_invited_the_forecast_is_the_rules() -> None:
    uptake = forecast_uptake(MONDAY)
    limits = campaign_limits_at(MONDAY)
    assert [round(100 * share) for share in uptake.share] == [limits.uptake_percent(each) for each in CATEGORIES]
    assert "尚无实际情况，依据预设值" in forecast_words(MONDAY)["retiree"]


def test_what_happened_outweighs_the_guess_in_its_group_alone() -> None:
    seen("retiree", -1, 10_000)
    seen("retiree", 0, 3_000)
    seen("retiree", 1, 1_000)
    uptake = forecast_uptake(MONDAY)
    shares = dict(zip(CATEGORIES, uptake.share, strict=True))
    assert 0.39 < shares["retiree"] < 0.43
    assert round(100 * shares["minor"]) == campaign_limits_at(MONDAY).uptake_percent("minor")
    assert "依据 10,000 人的实际情况" in forecast_words(MONDAY)["retiree"]


def test_invitations_of_this_week_prove_nothing_yet() -> None:
    seen("retiree", -1, 10_000, weeks_ago=0)
    assert round(100 * forecast_uptake(MONDAY).share[CATEGORIES.index("retiree")]) == 80
