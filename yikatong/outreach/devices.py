"""The devices that carry visits: registered by a helper, recognised by a token, shut out for good when one is lost."""

import hmac
import secrets
from datetime import datetime
from uuid import UUID

from django.db import transaction

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.outreach.models import Device
from yikatong.outreach.planning import helper_of
from yikatong.outreach.rules import DEVICES_MAX, Reason
from yikatong.registry.sealing import field_cipher

NAME_LENGTH_MAX = 40


def register(username: str, name: str, *, by: Actor, at: datetime) -> tuple[Device, str]:
    """A new device of a helper, and its token, which is told only now.

    Raises ``Refused`` (``NOT_A_HELPER``, ``TOO_MANY_DEVICES``).
    """
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        helper = helper_of(username)
        if Device.objects.filter(helper=helper.username, lost_at=None).count() >= DEVICES_MAX:
            raise Refused(Reason.TOO_MANY_DEVICES, f"一名协办员最多登记 {DEVICES_MAX} 台设备；请先停用不再使用的设备")
        device = Device.objects.create(
            device_id=new_uuid7(),
            helper=helper.username,
            name=name.strip()[:NAME_LENGTH_MAX] or "—",
            token_digest=_digest(token),
            registered_at=at,
            seen_at=at,
        )
        record("device.registered", subject=f"device:{device.device_id}", by=by, at=at)
    return device, token


def recognised(device_id: UUID, token: str, *, username: str, at: datetime) -> Device:
    """The device that has this token and is this helper's. Raises ``Refused`` (``DEVICE_UNKNOWN``, ``DEVICE_LOST``)."""
    device = Device.objects.filter(device_id=device_id).first()
    if device is None or not hmac.compare_digest(bytes(device.token_digest), _digest(token)):
        raise Refused(Reason.DEVICE_UNKNOWN, "服务器不认识这台设备，请重新登记")
    if device.lost_at is not None:
        raise Refused(Reason.DEVICE_LOST, "这台设备已报告遗失，其中的资料已停用")
    if device.helper != username:
        raise Refused(Reason.DEVICE_UNKNOWN, "这台设备登记在另一名协办员名下；请由本人登录")
    Device.objects.filter(device_id=device_id).update(seen_at=at)
    return device


def report_lost(device_id: UUID, *, by: Actor, at: datetime, helper: str | None = None) -> Device:
    """Shut a device out; it wipes itself at its next contact. Repeating it changes nothing.

    ``helper``: only if it is this helper's. Raises ``Refused`` (``DEVICE_UNKNOWN``).
    """
    with transaction.atomic():
        device = Device.objects.select_for_update().filter(device_id=device_id).first()
        if device is None or (helper is not None and device.helper != helper):
            raise Refused(Reason.DEVICE_UNKNOWN, "没有这台设备")
        if device.lost_at is None:
            device.lost_at, device.lost_by = at, str(by)[:64]
            device.save(update_fields=["lost_at", "lost_by"])
            record("device.reported_lost", subject=f"device:{device_id}", by=by, at=at)
    return device


def must_wipe(device_id: UUID, *, at: datetime) -> bool:
    """Whether a device that asks is to wipe itself: it was reported lost. Notes when it was first told.

    One that nobody knows is let alone: after a restored backup it would otherwise wipe what it has not sent.
    """
    device = Device.objects.filter(device_id=device_id).first()
    if device is None or device.lost_at is None:
        return False
    with transaction.atomic():
        told = Device.objects.filter(device_id=device_id, told_to_wipe_at=None).update(told_to_wipe_at=at)
        if told:
            record("device.told_to_wipe", subject=f"device:{device_id}", by=Actor.system("outreach"), at=at)
    return True


def devices_of(username: str) -> list[Device]:
    """A helper's devices, the newest first."""
    return list(Device.objects.filter(helper=username).order_by("-registered_at"))


def _digest(token: str) -> bytes:
    return field_cipher().blind_index("outreach_device", token)
