"""Campaigns as planned, whom a plan sends where and when, who was invited, and who has an appointment.

A plan is a draft until it is published; then its slots become invitations. ``Slot`` is what the plan foresees, ``Invitation``
what a person was told: who may still choose a bank is invited to apply, never to one bank's outlet.
"""

from django.db import models

WAYS = [("outlet", "网点领取"), ("post", "邮寄"), ("visit", "上门办理"), ("unit", "单位代领")]


class CampaignState(models.TextChoices):
    """Where a plan stands. Only one campaign is published at a time; publishing another replaces it."""

    QUEUED = "queued", "排队中"
    PLANNING = "planning", "计划中"
    PLANNED = "planned", "草案"
    FAILED = "failed", "未完成"
    PUBLISHING = "publishing", "发布中"
    PUBLISHED = "published", "已发布"
    REPLACED = "replaced", "已被替换"


class Campaign(models.Model):
    """One plan and its figures. Planning it again replaces it and its slots, unless it was published."""

    campaign_id = models.CharField(primary_key=True, max_length=20)
    state = models.CharField(max_length=10, choices=CampaignState, default=CampaignState.PLANNED)
    starts_on = models.DateField(help_text="a Monday: the first week")
    weeks = models.SmallIntegerField()
    seed = models.BigIntegerField(help_text="with it anybody repeats the draw of who comes when")
    based_on = models.CharField(max_length=20, blank=True, help_text="the plan that this one changes or goes on from")
    changes = models.JSONField(default=list, help_text="what if: see campaign.changes")
    keeps_invited = models.BooleanField(
        default=False, help_text="whoever is invited within seven days stays as in based_on"
    )
    by_forecast = models.BooleanField(default=False, help_text="plans for those expected to come, not for everybody")
    step = models.CharField(max_length=120, blank=True, help_text="what the worker is doing, in words")
    steps_done = models.SmallIntegerField(default=0)
    steps_total = models.SmallIntegerField(default=0)
    failure = models.TextField(blank=True, help_text="why there is no plan, in words")
    requested_by = models.CharField(max_length=64, blank=True)
    requested_at = models.DateTimeField(null=True)
    planned_at = models.DateTimeField(null=True)
    published_at = models.DateTimeField(null=True)
    published_by = models.CharField(max_length=64, blank=True)
    people = models.BigIntegerField(default=0)
    left_out = models.BigIntegerField(default=0)
    unknown_community = models.BigIntegerField(
        default=0, help_text="not planned: the register names a community that is none"
    )
    not_open = models.BigIntegerField(default=0, help_text="not planned: their batch does not open within the plan")
    without_guardian = models.BigIntegerField(default=0, help_text="not planned: minors whose guardian is not known")
    families_split = models.BigIntegerField(default=0, help_text="minors who could not be placed with their guardian")
    mean_distance_m = models.FloatField(default=0)
    mean_wait_weeks = models.FloatField(default=0)
    load_p95 = models.FloatField(default=0)
    gap = models.FloatField(default=0, help_text="0: proved the best for its model")
    limits = models.JSONField(default=list, help_text="the dearest binding limits, in sentences")

    class Meta:
        db_table = "campaign_campaign"


class Slot(models.Model):
    """One person's place and week in one plan; both empty for whoever is left out, ``refusal`` says why."""

    pk = models.CompositePrimaryKey("person_id", "campaign_id")
    person_id = models.BigIntegerField()
    campaign_id = models.CharField(max_length=20)
    bank_code = models.CharField(max_length=8)
    way = models.CharField(max_length=10, choices=WAYS)
    outlet_id = models.CharField(max_length=24, blank=True)
    organisation_code = models.CharField(max_length=18, blank=True, help_text="the unit that collects for its people")
    is_bank_fixed = models.BooleanField(default=False, help_text="the bank is known, and not merely foreseen")
    week_starts_on = models.DateField(null=True)
    refusal = models.CharField(max_length=24, blank=True)

    class Meta:
        db_table = "campaign_slot"
        indexes = [models.Index(fields=["campaign_id", "outlet_id", "week_starts_on"], name="campaign_slots_at")]


