"""The audit trail: who did what to whom, when, written in the same transaction as the deed.

Rows can be added and read, never changed or removed: a trigger refuses both (migration 0002). Details hold
no personal data, only identifiers and machine names.
"""

from django.db import models


class AuditEvent(models.Model):
    """One deed. ``person_id`` is the person it concerns, if any; ``subject`` names the thing, such as ``card:42``."""

    event_id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=64)
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=80)
    person_id = models.BigIntegerField(null=True)
    details = models.JSONField(default=dict)

    class Meta:
        db_table = "audit_event"
        indexes = [
            models.Index(fields=["person_id", "-event_id"], name="audit_by_person"),
            models.Index(fields=["subject", "-event_id"], name="audit_by_subject"),
            models.Index(fields=["at", "event_id"], name="audit_by_time"),
            models.Index(fields=["actor", "at", "event_id"], name="audit_by_actor"),
            models.Index(fields=["action", "at", "event_id"], name="audit_by_action"),
        ]
