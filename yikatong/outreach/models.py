"""Help at home: who calls on whom and when, on which devices the day's visits lie, and what came back from them.

What a device brings is kept before anything is decided, so that two truths about one person become a case and never a loss.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Helper(models.Model):
    """Where a helper's account calls on people: a street (9 digits) or one community (12)."""

    username = models.CharField(primary_key=True, max_length=150)
    area_code = models.CharField(max_length=12)
    street_code = models.CharField(max_length=9, db_index=True)
    assigned_by = models.CharField(max_length=64)
    assigned_at = models.DateTimeField()

    class Meta:
        db_table = "outreach_helper"


class VisitReason(models.TextChoices):
    """Why somebody is called on."""

    REGISTERED = "registered", "登记需要上门"
    ASKED = "asked", "本人或家属要求"
    UNREACHABLE = "unreachable", "通知未能送达"


class VisitState(models.TextChoices):
    """How a visit stands. ``conflict``: what was brought does not fit what the platform knows, somebody has to look."""

    PLANNED = "planned", "待上门"
    DONE = "done", "已办理"
    CONFLICT = "conflict", "待核实"
    NOT_HOME = "not_home", "家中无人"
    DECLINED = "declined", "本人不办"
    CANCELLED = "cancelled", "已取消"


class Visit(models.Model):
    """One call on one person. ``told_*``: what the helper's device was told, to see later whether it still holds."""

    pk = models.CompositePrimaryKey("person_id", "visit_id")
    person_id = models.BigIntegerField()
    visit_id = models.UUIDField(db_index=True)
    street_code = models.CharField(max_length=9)
    community_code = models.CharField(max_length=12)
    reason = models.CharField(max_length=12, choices=VisitReason)
    state = models.CharField(max_length=10, choices=VisitState, default=VisitState.PLANNED)
    helper = models.CharField(max_length=150, blank=True, help_text="empty until the day is planned")
    day = models.DateField(null=True)
    told_category = models.CharField(max_length=10, blank=True)
    told_community = models.CharField(max_length=12, blank=True)
    asked_at = models.DateTimeField()
    state_since = models.DateTimeField()

    class Meta:
        db_table = "outreach_visit"
        constraints = [
            models.UniqueConstraint(
                fields=["person_id"], condition=models.Q(state="planned"), name="outreach_one_open_visit_each"
            )
        ]
        indexes = [
            models.Index(fields=["street_code", "day"], name="outreach_visits_of_street"),
            models.Index(fields=["helper", "day"], name="outreach_visits_of_helper"),
        ]


class Device(models.Model):
    """A tablet or phone that may carry visits. A lost one is told to wipe itself and is let in no more."""

    device_id = models.UUIDField(primary_key=True)
    helper = models.CharField(max_length=150, db_index=True)
    name = models.CharField(max_length=40)
    token_digest = models.BinaryField(help_text="keyed SM3 of the token, which only the device has")
    registered_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    lost_at = models.DateTimeField(null=True)
    lost_by = models.CharField(max_length=64, blank=True)
    told_to_wipe_at = models.DateTimeField(null=True, help_text="when it first asked after it was reported lost")

    class Meta:
        db_table = "outreach_device"


class Package(models.Model):
    """One day's visits as handed to one device."""

    package_id = models.UUIDField(primary_key=True)
    device = models.ForeignKey(Device, on_delete=models.PROTECT)
    day = models.DateField()
    visit_ids = ArrayField(models.UUIDField())
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "outreach_package"


class HomeState(models.TextChoices):
    """What became of an application taken at home."""

    ACCEPTED = "accepted", "已受理"
    CONFLICT = "conflict", "待协办员处理"
    NOTED = "noted", "待卡中心处理"
    DISCARDED = "discarded", "已放弃"
    SETTLED = "settled", "已处理"


class HomeApplication(models.Model):
    """What a device brought of one application: kept as signed at home, accepted or not.

    ``content_sealed``: bank, collection, address, notes, as JSON; emptied with the picture and the signature when discarded.
    The picture of an accepted one is the person's portrait (``issuance``) and is not kept twice.
    """

    pk = models.CompositePrimaryKey("person_id", "application_id")
    person_id = models.BigIntegerField()
    application_id = models.UUIDField(db_index=True)
    visit_id = models.UUIDField()
    device_id = models.UUIDField()
    helper = models.CharField(max_length=150)
    state = models.CharField(max_length=10, choices=HomeState)
    reason = models.CharField(max_length=40, blank=True, help_text="why it was not accepted")
    content_digest = models.BinaryField()
    content_sealed = models.BinaryField(null=True)
    photo_sealed = models.BinaryField(null=True)
    photo_problem = models.CharField(max_length=120, blank=True, help_text="why the picture was not taken")
    signature_way = models.CharField(max_length=12, choices=[(v, v) for v in ("drawn", "fingerprint", "oral")])
    signature_sealed = models.BinaryField(null=True)
    has_consented_to_photo = models.BooleanField()
    has_seen_phone = models.BooleanField(default=False)
    identified_at = models.DateTimeField(help_text="by the device's clock, as the next one")
    completed_at = models.DateTimeField()
    received_at = models.DateTimeField()
    state_since = models.DateTimeField()
    settled_by = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "outreach_home_application"
        indexes = [
            models.Index(
                fields=["received_at"],
                name="outreach_open_cases",
                condition=models.Q(state__in=["conflict", "noted"]),
            )
        ]