class PlaceWeek(models.Model):
    """One place in one week of one plan: how many it takes, how many come, what one more would save, how long they queue.

    ``place``: an outlet's id, ``post:BANK`` or ``visit:BANK:STREET``.
    """

    pk = models.CompositePrimaryKey("campaign_id", "place", "week_starts_on")
    campaign_id = models.CharField(max_length=20)
    place = models.CharField(max_length=40)
    week_starts_on = models.DateField()
    bank_code = models.CharField(max_length=8)
    way = models.CharField(max_length=10, choices=WAYS)
    district_code = models.CharField(max_length=6, blank=True)
    street_code = models.CharField(max_length=9, blank=True)
    capacity = models.IntegerField(help_text="people")
    planned = models.IntegerField(help_text="people")
    price_m = models.BigIntegerField(default=0, help_text="metres that one more person a week would save at most")
    wait_p50_min = models.FloatField(null=True, help_text="minutes; outlets only")
    wait_p95_min = models.FloatField(null=True)

    class Meta:
        db_table = "campaign_place_week"
        indexes = [models.Index(fields=["campaign_id", "week_starts_on"], name="campaign_places_in_week")]


class BankWeek(models.Model):
    """One bank in one week of one plan, in cards; ``units``: of ``planned``, those that units collect."""

    pk = models.CompositePrimaryKey("campaign_id", "bank_code", "week_starts_on")
    campaign_id = models.CharField(max_length=20)
    bank_code = models.CharField(max_length=8)
    week_starts_on = models.DateField()
    production = models.IntegerField()
    planned = models.IntegerField()
    units = models.IntegerField(default=0)
    expected = models.IntegerField(default=0, help_text="who is likely to come, by the forecast of uptake")
    price_m = models.BigIntegerField(default=0)

    class Meta:
        db_table = "campaign_bank_week"


class StreetFigures(models.Model):
    """One street in one plan. Sums, so that districts are sums of streets. The point is the planner's, not surveyed."""

    pk = models.CompositePrimaryKey("campaign_id", "street_code")
    campaign_id = models.CharField(max_length=20)
    street_code = models.CharField(max_length=9)
    district_code = models.CharField(max_length=6)
    lng = models.FloatField()
    lat = models.FloatField()
    people = models.IntegerField()
    left_out = models.IntegerField()
    expected = models.IntegerField(default=0, help_text="who is likely to come, by the forecast of uptake")
    waited_weeks = models.BigIntegerField(help_text="summed over those placed")
    distance_m = models.BigIntegerField(help_text="summed over those who go to an outlet")
    to_outlets = models.IntegerField(help_text="people who go to an outlet")

    class Meta:
        db_table = "campaign_street_figures"


class UnitSlot(models.Model):
    """One unit's week in one plan: its people stay together. Without a week, ``refusal`` says why."""

    pk = models.CompositePrimaryKey("campaign_id", "organisation_code")
    campaign_id = models.CharField(max_length=20)
    organisation_code = models.CharField(max_length=18)
    people = models.IntegerField()
    banks = models.JSONField(help_text="people foreseen at each of its banks")
    week_starts_on = models.DateField(null=True)
    refusal = models.CharField(max_length=24, blank=True)
    refusal_words = models.CharField(max_length=200, blank=True, help_text="what the unit is told")

    class Meta:
        db_table = "campaign_unit_slot"


class Comparison(models.Model):
    """How many people move from one plan to another, as the worker counted it. ``first`` is the lesser name of both."""

    pk = models.CompositePrimaryKey("first", "second")
    first = models.CharField(max_length=20)
    second = models.CharField(max_length=20)
    other_place = models.IntegerField()
    other_week = models.IntegerField()
    lost = models.IntegerField(help_text="placed by the first and not by the second")
    gained = models.IntegerField(help_text="placed by the second and not by the first")
    counted_at = models.DateTimeField()

    class Meta:
        db_table = "campaign_comparison"


class CapacityChange(models.Model):
    """What departs from rules/campaign.toml, from a day until a day: a closed outlet, lost production, more helpers, blanks.

    ``kind`` and what ``value`` means: ``campaign.capacities``.
    """

    change_id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=20)
    of = models.CharField(max_length=24, help_text="an outlet, a bank or a street, by its kind")
    value = models.IntegerField()
    effective_from = models.DateField()
    effective_until = models.DateField(null=True, help_text="the last day")
    reason = models.CharField(max_length=200)
    recorded_by = models.CharField(max_length=64)
    recorded_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "campaign_capacity_change"
        indexes = [models.Index(fields=["kind", "of"], name="campaign_capacity_changes_of")]


