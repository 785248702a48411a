"""The receipt's number, and the receipt by SMS: no name, no bank, no place, only that and when."""

from datetime import datetime
from uuid import UUID

from yikatong.accounts import messages
from yikatong.applications.models import Application
from yikatong.foundation.clock import beijing_day
from yikatong.registry.selectors import clear_view, find_person

TEXT = "【一卡通】社保卡申请已于 {day} 提交，回执号 {number}。{promise}登录后可在“办理进度”查看。"
PROMISE = "最迟 {promised} 制成。"


def receipt_number(application_id: UUID, submitted_at: datetime) -> str:
    """As people read it out: the day and eight characters of the application's id, ``20261127-3F9A-21BC``."""
    short = application_id.hex[:8].upper()
    return f"{beijing_day(submitted_at):%Y%m%d}-{short[:4]}-{short[4:]}"


def send_receipt(person_id: int, application: Application) -> None:
    """To the registered phone of whoever applied; nobody without a phone is kept from applying."""
    person = find_person(person_id)
    phone = clear_view(person).phone if person is not None else ""
    if phone:
        day = beijing_day(application.submitted_at)
        number = receipt_number(application.application_id, application.submitted_at)
        promise = PROMISE.format(promised=application.promised_by) if application.promised_by else ""
        messages.send(phone, TEXT.format(day=day, number=number, promise=promise))
