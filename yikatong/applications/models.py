"""Applications for a card, whoever makes them and through whichever channel."""

from django.db import models


class ApplicationState(models.TextChoices):
    """Where an application stands. What may follow what: ``applications.rules.NEXT_STATES``."""

    SUBMITTED = "submitted", "已提交"
    APPROVED = "approved", "审核通过"
    REJECTED = "rejected", "未通过"
    IN_PRODUCTION = "in_production", "制卡中"
    READY = "ready", "可以领卡"
    COLLECTED = "collected", "已领卡"
    CANCELLED = "cancelled", "已取消"


class Application(models.Model):
    """One application. The client makes ``application_id``: sending it again is sending it once."""

    pk = models.CompositePrimaryKey("person_id", "application_id")
    person_id = models.BigIntegerField(help_text="whose card it will be")
    application_id = models.UUIDField()
    applicant_person_id = models.BigIntegerField(null=True, help_text="who applies, when for another")
    kind = models.CharField(max_length=12, choices=[(v, v) for v in ("first", "replacement")])
    channel = models.CharField(max_length=10, choices=[(v, v) for v in ("web", "outlet", "outreach", "unit")])
    bank_code = models.CharField(max_length=8)
    collection = models.CharField(max_length=8, choices=[(v, v) for v in ("outlet", "post", "unit", "visit")])
    outlet_id = models.CharField(max_length=24, blank=True)
    address_sealed = models.BinaryField(null=True)
    organisation_code = models.CharField(max_length=18, blank=True)
    state = models.CharField(max_length=14, choices=ApplicationState, default=ApplicationState.SUBMITTED)
    refusal_reason = models.CharField(max_length=40, blank=True)
    content_digest = models.BinaryField()
    submitted_at = models.DateTimeField()
    state_since = models.DateTimeField()
    promised_by = models.DateField(null=True)

    class Meta:
        db_table = "applications_application"
        indexes = [
            models.Index(fields=["bank_code", "state", "submitted_at"], name="applications_by_bank"),
            models.Index(fields=["outlet_id", "state", "submitted_at"], name="applications_by_outlet"),
            models.Index(fields=["application_id"], name="applications_by_number"),
        ]


class Draft(models.Model):
    """What somebody has answered so far in an application for a person; sealed, and gone when it is submitted or old.

    ``application_id`` is the one it will be submitted under: two tabs, a reload or the back button submit it once.
    """

    pk = models.CompositePrimaryKey("person_id", "acting_person_id")
    person_id = models.BigIntegerField()
    acting_person_id = models.BigIntegerField()
    application_id = models.UUIDField()
    answers_sealed = models.BinaryField()
    updated_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "applications_draft"
