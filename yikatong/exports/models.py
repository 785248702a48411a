"""Files that the worker writes for somebody: with progress, kept sealed in pieces for a day, fetched by their requester alone."""

from django.db import models


class ExportState(models.TextChoices):
    """Where an export stands."""

    WAITING = "waiting", "排队中"
    RUNNING = "running", "正在生成"
    DONE = "done", "可以下载"
    FAILED = "failed", "生成失败"
    CANCELLED = "cancelled", "已取消"
    OUTDATED = "outdated", "数据已变，未生成"
    EXPIRED = "expired", "已过期清除"


class Export(models.Model):
    """One file. ``export_id`` is a UUID of version 7; ``rows_expected`` is an estimate for the progress alone."""

    export_id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=40)
    parameters_sealed = models.BinaryField()
    requested_by_id = models.BigIntegerField()
    requested_by = models.CharField(max_length=150)
    requested_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=ExportState, default=ExportState.WAITING)
    attempt = models.IntegerField(default=0, help_text="a run that was overtaken by another stops")
    rows_expected = models.BigIntegerField(null=True)
    rows_done = models.BigIntegerField(default=0)
    size_bytes = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "exports_export"
        indexes = [models.Index(fields=["requested_by_id", "-export_id"], name="exports_by_requester")]


class ExportPart(models.Model):
    """A piece of the file, base64 inside the seal."""

    pk = models.CompositePrimaryKey("export_id", "part")
    export = models.ForeignKey(Export, on_delete=models.CASCADE)
    part = models.IntegerField()
    content_sealed = models.BinaryField()

    class Meta:
        db_table = "exports_part"
