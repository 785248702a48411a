"""Electronic cards and the devices that may show their codes."""

from django.db import models


class ElectronicCard(models.Model):
    """The electronic twin, made together with the physical card. ``token`` stands for the card in codes and lists."""

    card_id = models.BigIntegerField(primary_key=True)
    person_id = models.BigIntegerField(db_index=True)
    token = models.BinaryField(help_text="8 random bytes; means nothing outside the platform")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "ecard_electronic_card"


class Device(models.Model):
    """A phone's key, certified by the issuer to sign codes of one electronic card for a few days."""

    pk = models.CompositePrimaryKey("card_id", "serial")
    card_id = models.BigIntegerField()
    serial = models.BinaryField(help_text="8 random bytes")
    public_key = models.BinaryField(help_text="33 bytes, compressed SM2 point")
    certificate = models.BinaryField(help_text="wire.codes device certificate")
    label = models.CharField(max_length=60, blank=True)
    agent_person_id = models.BigIntegerField(null=True, help_text="who enrolled it for the holder; null: the holder")
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "ecard_device"


class ServerHeldKey(models.Model):
    """The device key of a holder whose phone cannot keep one (no JavaScript). Weaker: whoever signs in can show codes."""

    card_id = models.BigIntegerField(primary_key=True)
    private_key_sealed = models.BinaryField()
    serial = models.BinaryField()
    certificate = models.BinaryField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "ecard_server_held_key"
