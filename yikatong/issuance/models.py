"""Cards from production order to the end of their life, and which card carries a person's social function.

``SocialFunction`` has one row per person: by construction no person has two active cards. ``Card.social_state`` repeats
it for the tap's hot path and is written in the same transaction. ``CardDirectory`` finds a card by what is printed or shown: the
card table is distributed by ``card_id`` and cannot keep other keys unique alone.
"""

from django.db import models


class ProductionState(models.TextChoices):
    """Where a production order stands."""

    ORDERED = "ordered", "待制卡"
    MADE = "made", "已制卡"
    SHIPPED = "shipped", "已到网点"
    CANCELLED = "cancelled", "已撤销"


class ProductionOrder(models.Model):
    """What a bank's card bureau is to make: one card for one approved application."""

    pk = models.CompositePrimaryKey("person_id", "order_id")
    person_id = models.BigIntegerField()
    order_id = models.UUIDField(help_text="equals the application's id: one order per application")
    bank_code = models.CharField(max_length=8)
    state = models.CharField(max_length=10, choices=ProductionState, default=ProductionState.ORDERED)
    card_id = models.BigIntegerField(null=True)
    ordered_at = models.DateTimeField()
    made_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "issuance_production_order"
        indexes = [models.Index(fields=["state", "bank_code", "ordered_at"], name="issuance_orders_open")]


class CardState(models.TextChoices):
    """The card as a thing: made, at the outlet, in the holder's hands, cancelled."""

    MADE = "made", "已制卡"
    READY = "ready", "待领取"
    COLLECTED = "collected", "已领取"
    CANCELLED = "cancelled", "已注销"


class SocialState(models.TextChoices):
    """The card's social security function."""

    INACTIVE = "inactive", "未启用"
    ACTIVE = "active", "已启用"
    ENDED = "ended", "已终止"


class Card(models.Model):
    """A card of any generation. Only the third has a certificate."""

    card_id = models.BigAutoField(primary_key=True)
    person_id = models.BigIntegerField(db_index=True)
    generation = models.SmallIntegerField()
    card_number = models.CharField(max_length=9)
    identification_code = models.CharField(max_length=32, blank=True, help_text="卡识别码, 16 bytes in hex")
    bank_code = models.CharField(max_length=8, blank=True)
    outlet_id = models.CharField(max_length=24, blank=True)
    application_id = models.UUIDField(null=True)
    certificate_der = models.BinaryField(null=True)
    certificate_serial_hex = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=10, choices=CardState)
    social_state = models.CharField(max_length=10, choices=SocialState, default=SocialState.INACTIVE)
    is_financially_active = models.BooleanField(default=False)
    pre_reported_lost_at = models.DateTimeField(null=True)
    pre_report_lapses_at = models.DateTimeField(null=True)
    reported_lost_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField(null=True)
    ready_at = models.DateTimeField(null=True)
    collected_at = models.DateTimeField(null=True)
    activated_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    expires_on = models.DateField(null=True)

    class Meta:
        db_table = "issuance_card"
        constraints = [
            models.CheckConstraint(
                name="issuance_active_is_collected",
                condition=~models.Q(social_state=SocialState.ACTIVE) | models.Q(state=CardState.COLLECTED),
            ),
        ]
        indexes = [
            models.Index(
                fields=["outlet_id", "state", "card_id"],
                name="issuance_cards_at_outlet",
                condition=models.Q(state__in=[CardState.MADE, CardState.READY]),
            ),
            models.Index(fields=["state", "card_id"], name="issuance_third_by_state", condition=models.Q(generation=3)),
            models.Index(
                fields=["bank_code", "state", "card_id"],
                name="issuance_third_by_bank",
                condition=models.Q(generation=3),
            ),
            models.Index(
                fields=["pre_report_lapses_at"],
                name="issuance_pre_reports",
                condition=models.Q(pre_report_lapses_at__isnull=False),
            ),
        ]


class CardDirectory(models.Model):
    """From a card number, 识别码 or electronic-card token to the card."""

    key = models.CharField(primary_key=True, max_length=60, help_text="number:… | code:… | token:…")
    card_id = models.BigIntegerField()

    class Meta:
        db_table = "issuance_card_directory"


class SocialFunction(models.Model):
    """Which card carries a person's social function now."""

    person_id = models.BigIntegerField(primary_key=True)
    card_id = models.BigIntegerField()
    since = models.DateTimeField()

    class Meta:
        db_table = "issuance_social_function"


class ChipKey(models.Model):
    """The chip's private key, sealed, from production until the chip itself has been personalised with it."""

    card_id = models.BigIntegerField(primary_key=True)
    private_key_sealed = models.BinaryField()

    class Meta:
        db_table = "issuance_chip_key"


class JobState(models.TextChoices):
    """Where a personalisation job stands: ``closed`` once every card taken into it is shipped."""

    OPEN = "open", "进行中"
    CLOSED = "closed", "已完成"


