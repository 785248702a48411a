"""Who can sign in. Residents sign in by phone code and are tied to a person; everyone else has a role.

What a role may do stands in one table, ``yikatong.accounts.roles``.
"""

from collections.abc import Iterator

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.indexes import BrinIndex
from django.db import models

LARGE_TEXT_PX = 22
"""The first of the sizes of large print."""


class Role(models.TextChoices):
    """One role per account."""

    RESIDENT = "resident", "居民"
    BANK_CLERK = "bank_clerk", "银行网点柜员"
    CARD_CENTRE = "card_centre", "社保卡中心"
    UNIT = "unit", "用人单位或学校经办人"
    OUTREACH = "outreach", "社区协办员"
    OPERATOR = "operator", "运营单位"
    AUDITOR = "auditor", "审计人员"
    ADMINISTRATOR = "admin", "系统管理员"
    KIOSK = "kiosk", "大厅自助机"


class User(AbstractUser):
    """An account. ``phone_sealed`` and ``phone_index`` as in the register; never the phone in clear."""

    role = models.CharField(max_length=12, choices=Role, default=Role.RESIDENT)
    person_id = models.BigIntegerField(null=True, unique=True)
    phone_sealed = models.BinaryField(null=True)
    phone_index = models.BinaryField(null=True, unique=True)
    phone_verified = models.BooleanField(default=False)
    outlet_id = models.CharField(max_length=24, blank=True, help_text="a bank clerk's outlet")
    organisation_code = models.CharField(max_length=18, blank=True, help_text="a unit clerk's unit")
    operator_code = models.CharField(max_length=20, blank=True, help_text="an operator clerk's operator")
    must_change_password = models.BooleanField(default=False, db_default=False)
    prefers_large_print = models.BooleanField(default=False)
    large_text_px = models.PositiveSmallIntegerField(default=LARGE_TEXT_PX)
    large_print_answered = models.BooleanField(default=False, help_text="has chosen or declined large print once")
    session_generation = models.PositiveIntegerField(default=0, db_default=0, help_text="a change ends all sessions")

    class Meta:
        db_table = "accounts_user"
        indexes = [
            # Residents are millions; the list of staff never walks past them.
            models.Index(fields=["username"], name="accounts_staff", condition=~models.Q(role=Role.RESIDENT)),
        ]

    def get_session_auth_hash(self) -> str:
        """What a session must hold to be this account's: of the password, and of how often all sessions were ended."""
        return self._of_generation(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """The same under older secrets."""
        return (self._of_generation(older) for older in super().get_session_auth_fallback_hash())

    def _of_generation(self, of_password: str) -> str:
        return f"{of_password}:{self.session_generation}" if self.session_generation else of_password


class SignedInSession(models.Model):
    """A session of an account, for its owner's list (``accounts.own_sessions``): a digest of the key, never the key; no address.

    ``last_used_at`` is moved with the session's end and may be five minutes behind.
    """

    session_id = models.BigAutoField(primary_key=True)
    key_digest = models.BinaryField(unique=True, help_text="SHA-256 of the session's key")
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    device = models.CharField(max_length=40, blank=True, help_text="kind of system and browser")
    begun_at = models.DateTimeField()
    last_used_at = models.DateTimeField()

    class Meta:
        db_table = "accounts_session"


class SentMessage(models.Model):
    """What was sent to a resident, kept for their own page: sealed, for a year. Sign-in codes are never kept.

    ``message_id`` is a UUID of version 7: a person's messages are in order of time by their key.
    """

    pk = models.CompositePrimaryKey("person_id", "message_id")
    person_id = models.BigIntegerField()
    message_id = models.UUIDField()
    kind = models.CharField(max_length=20)
    body_sealed = models.BinaryField()
    english_sealed = models.BinaryField(null=True, help_text="the same in English, where the sender has it")
    sent_at = models.DateTimeField()

    class Meta:
        db_table = "accounts_sent_message"
        indexes = [BrinIndex(fields=["sent_at"], name="accounts_messages_by_age")]


class Allowance(models.Model):
    """How often something was done in a window of time; ``key`` names who and what, never what was looked for."""

    key = models.CharField(primary_key=True, max_length=80)
    window_from = models.DateTimeField()
    used = models.IntegerField()

    class Meta:
        db_table = "accounts_allowance"


class ConsoleMessage(models.Model):
    """An SMS that was not sent: the development inbox of ``ConsoleSms``. Bodies are sealed; rows go after a day."""

    message_id = models.BigAutoField(primary_key=True)
    to_masked = models.CharField(max_length=20)
    body_sealed = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "accounts_console_message"


class CacheEntry(models.Model):
    """One value of ``accounts.cache``, as JSON. The table is unlogged (migration)."""

    key = models.CharField(primary_key=True, max_length=255)
    value = models.TextField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "accounts_cache_entry"
