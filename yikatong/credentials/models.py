"""What is kept of credentials: issuer keys, offers, who got one, status lists, and what verifiers asked.

A credential itself is not kept: it is the holder's. What a wallet disclosed to a venue lives for minutes, sealed.
"""

from django.db import models


class IssuerKey(models.Model):
    """A P-256 key that signs credentials. The newest signs; older ones verify until all that they signed has expired."""

    key_id = models.CharField(primary_key=True, max_length=43, help_text="JWK thumbprint, RFC 7638")
    private_key_sealed = models.BinaryField()
    made_at = models.DateTimeField()

    class Meta:
        db_table = "credentials_issuer_key"


class Offer(models.Model):
    """One offer of one credential: a one-time code, then a short access token. Only digests of both are kept."""

    code_digest = models.BinaryField(primary_key=True)
    tx_code_digest = models.BinaryField()
    access_digest = models.BinaryField(null=True, unique=True)
    card_id = models.BigIntegerField()
    person_id = models.BigIntegerField(db_index=True)
    tries_left = models.SmallIntegerField()
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    redeemed_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "credentials_offer"


class UsedNonce(models.Model):
    """A nonce that a wallet's proof has used up; kept until it would have expired anyway."""

    digest = models.BinaryField(primary_key=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "credentials_used_nonce"


class StatusList(models.Model):
    """One list: two bits per credential, and how many places are taken."""

    list_id = models.BigAutoField(primary_key=True)
    statuses = models.BinaryField(help_text="as the specification numbers bits")
    taken = models.IntegerField(default=0)
    is_open = models.BooleanField(default=True)
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "credentials_status_list"
        constraints = [
            models.UniqueConstraint(
                fields=["is_open"], condition=models.Q(is_open=True), name="credentials_one_open_list"
            )
        ]


class StatusPlace(models.Model):
    """A place of a list that is taken, at random; whose it is stands with the credential alone."""

    pk = models.CompositePrimaryKey("list_id", "index")
    list_id = models.BigIntegerField()
    index = models.IntegerField()

    class Meta:
        db_table = "credentials_status_place"


class Credential(models.Model):
    """That a credential of a card was issued. ``status`` repeats what its place in the list says."""

    pk = models.CompositePrimaryKey("card_id", "credential_id")
    card_id = models.BigIntegerField()
    credential_id = models.UUIDField()
    list_id = models.BigIntegerField()
    index = models.IntegerField()
    holder_key_id = models.CharField(max_length=43, help_text="thumbprint of the wallet's key")
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, help_text="by the holder; a lost card suspends without it")
    status = models.SmallIntegerField(default=0)

    class Meta:
        db_table = "credentials_credential"


class QuestionState(models.TextChoices):
    """How far a venue's question is."""

    OPEN = "open", "等待出示"
    VERIFIED = "verified", "已核验"
    REFUSED = "refused", "未通过"


class Question(models.Model):
    """What a venue asks of one wallet, and for a few minutes what it was told."""

    question_id = models.CharField(primary_key=True, max_length=32)
    operator_code = models.CharField(max_length=20)
    asked_by = models.CharField(max_length=80)
    nonce = models.CharField(max_length=64)
    wallet_state = models.CharField(max_length=64, help_text="OAuth state, echoed by the wallet")
    claims = models.JSONField()
    state = models.CharField(max_length=10, choices=QuestionState, default=QuestionState.OPEN)
    reason = models.CharField(max_length=40, blank=True)
    disclosed_sealed = models.BinaryField(null=True)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "credentials_question"
