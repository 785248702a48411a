"""Where staff land: the first page their role has."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from yikatong.accounts.models import Role

FIRST_PAGE: dict[str, str] = {
    Role.BANK_CLERK: "work:bank:desk",
    Role.CARD_CENTRE: "work:staff:figures",
    Role.UNIT: "work:unit:home",
    Role.OUTREACH: "work:outreach:app",
    Role.OPERATOR: "work:statements:batches",
    Role.AUDITOR: "work:audit:trail",
    Role.ADMINISTRATOR: "work:accounts:accounts",
    Role.KIOSK: "work:kiosk:start",
}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Send everyone to their first page; roles whose workbench is not built yet are told so."""
    target = FIRST_PAGE.get(request.user.role) if request.user.is_authenticated else None
    return redirect(target) if target else render(request, "workbench/home.html")
