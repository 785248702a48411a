"""The development inbox: what ``ConsoleSms`` would have sent. It has no address in production."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from yikatong.accounts.models import ConsoleMessage
from yikatong.registry.sealing import field_cipher


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The newest messages first."""
    newest = ConsoleMessage.objects.order_by("-message_id")[:20]
    cipher = field_cipher()
    messages = [
        {"to": m.to_masked, "body": cipher.open("sms", bytes(m.body_sealed)), "at": m.created_at} for m in newest
    ]
    return render(request, "portal/inbox.html", {"messages_shown": messages})
