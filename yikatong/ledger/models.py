"""The general ledger: accounts, transfers and their postings, in fen.

Rows are written only by the SQL function ``ledger_post_v1``; triggers refuse unbalanced transfers and any update or
delete. Only ``yikatong.ledger`` imports this module. Taps never come here one by one: see ``clearing``.
"""

from django.db import models


class Account(models.Model):
    """An account, addressed by its code, for example ``operator:BJMETRO:payable``."""

    account_id = models.BigAutoField(primary_key=True)
    code = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=[(v, v) for v in ("asset", "liability", "income", "expense")])
    opened_at = models.DateTimeField()

    class Meta:
        db_table = "ledger_account"


class Transfer(models.Model):
    """A balanced set of postings. The caller makes ``transfer_id``; posting it twice is posting it once."""

    transfer_id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=40)
    business_day = models.DateField(db_index=True)
    reference = models.CharField(max_length=120)
    digest = models.BinaryField()
    posted_at = models.DateTimeField()

    class Meta:
        db_table = "ledger_transfer"


class Posting(models.Model):
    """One side of a transfer: positive ``amount_fen`` is a debit, negative a credit."""

    posting_id = models.BigAutoField(primary_key=True)
    transfer = models.ForeignKey(Transfer, on_delete=models.PROTECT)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    amount_fen = models.BigIntegerField()

    class Meta:
        db_table = "ledger_posting"
        constraints = [models.CheckConstraint(condition=~models.Q(amount_fen=0), name="ledger_posting_not_zero")]
