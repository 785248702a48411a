"""Messages to many: templates with all their versions, what is sent to whom and how far it has come.

A template's versions stay, so that everybody can see what was sent. ``Delivery`` has one row per person of a dispatch: by its key
nobody is sent the same dispatch twice. Texts as sent are kept for residents in ``accounts.SentMessage``.
"""

from django.db import models


class Template(models.Model):
    """A text for many occasions. ``version`` is the present one."""

    template_id = models.UUIDField(primary_key=True)
    title = models.CharField(max_length=60)
    version = models.IntegerField(default=0)
    is_retired = models.BooleanField(default=False)
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "messaging_template"


class TemplateVersion(models.Model):
    """What a template said from some moment on."""

    pk = models.CompositePrimaryKey("template_id", "version")
    template = models.ForeignKey(Template, on_delete=models.PROTECT)
    version = models.IntegerField()
    title = models.CharField(max_length=60)
    chinese = models.TextField()
    english = models.TextField()
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField()

    class Meta:
        db_table = "messaging_template_version"


class DispatchState(models.TextChoices):
    """Where a dispatch stands."""

    COUNTING = "counting", "正在统计人数"
    READY = "ready", "待发送"
    ASKED = "asked", "待审批"
    SENDING = "sending", "正在发送"
    STOPPED = "stopped", "已停止"
    DONE = "done", "已发完"


class Dispatch(models.Model):
    """One version of a template to one audience. ``after_person_id``: how far it has come, by number."""

    dispatch_id = models.UUIDField(primary_key=True)
    template = models.ForeignKey(Template, on_delete=models.PROTECT)
    version = models.IntegerField()
    audience = models.JSONField(help_text="filters, no personal data: see audience.Audience")
    per_minute = models.IntegerField()
    state = models.CharField(max_length=8, choices=DispatchState, default=DispatchState.COUNTING)
    state_since = models.DateTimeField()
    made_by_id = models.BigIntegerField()
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField()
    counted = models.BigIntegerField(null=True)
    counted_at = models.DateTimeField(null=True)
    after_person_id = models.BigIntegerField(default=0)
    is_read_through = models.BooleanField(default=False, help_text="only what failed is left to be tried again")
    last_batch_at = models.DateTimeField(null=True)
    stopped_by = models.CharField(max_length=150, blank=True)

    class Meta:
        db_table = "messaging_dispatch"
        indexes = [
            models.Index(fields=["state"], name="messaging_open", condition=models.Q(state="sending")),
        ]


class DeliveryState(models.TextChoices):
    """``same``: the addressee had the very same text for another person already."""

    SENT = "sent", "已发送"
    SAME = "same", "与同一收件人的重复，未再发"
    UNREACHABLE = "unreachable", "没有手机号码"
    RETRY = "retry", "发送失败，将重试"
    FAILED = "failed", "发送失败"


class Delivery(models.Model):
    """What became of one person of a dispatch. ``told_index``: keyed, equal for one text to one phone."""

    pk = models.CompositePrimaryKey("person_id", "dispatch_id")
    person_id = models.BigIntegerField()
    dispatch_id = models.UUIDField()
    addressee_person_id = models.BigIntegerField(null=True)
    told_index = models.BinaryField(null=True)
    state = models.CharField(max_length=12, choices=DeliveryState)
    attempts = models.SmallIntegerField(default=0)
    state_since = models.DateTimeField()

    class Meta:
        db_table = "messaging_delivery"
        indexes = [
            models.Index(fields=["dispatch_id", "state", "person_id"], name="messaging_by_dispatch"),
            models.Index(
                fields=["dispatch_id", "person_id"],
                name="messaging_failed",
                condition=models.Q(state=DeliveryState.FAILED),
            ),
            models.Index(
                fields=["dispatch_id", "told_index"],
                name="messaging_told",
                condition=models.Q(told_index__isnull=False),
            ),
        ]
