"""What a bank's desk and a hall's kiosk keep of their own: the acts of each day, counts of the stock, how often somebody tried.

Cards, persons and appointments belong to lower floors. An act is written in the same transaction as what was done.
"""

from django.db import models


class DeskAct(models.Model):
    """One thing done at a desk or kiosk. The page makes ``act_id`` (UUID of version 7): pressing twice is doing once."""

    pk = models.CompositePrimaryKey("place", "act_id")
    place = models.CharField(max_length=40, help_text="outlet:… or kiosk:…")
    act_id = models.UUIDField()
    day = models.DateField(help_text="in Beijing")
    at = models.DateTimeField()
    by = models.CharField(max_length=64, help_text="who acted, as in the audit trail")
    act = models.CharField(max_length=24)
    person_id = models.BigIntegerField(null=True)
    card_id = models.BigIntegerField(null=True)
    details = models.JSONField(default=dict)

    class Meta:
        db_table = "desks_act"
        indexes = [models.Index(fields=["place", "day", "at", "act_id"], name="desks_acts_of_day")]


class StockKind(models.TextChoices):
    """What is counted: blanks for making cards at the counter, or finished cards that wait for their holders."""

    BLANKS = "blanks", "空白卡"
    CARDS = "cards", "待领卡片"


class CountState(models.TextChoices):
    """A count that agrees with the books stands by itself; one that does not waits for a second person."""

    AGREED = "agreed", "账实相符"
    WAITING = "waiting", "差异待复核"
    CONFIRMED = "confirmed", "差异已复核"
    REJECTED = "rejected", "复核不同意"


class StockCount(models.Model):
    """One count of an outlet's stock against the books of that moment. Never changed but for its second person's decision."""

    pk = models.CompositePrimaryKey("outlet_id", "count_id")
    outlet_id = models.CharField(max_length=24)
    count_id = models.UUIDField(help_text="made by the page, version 7")
    kind = models.CharField(max_length=6, choices=StockKind)
    expected = models.IntegerField(help_text="pieces, by the books")
    counted = models.IntegerField(help_text="pieces, in the safe")
    reason = models.CharField(max_length=200, blank=True)
    counted_at = models.DateTimeField()
    counted_by = models.CharField(max_length=64)
    state = models.CharField(max_length=9, choices=CountState)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "desks_stock_count"
        constraints = [
            models.CheckConstraint(
                name="desks_count_has_two_persons", condition=~models.Q(decided_by=models.F("counted_by"))
            ),
            models.CheckConstraint(name="desks_count_not_negative", condition=models.Q(counted__gte=0)),
        ]


class LoadState(models.TextChoices):
    """How far a load of a purse is. ``authorised``: the issuer's word was sent; only the card's proof says whether it loaded."""

    BEGUN = "begun", "已开始"
    AUTHORISED = "authorised", "待卡片证明"
    LOADED = "loaded", "已充值"
    NOT_LOADED = "not_loaded", "未充值"


class PurseLoad(models.Model):
    """One load of a transit purse at a counter: what the card asked, what it was answered, what proves it."""

    pk = models.CompositePrimaryKey("card_id", "load_id")
    card_id = models.BigIntegerField()
    load_id = models.UUIDField(help_text="made by the page; the ledger's transfer has it too")
    place = models.CharField(max_length=40)
    bank_code = models.CharField(max_length=8, help_text="whose customer pays")
    reference = models.CharField(max_length=40, help_text="the bank's own number of the debit")
    by = models.CharField(max_length=64)
    amount_fen = models.BigIntegerField()
    terminal_id = models.CharField(max_length=12)
    state = models.CharField(max_length=10, choices=LoadState, default=LoadState.BEGUN)
    begun_at = models.DateTimeField()
    issuer_file = models.BinaryField(null=True, help_text="the purse's file 15, 30 bytes")
    initialised = models.BinaryField(null=True, help_text="the card's answer to INITIALISE FOR LOAD, 16 bytes")
    counter = models.IntegerField(null=True, help_text="the card's number of the load")
    authorised_at = models.DateTimeField(null=True, help_text="covered by the TAC to the second")
    tac = models.BinaryField(null=True, help_text="4 bytes; empty when a later load's number proved it")
    loaded_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "desks_purse_load"
        constraints = [models.CheckConstraint(name="desks_loads_something", condition=models.Q(amount_fen__gt=0))]


class Tally(models.Model):
    """How often something was tried since a moment; starts anew when its window is over."""

    key = models.CharField(primary_key=True, max_length=80)
    since = models.DateTimeField()
    tries = models.IntegerField()

    class Meta:
        db_table = "desks_tally"
