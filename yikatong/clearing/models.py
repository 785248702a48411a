"""From charges on single cards to what banks and operators owe and are owed.

A clearing batch takes every charge and every proved purse payment made before its cut-off. The nightly
batch cuts off at midnight in Beijing; a city may run more cycles a day. ``CardEntry`` and ``PurseEntry`` are the sub-ledgers
per card and per purse; the general ledger meets them once per batch.
"""

from django.db import models


class ClearingBatch(models.Model):
    """One clearing cycle. It meets the general ledger in one transfer, and in a second one when it is settled."""

    batch_id = models.CharField(primary_key=True, max_length=16, help_text="business day and cycle: 2026-11-01.1")
    business_day = models.DateField(db_index=True)
    cycle = models.SmallIntegerField()
    until = models.DateTimeField(help_text="the cut-off: charges made before it are in")
    entries = models.BigIntegerField()
    total_fen = models.BigIntegerField()
    cleared_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "clearing_batch"
        constraints = [models.UniqueConstraint(fields=["business_day", "cycle"], name="clearing_batch_cycle")]


class CardEntry(models.Model):
    """The per-card sub-ledger: one charge to one card for one operator, in the batch that cleared it."""

    pk = models.CompositePrimaryKey("card_id", "source")
    card_id = models.BigIntegerField()
    source = models.CharField(max_length=60, help_text="what it is for, for example journey:<uuid>")
    operator_code = models.CharField(max_length=20)
    bank_code = models.CharField(max_length=8)
    amount_fen = models.BigIntegerField()
    charged_at = models.DateTimeField()
    batch_id = models.CharField(max_length=16, null=True)

    class Meta:
        db_table = "clearing_card_entry"
        indexes = [
            models.Index(fields=["charged_at"], name="clearing_entries_open", condition=models.Q(batch_id=None)),
            models.Index(fields=["batch_id"], name="clearing_entries_by_batch"),
        ]


class PurseEntry(models.Model):
    """A proved purse payment for one operator, in the batch that cleared it: the sub-ledger of purses."""

    pk = models.CompositePrimaryKey("purse_number", "card_counter")
    purse_number = models.CharField(max_length=20)
    card_counter = models.IntegerField()
    issuer_hex = models.CharField(max_length=16, help_text="who holds the purse's money")
    operator_code = models.CharField(max_length=20)
    amount_fen = models.BigIntegerField()
    charged_at = models.DateTimeField()
    batch_id = models.CharField(max_length=16, null=True)

    class Meta:
        db_table = "clearing_purse_entry"
        indexes = [
            models.Index(fields=["charged_at"], name="clearing_purses_open", condition=models.Q(batch_id=None)),
            models.Index(fields=["batch_id"], name="clearing_purses_by_batch"),
        ]


class Statement(models.Model):
    """What one party sees of one batch, as files whose totals were proved against the ledger."""

    pk = models.CompositePrimaryKey("batch_id", "party")
    batch_id = models.CharField(max_length=16)
    party = models.CharField(max_length=40, help_text="operator:… | bank:… | purse:…")
    entries = models.BigIntegerField()
    total_fen = models.BigIntegerField()
    csv_text = models.TextField()
    json_text = models.TextField()
    sm3_hex = models.CharField(max_length=64)

    class Meta:
        db_table = "clearing_statement"
