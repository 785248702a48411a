"""What people agreed to, how they proved that it is they who ask, and what they asked to be deleted or put right."""

from django.db import models


class ConsentEntry(models.Model):
    """One yes or no of one person to one purpose. Rows are added, never changed: a trigger refuses both (migration 0002)."""

    pk = models.CompositePrimaryKey("person_id", "entry_id")
    person_id = models.BigIntegerField(help_text="whose data it is about")
    entry_id = models.UUIDField(help_text="version 7: ordered by time")
    purpose = models.CharField(max_length=40, help_text="a code of rules/consents.toml")
    text_version = models.CharField(max_length=10, help_text="the day since when the words agreed to hold")
    is_given = models.BooleanField()
    by_person_id = models.BigIntegerField(null=True, help_text="the guardian, when for a child; the person otherwise")
    actor = models.CharField(max_length=64)
    channel = models.CharField(max_length=10, choices=[(v, v) for v in ("web", "outlet", "outreach", "phone")])
    at = models.DateTimeField()

    class Meta:
        db_table = "consent_entry"
        indexes = [models.Index(fields=["person_id", "purpose", "-entry_id"], name="consent_newest")]


class ConfirmationCode(models.Model):
    """A code sent to somebody's registered phone for one act. Only a keyed digest of it is kept."""

    pk = models.CompositePrimaryKey("person_id", "code_id")
    person_id = models.BigIntegerField(help_text="whose phone it went to")
    code_id = models.UUIDField()
    act = models.CharField(max_length=40, help_text="what it confirms, such as activate:42")
    digest = models.BinaryField(help_text="16 bytes, keyed SM3 of code_id and code")
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    tries = models.SmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "consent_confirmation_code"
        indexes = [models.Index(fields=["person_id", "-sent_at"], name="consent_codes_sent")]


class RequestState(models.TextChoices):
    """Where a request of a person about their data stands."""

    OPEN = "open", "待处理"
    ANSWERED = "answered", "已答复"


class DataRequest(models.Model):
    """A wish to have data deleted or put right, and the card centre's answer; both sealed, for people write what they like."""

    pk = models.CompositePrimaryKey("person_id", "request_id")
    person_id = models.BigIntegerField()
    request_id = models.UUIDField(help_text="made with the form: sending it twice is asking once")
    kind = models.CharField(max_length=8, choices=[(v, v) for v in ("deletion", "correct")])
    by_person_id = models.BigIntegerField()
    text_sealed = models.BinaryField()
    answer_sealed = models.BinaryField(null=True)
    state = models.CharField(max_length=8, choices=RequestState, default=RequestState.OPEN)
    made_at = models.DateTimeField()
    due_on = models.DateField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "consent_data_request"
        indexes = [models.Index(fields=["state", "made_at"], name="consent_requests_open")]
