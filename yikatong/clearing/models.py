"""From charges on single cards to what banks and operators owe and are owed for a day."""

from django.db import models


class CardEntry(models.Model):
    """The per-card sub-ledger: one charge (or, negative, one refund) to one card for one operator."""

    pk = models.CompositePrimaryKey("card_id", "source")
    card_id = models.BigIntegerField()
    source = models.CharField(max_length=60, help_text="what it is for, for example journey:<uuid>")
    operator_code = models.CharField(max_length=20)
    bank_code = models.CharField(max_length=8)
    amount_fen = models.BigIntegerField()
    business_day = models.DateField(db_index=True)
    entered_at = models.DateTimeField()

    class Meta:
        db_table = "clearing_card_entry"


class ClearingBatch(models.Model):
    """One business day's clearing. It meets the general ledger in one transfer."""

    business_day = models.DateField(primary_key=True)
    transfer_id = models.UUIDField()
    entries = models.BigIntegerField()
    total_fen = models.BigIntegerField()
    cleared_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "clearing_batch"


class Statement(models.Model):
    """What one party sees of one cleared day, as files whose totals were proved against the ledger."""

    pk = models.CompositePrimaryKey("business_day", "party")
    business_day = models.DateField()
    party = models.CharField(max_length=40, help_text="operator:… | bank:…")
    entries = models.BigIntegerField()
    total_fen = models.BigIntegerField()
    csv_text = models.TextField()
    json_text = models.TextField()
    sm3_hex = models.CharField(max_length=64)

    class Meta:
        db_table = "clearing_statement"
