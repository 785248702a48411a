"""Campaigns as planned, and whom a plan sends where and when. A plan is a draft: nobody is invited by it yet."""

from django.db import models


class Campaign(models.Model):
    """One plan and its figures. Planning it again replaces it and its slots."""

    campaign_id = models.CharField(primary_key=True, max_length=20)
    starts_on = models.DateField(help_text="a Monday: the first week")
    weeks = models.SmallIntegerField()
    seed = models.BigIntegerField(help_text="with it anybody repeats the draw of who comes when")
    planned_at = models.DateTimeField()
    people = models.BigIntegerField()
    left_out = models.BigIntegerField()
    unknown_community = models.BigIntegerField(help_text="not planned: the register names a community that is none")
    mean_distance_m = models.FloatField()
    mean_wait_weeks = models.FloatField()
    load_p95 = models.FloatField()
    gap = models.FloatField(help_text="0: proved the best for its model")
    limits = models.JSONField(help_text="the dearest binding limits, in sentences")

    class Meta:
        db_table = "campaign_campaign"


class Slot(models.Model):
    """One person's place and week in one plan; both empty for whoever is left out."""

    pk = models.CompositePrimaryKey("person_id", "campaign_id")
    person_id = models.BigIntegerField()
    campaign_id = models.CharField(max_length=20)
    bank_code = models.CharField(max_length=8)
    way = models.CharField(max_length=10, choices=[("outlet", "网点领取"), ("visit", "上门办理")])
    outlet_id = models.CharField(max_length=24, blank=True)
    week_starts_on = models.DateField(null=True)

    class Meta:
        db_table = "campaign_slot"
        indexes = [models.Index(fields=["campaign_id", "outlet_id", "week_starts_on"], name="campaign_slots_at")]


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
    """How an appointment stands; all but kept have given their place back."""

    KEPT = "kept", "已预约"
    MOVED = "moved", "已改期"
    CANCELLED = "cancelled", "已取消"
    NO_SHOW = "no_show", "未到"


class Appointment(models.Model):
    """A person's half-day at an outlet. Written by ``campaign_book_v1`` and ``campaign_end_v1`` only."""

    pk = models.CompositePrimaryKey("person_id", "appointment_id")
    person_id = models.BigIntegerField()
    appointment_id = models.UUIDField(help_text="made by whoever books, so that booking twice is booking once")
    outlet_id = models.CharField(max_length=24)
    day = models.DateField()
    half = models.CharField(max_length=2)
    kind = models.CharField(max_length=10, choices=[("booked", "预约"), ("walk_in", "现场到访")])
    state = models.CharField(max_length=10, choices=AppointmentState)
    booked_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "campaign_appointment"
        constraints = [
            models.UniqueConstraint(
                fields=["person_id"], condition=models.Q(state="kept"), name="campaign_one_appointment_each"
            )
        ]
        indexes = [models.Index(fields=["outlet_id", "day", "half"], name="campaign_appointments_at")]