class InvitationState(models.TextChoices):
    """How an invitation stands."""

    WAITING = "waiting", "待发送"
    SENT = "sent", "已发送"
    UNREACHABLE = "unreachable", "没有手机号码"
    FAILED = "failed", "发送失败"
    WITHDRAWN = "withdrawn", "已撤回"


class Invitation(models.Model):
    """What one person is told by a published campaign, and when. ``outlet_id``, ``bank_code``: only where the bank is fixed."""

    pk = models.CompositePrimaryKey("person_id", "campaign_id")
    person_id = models.BigIntegerField()
    campaign_id = models.CharField(max_length=20)
    way = models.CharField(max_length=10, choices=WAYS)
    bank_code = models.CharField(max_length=8, blank=True)
    outlet_id = models.CharField(max_length=24, blank=True)
    week_starts_on = models.DateField()
    state = models.CharField(max_length=12, choices=InvitationState, default=InvitationState.WAITING)
    appointment_id = models.UUIDField(
        null=True, help_text="the half-day that was kept for this person when it was sent"
    )
    attempts = models.SmallIntegerField(default=0)
    state_since = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "campaign_invitation"
        indexes = [
            models.Index(fields=["state", "week_starts_on"], name="campaign_invitations_due"),
            models.Index(fields=["campaign_id", "state"], name="campaign_invitations_standing"),
        ]


class UptakeCell(models.Model):
    """What came of invitations: of those sent in one week to one district and group, so many applied after ``lag_weeks``.

    ``lag_weeks`` -1: all who were invited. Counted anew by ``campaign_count_uptake_v1``.
    """

    pk = models.CompositePrimaryKey("campaign_id", "sent_week", "district_code", "category", "lag_weeks")
    campaign_id = models.CharField(max_length=20)
    sent_week = models.DateField(help_text="its Monday")
    district_code = models.CharField(max_length=6)
    category = models.CharField(max_length=10)
    lag_weeks = models.SmallIntegerField()
    people = models.IntegerField()

    class Meta:
        db_table = "campaign_uptake_cell"


class HalfDay(models.Model):
    """A morning or afternoon of an outlet: how many it takes, and how many have an appointment or walked in."""

    pk = models.CompositePrimaryKey("outlet_id", "day", "half")
    outlet_id = models.CharField(max_length=24)
    day = models.DateField()
    half = models.CharField(max_length=2, choices=[("am", "上午"), ("pm", "下午")])
    capacity = models.IntegerField()
    taken = models.IntegerField(default=0)

    class Meta:
        db_table = "campaign_half_day"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(taken__gte=0) & models.Q(taken__lte=models.F("capacity")),
                name="campaign_half_day_not_overbooked",
            )
        ]


class AppointmentState(models.TextChoices):
    """How an appointment stands; all but kept and done have given their place back."""

    KEPT = "kept", "已预约"
    DONE = "done", "已办理"
    MOVED = "moved", "已改期"
    CANCELLED = "cancelled", "已取消"
    NO_SHOW = "no_show", "未到"


class Appointment(models.Model):
    """A person's half-day at an outlet. Made and ended by the functions of ``sql/appointments_v*.sql`` only."""

    pk = models.CompositePrimaryKey("person_id", "appointment_id")
    person_id = models.BigIntegerField()
    appointment_id = models.UUIDField(help_text="made by whoever books, so that booking twice is booking once")
    outlet_id = models.CharField(max_length=24)
    day = models.DateField()
    half = models.CharField(max_length=2)
    kind = models.CharField(max_length=10, choices=[("booked", "预约"), ("invited", "邀请"), ("walk_in", "现场到访")])
    state = models.CharField(max_length=10, choices=AppointmentState)
    booked_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, help_text="when the person said that they will come")
    reminded_at = models.DateTimeField(null=True, help_text="when the message of the day before went out")
    reminder_tried_at = models.DateTimeField(null=True, help_text="when that message failed last")

    class Meta:
        db_table = "campaign_appointment"
        constraints = [
            models.UniqueConstraint(
                fields=["person_id"], condition=models.Q(state="kept"), name="campaign_one_appointment_each"
            )
        ]
        indexes = [
            models.Index(fields=["outlet_id", "day", "half"], name="campaign_appointments_at"),
            models.Index(fields=["appointment_id"], name="campaign_appointment_by_number"),
            models.Index(fields=["day"], name="campaign_appointments_kept", condition=models.Q(state="kept")),
        ]
