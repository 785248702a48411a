"""Who accepts the card: operators, their venues and terminals; what terminals upload; what they must refuse."""

from django.db import models


class Operator(models.Model):
    """Runs venues and is paid by clearing, for example the metro company."""

    code = models.CharField(primary_key=True, max_length=20)
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80)
    scenario = models.CharField(max_length=20, help_text="transit, medical, …")
    source = models.CharField(max_length=120)

    class Meta:
        db_table = "acceptance_operator"


class Venue(models.Model):
    """A place of an operator: a station, a hospital."""

    venue_id = models.CharField(primary_key=True, max_length=40)
    operator = models.ForeignKey(Operator, on_delete=models.PROTECT, db_column="operator_code")
    name = models.CharField(max_length=120)
    place_id = models.CharField(max_length=40, blank=True)

    class Meta:
        db_table = "acceptance_venue"


class Terminal(models.Model):
    """A device at a venue with its own certificate."""

    terminal_id = models.CharField(primary_key=True, max_length=12, help_text="12 digits, as on the card's records")
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    purpose = models.CharField(max_length=20, choices=[(v, v) for v in ("gate", "identity", "till")])
    public_key = models.BinaryField(help_text="33 bytes, compressed SM2 point")
    certificate_der = models.BinaryField()
    registered_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "acceptance_terminal"


class TapOutcome(models.TextChoices):
    """What the platform made of an uploaded tap."""

    ACCEPTED = "accepted", "已受理"
    REFUSED = "refused", "已拒绝"


class Tap(models.Model):
    """One uploaded tap, kept as decided. Idempotent by terminal and sequence."""

    pk = models.CompositePrimaryKey("terminal_id", "sequence")
    terminal_id = models.CharField(max_length=12)
    sequence = models.BigIntegerField()
    digest = models.BinaryField(help_text="SM3 of the tap as sent: a repeat with other content is a conflict")
    card_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=10, help_text="entry, exit, identify")
    station = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField(help_text="the terminal's time")
    received_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=TapOutcome)
    reason = models.CharField(max_length=40, blank=True)

    class Meta:
        db_table = "acceptance_tap"
        indexes = [
            models.Index(fields=["received_at"], name="acceptance_taps_received"),
            models.Index(
                fields=["card_id", "-at"],
                name="acceptance_identities_of_card",
                condition=models.Q(kind="identify", outcome="accepted"),
            ),
        ]


class CodeUse(models.Model):
    """Each code's nonce, once: a second use of the same code anywhere is a replay."""

    pk = models.CompositePrimaryKey("card_id", "device_serial", "nonce")
    card_id = models.BigIntegerField()
    device_serial = models.BinaryField()
    nonce = models.BinaryField()
    terminal_id = models.CharField(max_length=12)
    sequence = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "acceptance_code_use"


class PurseState(models.TextChoices):
    """How far a purse payment's settlement is."""

    KEPT = "kept", "待核验"
    PROVED = "proved", "已核验"
    REFUSED = "refused", "不予结算"
    ELSEWHERE = "elsewhere", "外地发行"


class PursePayment(models.Model):
    """What a terminal says that a purse paid. A claim until its TAC proves it; one payment of a purse's number can be proved.

    The digest is part of the key, so that a false report of a number cannot keep the true one out.
    """

    pk = models.CompositePrimaryKey("purse_number", "card_counter", "digest")
    purse_number = models.CharField(max_length=20)
    card_counter = models.IntegerField()
    digest = models.BinaryField(help_text="SM3 of the payment as sent")
    terminal_id = models.CharField(max_length=12)
    terminal_number = models.BigIntegerField(help_text="the security module's number of the payment")
    issuer_hex = models.CharField(max_length=16)
    kind = models.SmallIntegerField(help_text="6 plain, 9 compound")
    algorithm = models.SmallIntegerField(help_text="1 triple DES, 3 SM4")
    key_version = models.SmallIntegerField()
    amount_fen = models.BigIntegerField()
    balance_before_fen = models.BigIntegerField()
    at = models.DateTimeField(help_text="the terminal's time, which the TAC covers to the second")
    tac = models.BinaryField(help_text="4 bytes")
    is_checked = models.BooleanField(help_text="the terminal's module saw the card's MAC2")
    place = models.CharField(max_length=40, blank=True)
    use = models.CharField(max_length=40, blank=True)
    received_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=PurseState, default=PurseState.KEPT)
    reason = models.CharField(max_length=40, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "acceptance_purse_payment"
        constraints = [
            models.UniqueConstraint(
                fields=["purse_number", "card_counter"],
                condition=models.Q(state="proved"),
                name="acceptance_purse_payment_proved_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["purse_number", "card_counter"],
                condition=models.Q(state="kept"),
                name="acceptance_purses_kept",
            ),
            models.Index(fields=["decided_at"], name="acceptance_purses_decided"),
        ]


class DenyEntry(models.Model):
    """What terminals must refuse: a token, device, card number or 识别码, and why.

    ``relevant_until``: when no terminal could accept it anyway, because every certificate has expired. ``listed_version`` is
    given by PostgreSQL at commit, when the entry is made and again when it is lifted: the highest numbers the whole list, and
    a list of a higher version holds everything that one of a lower version holds.
    """

    entry_id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=60, db_index=True, help_text="token:… | device:… | number:… | code:…")
    card_id = models.BigIntegerField(db_index=True)
    reason = models.CharField(max_length=40)
    since = models.DateTimeField()
    relevant_until = models.DateTimeField(null=True)
    lifted_at = models.DateTimeField(null=True)
    listed_version = models.BigIntegerField(null=True, editable=False)

    class Meta:
        db_table = "acceptance_deny_entry"
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=models.Q(lifted_at=None), name="acceptance_deny_once_at_a_time"
            )
        ]
        indexes = [models.Index(fields=["listed_version"], name="acceptance_deny_listed")]
