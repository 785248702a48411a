"""The outlet's stock: what the books say, what was counted, and differences that a second clerk confirms."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from yikatong.desks.finding import Desk
from yikatong.desks.models import CountState, StockKind
from yikatong.desks.stock import (
    CountDiffers,
    blanks_at,
    cards_waiting_at,
    counts_of,
    decide_count,
    spoiled_at,
    take_count,
)
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.workbench.bank import desk_of, number_in
from yikatong.workbench.desk_words import COUNT_STATES, STOCK_KINDS, told

PAGE_LENGTH = 30


@require_http_methods(["GET", "POST"])
def stock(request: HttpRequest) -> HttpResponse:
    """Count (``action=count``), confirm or refuse a difference, look back (``?state=``, ``?before=``)."""
    here, context, error = desk_of(request), dict[str, object](), ""
    if request.method == "POST":
        try:
            _act(request, here)
            return redirect("work:bank:stock")
        except CountDiffers as differs:
            error, context["differs"] = told(differs), differs.expected
        except Refused as refused:
            error = told(refused)
        context |= {name: request.POST.get(name, "") for name in ("kind", "counted", "reason")}
    context |= _shown(request, here)
    return render(request, "workbench/bank_stock.html", context | {"error": error}, status=422 if error else 200)


def _act(request: HttpRequest, here: Desk) -> None:
    number, action = number_in(request.POST.get("count_id", "")), request.POST.get("action")
    if action in {"agree", "refuse"}:
        decide_count(here, number, agrees=action == "agree", at=utc_now())
        return
    typed = request.POST.get("counted", "").strip()
    counted = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= 6 else -1
    kind, reason = request.POST.get("kind", ""), request.POST.get("reason", "").replace("\0", "")
    take_count(here, kind, counted, reason, count_id=number, at=utc_now())


def _shown(request: HttpRequest, here: Desk) -> dict[str, object]:
    outlet_id, state = here.outlet.outlet_id, request.GET.get("state", "")
    state = state if state in CountState.values else ""
    try:
        before = UUID(request.GET.get("before", ""))
    except ValueError:
        before = None
    counts = counts_of(outlet_id, before=before, state=state, limit=PAGE_LENGTH)
    is_last = len(counts) < PAGE_LENGTH
    return {
        "outlet": here.outlet,
        "blanks": blanks_at(outlet_id),
        "cards": cards_waiting_at(outlet_id),
        "rows": [
            (count, STOCK_KINDS[count.kind], COUNT_STATES[count.state], count.counted - count.expected)
            for count in counts
        ],
        "waiting": counts_of(outlet_id, state=CountState.WAITING, limit=PAGE_LENGTH),
        "spoiled": spoiled_at(outlet_id, limit=PAGE_LENGTH),
        "kinds": [(kind, STOCK_KINDS[kind]) for kind in StockKind.values],
        "states": [(value, COUNT_STATES[value]) for value in CountState.values],
        "state": state,
        "myself": here.by.name,
        "count_id": new_uuid7(),
        "next_before": None if is_last else counts[-1].count_id,
    }
