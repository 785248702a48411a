"""Who gave whom which right, and what was asked for and not yet confirmed.

A delegation ends by its last day, by revoking it, never by deleting it: what was done under it must stay explained.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from yikatong.delegation.rules import Act, Proof


class Delegation(models.Model):
    """``agent`` may do ``acts`` for ``principal`` from ``since`` to ``until``, both days included, unless it was revoked."""

    pk = models.CompositePrimaryKey("principal_person_id", "delegation_id")
    principal_person_id = models.BigIntegerField()
    delegation_id = models.UUIDField()
    agent_person_id = models.BigIntegerField(db_index=True)
    acts = ArrayField(models.CharField(max_length=12, choices=[(act, act) for act in Act]))
    since = models.DateField()
    until = models.DateField()
    proof = models.CharField(max_length=10, choices=[(proof, proof) for proof in Proof])
    evidence_sealed = models.BinaryField(null=True, help_text="in person: what staff have seen")
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=80)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=80, blank=True)

    class Meta:
        db_table = "delegation_delegation"


class Request(models.Model):
    """A right somebody asks for: the code went to the principal's registered phone, its keyed digest is kept."""

    pk = models.CompositePrimaryKey("agent_person_id", "request_id")
    agent_person_id = models.BigIntegerField()
    request_id = models.UUIDField()
    principal_person_id = models.BigIntegerField()
    acts = ArrayField(models.CharField(max_length=12, choices=[(act, act) for act in Act]))
    until = models.DateField()
    code_digest = models.BinaryField()
    tries = models.SmallIntegerField(default=0)
    asked_at = models.DateTimeField()

    class Meta:
        db_table = "delegation_request"


class Tries(models.Model):
    """How often a person named another on a day, and how many codes a person was sent on it. Rows go after a week."""

    pk = models.CompositePrimaryKey("person_id", "day")
    person_id = models.BigIntegerField()
    day = models.DateField()
    named = models.IntegerField(default=0)
    codes = models.IntegerField(default=0)

    class Meta:
        db_table = "delegation_tries"
