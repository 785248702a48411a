"""What was sent to me by message: newest first, a page at a time. Codes are never kept, so they are not here."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from yikatong.accounts.models import SentMessage
from yikatong.portal.holder import Holder, holder_required
from yikatong.registry.sealing import field_cipher

PAGE_LENGTH = 20

KINDS: dict[str, Promise] = {
    "notice": _("通知"),
    "invitation": _("换发通知"),
    "reminder": _("预约提醒"),
    "ready": _("领卡通知"),
}


@require_safe
@holder_required
def messages(request: HttpRequest, holder: Holder) -> HttpResponse:
    """The messages that went to the holder's own phone."""
    found = SentMessage.objects.filter(person_id=holder.person.person_id)
    before = _uuid(request.GET.get("before", ""))
    if before is not None:
        found = found.filter(message_id__lt=before)
    rows = list(found.order_by("-message_id")[: PAGE_LENGTH + 1])
    shown = rows[:PAGE_LENGTH]
    context = {
        "rows": [(each, KINDS.get(each.kind, KINDS["notice"]), *_text(each)) for each in shown],
        "older": shown[-1].message_id if len(rows) > PAGE_LENGTH else None,
        "is_later_page": before is not None,
    }
    return render(request, "portal/messages.html", context)


def _text(message: SentMessage) -> tuple[str, str]:
    """The text in the page's language where there is one, else as it was sent; and the language it is in."""
    if message.english_sealed and (get_language() or "").startswith("en"):
        return field_cipher().open("sms", bytes(message.english_sealed)), "en"
    return field_cipher().open("sms", bytes(message.body_sealed)), "zh-CN"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
