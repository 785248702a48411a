"""The banks that issue the card, their outlets, and the record of every list order shown to an applicant."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Bank(models.Model):
    """A cooperating bank. ``is_assumption`` marks the sixteenth, whose name is not public in our sources."""

    code = models.CharField(primary_key=True, max_length=8)
    name_zh = models.CharField(max_length=40)
    name_en = models.CharField(max_length=80)
    cnaps_prefix = models.CharField(max_length=3, blank=True)
    joined_on = models.DateField()
    is_assumption = models.BooleanField(default=False)
    source = models.CharField(max_length=200)

    class Meta:
        db_table = "banks_bank"


class Outlet(models.Model):
    """A branch where cards are collected. Synthetic ones fill the gaps of our sources and are always shown as such."""

    outlet_id = models.CharField(primary_key=True, max_length=24)
    bank = models.ForeignKey(Bank, on_delete=models.PROTECT, db_column="bank_code")
    name = models.CharField(max_length=120)
    district_code = models.CharField(max_length=6, blank=True, db_index=True)
    street_code = models.CharField(max_length=9, blank=True)
    cnaps_code = models.CharField(max_length=12, blank=True)
    windows = models.IntegerField()
    issues_instantly = models.BooleanField()
    is_synthetic = models.BooleanField()
    source = models.CharField(max_length=200)

    class Meta:
        db_table = "banks_outlet"


class FairSeed(models.Model):
    """The day's public seed: its hash is published before the day, the seed itself after it."""

    day = models.DateField(primary_key=True)
    seed_sealed = models.BinaryField()
    commitment_hex = models.CharField(max_length=64)
    committed_at = models.DateTimeField()
    revealed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "banks_fair_seed"


class BankOrderDraw(models.Model):
    """One drawn list order, as shown to one applicant on one day. Drawing again that day gives the same order."""

    pk = models.CompositePrimaryKey("person_id", "day")
    person_id = models.BigIntegerField()
    day = models.DateField()
    bank_codes = ArrayField(models.CharField(max_length=8))
    drawn_at = models.DateTimeField()

    class Meta:
        db_table = "banks_order_draw"


class UnitOrderDraw(models.Model):
    """One drawn list order, as shown to one employer or school on one day, under the same rule and seed as an applicant's."""

    pk = models.CompositePrimaryKey("organisation_code", "day")
    organisation_code = models.CharField(max_length=18)
    day = models.DateField()
    bank_codes = ArrayField(models.CharField(max_length=8))
    drawn_at = models.DateTimeField()

    class Meta:
        db_table = "banks_unit_order_draw"
