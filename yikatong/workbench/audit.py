"""The audit trail as auditors read it: newest first, by subject or actor, a page at a time."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from yikatong.audit.models import AuditEvent

PAGE_LENGTH = 50


@require_safe
def trail(request: HttpRequest) -> HttpResponse:
    """What happened, to what, by whom."""
    query = request.GET.get("q", "").strip()
    before = request.GET.get("before", "")
    events = AuditEvent.objects.order_by("-event_id")
    if query:
        events = events.filter(subject=query)
    if before.isdecimal():
        events = events.filter(event_id__lt=int(before))
    page = list(events[:PAGE_LENGTH])
    next_before = page[-1].event_id if len(page) == PAGE_LENGTH else None
    return render(request, "workbench/audit.html", {"events": page, "query": query, "next_before": next_before})
