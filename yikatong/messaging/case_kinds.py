"""What of sending to many needs a person."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from yikatong.cases.kinds import CaseKind, Found
from yikatong.messaging.models import Delivery, DeliveryState


def _failed() -> Iterator[Found]:
    failed = Delivery.objects.filter(state=DeliveryState.FAILED).order_by("dispatch_id", "person_id")
    rows = failed.values_list("dispatch_id", "person_id", "state_since")
    for dispatch_id, person_id, since in rows.iterator(chunk_size=2000):
        yield Found(f"{dispatch_id}/{person_id}", f"person:{person_id}", since, person_id)


FAILED_MESSAGES = CaseKind(
    name="message.failed",
    title=_("没有送达的群发短信"),
    hint=_("几次发送都失败了。请核对手机号码，必要时更正后另行告知。"),
    find=_failed,
)
