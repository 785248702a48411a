"""Dangerous acts wait for a second person. What is to be done is sealed and cannot change once somebody asked for it.

PostgreSQL refuses what must never be: that one person asks and decides, that something decided is decided again, that what
was asked for is exchanged under the approver's eyes (``sql/approvals_v1.sql``).
"""

from django.db import models
from django.db.models import F, Q


class RequestState(models.TextChoices):
    """``failed``: approved, and refused by the rules when it was to be done; nothing happened."""

    WAITING = "waiting", "待审批"
    EXECUTED = "executed", "已批准并执行"
    REJECTED = "rejected", "已驳回"
    WITHDRAWN = "withdrawn", "已撤回"
    EXPIRED = "expired", "已过期"
    FAILED = "failed", "已批准，未能执行"


DECIDED = (RequestState.EXECUTED, RequestState.REJECTED, RequestState.FAILED)


class ApprovalRequest(models.Model):
    """One act that somebody asks for. ``request_id`` is a UUID of version 7: newest last."""

    request_id = models.UUIDField(primary_key=True)
    act = models.CharField(max_length=40)
    subject = models.CharField(max_length=80)
    person_id = models.BigIntegerField(null=True)
    parameters_sealed = models.BinaryField()
    parameters_digest = models.BinaryField(help_text="keyed: tells a repeat from another request, and cannot change")
    reason_sealed = models.BinaryField()
    requested_by_id = models.BigIntegerField()
    requested_by = models.CharField(max_length=150)
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=RequestState, default=RequestState.WAITING)
    decided_by_id = models.BigIntegerField(null=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    note_sealed = models.BinaryField(null=True)
    outcome = models.CharField(max_length=60, blank=True, help_text="why it failed: the refusal's machine name")

    class Meta:
        db_table = "approvals_request"
        constraints = [
            models.CheckConstraint(
                name="approvals_by_two_people",
                condition=Q(decided_by_id=None) | ~Q(decided_by_id=F("requested_by_id")),
            ),
            models.CheckConstraint(
                name="approvals_decided_by_somebody",
                condition=~Q(state__in=DECIDED) | Q(decided_by_id__isnull=False, decided_at__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["act", "subject"], name="approvals_asked_once", condition=Q(state=RequestState.WAITING)
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-request_id"], name="approvals_by_state"),
            models.Index(fields=["requested_by_id", "-request_id"], name="approvals_by_requester"),
        ]
