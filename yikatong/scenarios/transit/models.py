"""Metro journeys made of two taps, and what each card has paid this month."""

from django.db import models


class Journey(models.Model):
    """An entry and, usually, its exit. Priced in fen when cleared; provisional figures are computed, not stored."""

    pk = models.CompositePrimaryKey("card_id", "journey_id")
    card_id = models.BigIntegerField()
    journey_id = models.UUIDField()
    entry_station = models.CharField(max_length=40, blank=True)
    entry_at = models.DateTimeField(null=True)
    exit_station = models.CharField(max_length=40, blank=True)
    exit_at = models.DateTimeField(null=True)
    distance_m = models.IntegerField(null=True)
    full_fare_fen = models.IntegerField()
    fare_fen = models.IntegerField()
    explanation = models.CharField(max_length=40, help_text="machine name of the rule that set the fare")
    operator_code = models.CharField(max_length=20)
    month = models.DateField(help_text="first day of the month it counts towards")
    charged_at = models.DateTimeField()
    priced_at = models.DateTimeField()

    class Meta:
        db_table = "transit_journey"
        indexes = [models.Index(fields=["card_id", "month"], name="transit_journeys_of_card")]


class PendingTap(models.Model):
    """An accepted gate tap that no priced journey has used yet."""

    pk = models.CompositePrimaryKey("card_id", "terminal_id", "sequence")
    card_id = models.BigIntegerField()
    terminal_id = models.CharField(max_length=12)
    sequence = models.BigIntegerField()
    kind = models.CharField(max_length=10)
    station = models.CharField(max_length=40)
    at = models.DateTimeField()

    class Meta:
        db_table = "transit_pending_tap"


class MonthlySpend(models.Model):
    """What a card has paid in a month; the discount tiers look at it."""

    pk = models.CompositePrimaryKey("card_id", "month")
    card_id = models.BigIntegerField()
    month = models.DateField()
    paid_fen = models.BigIntegerField()

    class Meta:
        db_table = "transit_monthly_spend"
