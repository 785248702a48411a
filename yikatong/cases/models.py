"""Cases: what the machine cannot finish by itself and a person must look at. One inbox, whoever found it.

A case names the thing it is about and holds nothing of it; notes are sealed. ``settled``: what made it a case has passed.
"""

from django.db import models
from django.db.models import Q


class CaseState(models.TextChoices):
    """Where a case stands."""

    OPEN = "open", "待处理"
    TAKEN = "taken", "处理中"
    CLOSED = "closed", "已办结"
    SETTLED = "settled", "已自行解决"


UNDONE = (CaseState.OPEN, CaseState.TAKEN)


class Case(models.Model):
    """One case. ``kind`` and ``ref`` name what it is about; while it is undone there is one of them."""

    case_id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=40)
    ref = models.CharField(max_length=80)
    subject = models.CharField(max_length=80, help_text="as in the audit trail, such as card:42")
    person_id = models.BigIntegerField(null=True)
    since = models.DateTimeField()
    state = models.CharField(max_length=8, choices=CaseState, default=CaseState.OPEN)
    state_since = models.DateTimeField()
    assignee_id = models.BigIntegerField(null=True)
    assignee = models.CharField(max_length=150, blank=True)

    class Meta:
        db_table = "cases_case"
        constraints = [
            models.UniqueConstraint(fields=["kind", "ref"], name="cases_one_of_a_kind", condition=Q(state__in=UNDONE)),
            models.CheckConstraint(
                name="cases_taken_by_somebody",
                condition=~Q(state=CaseState.TAKEN) | Q(assignee_id__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "since", "case_id"], name="cases_by_state"),
            models.Index(fields=["kind", "state", "since", "case_id"], name="cases_by_kind"),
            models.Index(fields=["assignee_id", "state", "since", "case_id"], name="cases_by_assignee"),
            models.Index(fields=["person_id"], name="cases_by_person", condition=Q(person_id__isnull=False)),
        ]


class CaseNote(models.Model):
    """One step of a case and what was said about it. Steps stay."""

    note_id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT)
    step = models.CharField(max_length=10)
    by = models.CharField(max_length=160)
    at = models.DateTimeField()
    text_sealed = models.BinaryField(null=True)

    class Meta:
        db_table = "cases_note"