class PersonalisationJob(models.Model):
    """What one bank's card bureau is asked to make, delivered to it in numbered parts; or what one counter made on a day."""

    job_id = models.UUIDField(primary_key=True)
    bank_code = models.CharField(max_length=8)
    outlet_id = models.CharField(max_length=24, blank=True, default="", help_text="the counter; empty for the bureau")
    made_at = models.DateTimeField()
    state = models.CharField(max_length=6, choices=JobState, default=JobState.OPEN)

    class Meta:
        db_table = "issuance_personalisation_job"
        indexes = [
            models.Index(fields=["bank_code", "made_at"], name="issuance_jobs_of_bank"),
            models.Index(
                fields=["outlet_id", "made_at"], name="issuance_jobs_at_counter", condition=~models.Q(outlet_id="")
            ),
        ]


class JobPart(models.Model):
    """One file of a job. Planned first, written then: what a crash left unwritten is written before anything else."""

    pk = models.CompositePrimaryKey("job_id", "part")
    job = models.ForeignKey(PersonalisationJob, on_delete=models.PROTECT)
    part = models.IntegerField()
    key_id = models.IntegerField(help_text="which version of the bureau's key seals it, however often it is written")
    records = models.IntegerField(null=True)
    written_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "issuance_job_part"


class JobCardState(models.TextChoices):
    """``held``: could not be prepared, see ``reason``. ``spoiled``: the blank is lost and the card asked for again."""

    WAITING = "waiting", "待回执"
    HELD = "held", "暂不能制"
    MADE = "made", "已制成"
    SPOILED = "spoiled", "已报废"
    SHIPPED = "shipped", "已发出"


class JobCard(models.Model):
    """One blank of a job: for which card, in which part, what became of it. A card has one that is not spoiled."""

    pk = models.CompositePrimaryKey("job_id", "sequence")
    job = models.ForeignKey(PersonalisationJob, on_delete=models.PROTECT)
    sequence = models.IntegerField()
    card_id = models.BigIntegerField()
    identification_code = models.CharField(max_length=32)
    chip_serial = models.BigIntegerField(help_text="the chip's own, in its answer to reset: another blank has another")
    blank_serial = models.CharField(
        max_length=16, blank=True, default="", help_text="of the blank written at a counter"
    )
    part = models.IntegerField(null=True)
    state = models.CharField(max_length=8, choices=JobCardState, default=JobCardState.WAITING)
    state_at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "issuance_job_card"
        constraints = [
            models.UniqueConstraint(
                fields=["card_id"],
                name="issuance_card_in_one_place",
                condition=~models.Q(state=JobCardState.SPOILED),
            ),
        ]
        indexes = [
            models.Index(fields=["card_id"], name="issuance_blanks_of_card"),
            models.Index(fields=["job", "state"], name="issuance_job_states"),
            models.Index(
                fields=["job", "sequence"], name="issuance_held_blanks", condition=models.Q(state=JobCardState.HELD)
            ),
        ]


class BlankDelivery(models.Model):
    """Blank cards that a bank's bureau, or an outlet, received. What is left is counted, not kept: see ``stock``."""

    pk = models.CompositePrimaryKey("bank_code", "delivery_note")
    bank_code = models.CharField(max_length=8)
    outlet_id = models.CharField(max_length=24, blank=True, default="", help_text="empty for the bureau")
    delivery_note = models.CharField(max_length=40)
    blanks = models.IntegerField()
    delivered_at = models.DateTimeField()

    class Meta:
        db_table = "issuance_blank_delivery"
        constraints = [models.CheckConstraint(name="issuance_delivers_blanks", condition=models.Q(blanks__gt=0))]


class CounterWriting(models.Model):
    """A card being written into a blank at a counter: what the next answer from there must fit."""

    card_id = models.BigIntegerField(primary_key=True)
    host_challenge = models.BinaryField(max_length=8)
    proof_challenge = models.BinaryField(max_length=32, null=True)
    begun_at = models.DateTimeField()

    class Meta:
        db_table = "issuance_counter_writing"


class Portrait(models.Model):
    """A person's photograph: for the face 358 by 441 points, for the chip at most 4096 bytes; JPEG, sealed in base64.

    ``consented_at``: when the resident gave it for their card, with consent of its own; it goes when the card is there.
    ``None`` for one taken at a counter.
    """

    person_id = models.BigIntegerField(primary_key=True)
    jpeg_sealed = models.BinaryField()
    chip_jpeg_sealed = models.BinaryField()
    taken_at = models.DateTimeField()
    consented_at = models.DateTimeField(null=True)
    consented_by_person_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "issuance_portrait"


class RevokedCertificate(models.Model):
    """A chip's certificate that is believed no more: its blank was spoiled with the key in it, or is missing."""

    serial_hex = models.CharField(primary_key=True, max_length=40)
    card_id = models.BigIntegerField()
    revoked_at = models.DateTimeField()
    reason = models.CharField(max_length=200)

    class Meta:
        db_table = "issuance_revoked_certificate"


class AuthorityCertificate(models.Model):
    """The certificate of one of the city's certificate authorities; its private key is in the key store."""

    name = models.CharField(primary_key=True, max_length=20)
    certificate_der = models.BinaryField()
    issued_at = models.DateTimeField()

    class Meta:
        db_table = "issuance_authority_certificate"
