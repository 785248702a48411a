"""The audit trail as auditors read it: newest first, by subject, actor, act and day, a page at a time; as a file too."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from yikatong.workbench.filters import events_filtered
from yikatong.workbench.paging import counted, page_of
from yikatong.workbench.staff import ask_for_export, posted
from yikatong.workbench.words import AUDIT_ACTIONS

FILTERS = ("q", "actor", "action", "since", "until")


@require_safe
def trail(request: HttpRequest) -> HttpResponse:
    """What happened, to what, by whom."""
    found = events_filtered(request.GET)
    page = page_of(request, found, "-at", "-event_id")
    context = {
        "page": page,
        "events": [(event, AUDIT_ACTIONS.get(event.action, "")) for event in page.rows],
        "number": counted(found),
        "typed": {name: request.GET.get(name, "") for name in FILTERS},
    }
    return render(request, "workbench/audit.html", context)


@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """The list with its filters as a file."""
    return ask_for_export(request, "audit", posted(request, *FILTERS), otherwise="work:audit:trail")
