"""Settlement statements: the card centre and auditors see all, an operator its own."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from yikatong.accounts.models import Role, User
from yikatong.clearing.models import ClearingBatch, Statement
from yikatong.foundation.money import yuan_text

BATCHES_SHOWN = 30


def _visible(request: HttpRequest) -> list[Statement]:
    user = request.user
    recent = ClearingBatch.objects.order_by("-until").values_list("batch_id", flat=True)[:BATCHES_SHOWN]
    found = Statement.objects.filter(batch_id__in=list(recent))
    if isinstance(user, User) and user.role == Role.OPERATOR:
        found = found.filter(party=f"operator:{user.operator_code}")
    return list(found.order_by("-batch_id", "party"))


@require_safe
def batches(request: HttpRequest) -> HttpResponse:
    """The statements of the last batches, with downloads."""
    settled = dict(ClearingBatch.objects.values_list("batch_id", "settled_at"))
    rows = [
        (statement, yuan_text(statement.total_fen), settled.get(statement.batch_id)) for statement in _visible(request)
    ]
    return render(request, "workbench/statements.html", {"rows": rows})


@require_safe
def download(request: HttpRequest, batch_id: str, party: str, form: str) -> HttpResponse:
    """One statement as CSV or JSON."""
    for statement in _visible(request):
        if (statement.batch_id, statement.party) == (batch_id, party) and form in {"csv", "json"}:
            text = statement.csv_text if form == "csv" else statement.json_text
            kind = "text/csv; charset=utf-8" if form == "csv" else "application/json"
            name = f"{batch_id}-{party.replace(':', '-')}.{form}"
            return HttpResponse(
                text, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
            )
    raise Http404
