"""The unit's people: where each stands, applying for all who chose, reminding those who have not, taking the list away."""

from collections.abc import Iterator

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.audit.services import record
from yikatong.banks.models import Outlet
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.registry.models import Organisation
from yikatong.units.applying import begin_applying, begin_reminding
from yikatong.units.enrolment import enrolment_of
from yikatong.units.models import RosterEntry, RunState
from yikatong.units.selectors import Standing, Standings, counts_by_standing, people_of, runs_of
from yikatong.workbench.unit import actor_of, bank_names, unit_of
from yikatong.workbench.unit_roster import WORKBOOK_ROWS_MAX, as_file
from yikatong.workbench.unit_words import RUN_STATES, STANDINGS, refusal_words, told

PAGE_LENGTH = 50
EXPORT_CHUNK = 500
OUTLETS_SHOWN_MAX = 400


@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """Counts by standing, and the list, masked; filter, search and page are in the address."""
    organisation = unit_of(request)
    standing, query = _filter_in(request)
    after = request.GET.get("after", "0")
    after_id = int(after) if after.isdecimal() and len(after) < 19 else 0
    page = people_of(
        organisation.credit_code, standing=standing, query=query, after_person_id=after_id, limit=PAGE_LENGTH
    )
    counts = counts_by_standing(organisation.credit_code)
    names = bank_names()
    context = {
        "organisation": organisation,
        "counts": [(key, STANDINGS[key], counts[key]) for key in Standing],
        "total": sum(counts.values()),
        "standing": standing,
        "query": query,
        "rows": [(row, names.get(row.bank_code, ""), STANDINGS[row.standing], _why(row)) for row in page],
        "next_after": page[-1].person_id if len(page) == PAGE_LENGTH else None,
        "has_workbook": sum(counts.values()) <= WORKBOOK_ROWS_MAX,
    }
    return render(request, "workbench/unit_people.html", context)


@require_safe
def people_file(request: HttpRequest, form: str) -> HttpResponseBase:
    """The list under the same filter, names in clear and numbers masked. The download is recorded."""
    organisation = unit_of(request)
    standing, query = _filter_in(request)
    if form not in {"csv", "xlsx"}:
        raise Http404
    count = sum(counts_by_standing(organisation.credit_code).values())
    if form == "xlsx" and count > WORKBOOK_ROWS_MAX:
        raise Http404
    subject, by = f"unit:{organisation.credit_code}", actor_of(request)
    record("unit.people_downloaded", subject=subject, by=by, at=utc_now(), standing=standing, form=form)
    return as_file(_table(organisation, standing, query), _("人员进度"), form)


def _table(organisation: Organisation, standing: str, query: str) -> Iterator[tuple[str, ...]]:
    yield (_("姓名"), _("证件号码"), _("银行"), _("进度"), _("办理方式"), _("说明"))
    names, after = bank_names(), 0
    while rows := people_of(
        organisation.credit_code,
        standing=standing,
        query=query,
        after_person_id=after,
        limit=EXPORT_CHUNK,
        names_in_clear=True,
    ):
        after = rows[-1].person_id
        for row in rows:
            how = _how(row)
            bank, standing_words = names.get(row.bank_code, ""), str(STANDINGS[row.standing])
            yield (row.person.name, row.person.identity_number, bank, standing_words, how, _why(row))


def _how(row: Standings) -> str:
    if row.standing in {Standing.UNCHOSEN, Standing.TO_APPLY, Standing.REFUSED}:
        return ""
    return _("单位申请") if row.by_unit else _("本人申请")


def _why(row: Standings) -> str:
    is_refused = row.standing == Standing.REFUSED
    return refusal_words(row.refusal_reason, row.refusal_text) if is_refused else ""


def _filter_in(request: HttpRequest) -> tuple[str, str]:
    standing = request.GET.get("standing", "")
    return standing if standing in set(Standing) else "", request.GET.get("q", "").strip()[:50]


@require_http_methods(["GET", "POST"])
def apply(request: HttpRequest) -> HttpResponse:
    """Apply for all who chose a bank, and remind those who have not; both in the worker."""
    organisation = unit_of(request)
    error = ""
    if request.method == "POST":
        by, at = actor_of(request), utc_now()
        try:
            if request.POST.get("action") == "remind":
                begin_reminding(organisation.credit_code, by=by, at=at)
            else:
                outlets = {
                    name.removeprefix("outlet_"): str(value)
                    for name, value in request.POST.items()
                    if name.startswith("outlet_")
                }
                begin_applying(organisation.credit_code, outlets, by=by, at=at)
            return redirect("work:unit:apply")
        except Refused as refused:
            error = told(refused)
    counts = counts_by_standing(organisation.credit_code)
    applying, reminding = (runs_of(organisation.credit_code, kind) for kind in ("apply", "remind"))
    context = {
        "organisation": organisation,
        "enrolment": enrolment_of(organisation.credit_code),
        "to_apply": counts[Standing.TO_APPLY],
        "refused": counts[Standing.REFUSED],
        "unchosen": counts[Standing.UNCHOSEN],
        "total": sum(counts.values()),
        "applying": [(run, RUN_STATES[run.state]) for run in applying],
        "reminding": [(run, RUN_STATES[run.state]) for run in reminding],
        "is_running": any(run.state == RunState.RUNNING for run in (*applying, *reminding)),
        "choices": [] if organisation.collects_for_members else _outlet_choices(organisation),
        "error": error,
    }
    return render(request, "workbench/unit_apply.html", context, status=422 if error else 200)


def _outlet_choices(organisation: Organisation) -> list[tuple[str, str, list[Outlet]]]:
    """For each bank on the roster, its outlets, those of the unit's district first; none is chosen beforehand."""
    entries = RosterEntry.objects.filter(organisation_code=organisation.credit_code, ended_at=None)
    names = bank_names()
    choices = []
    for code in organisation.bank_codes:
        if entries.filter(bank_code=code).exists():
            found = Outlet.objects.filter(bank_id=code).order_by("is_synthetic", "outlet_id")
            near = list(found.filter(district_code=organisation.district_code)[:OUTLETS_SHOWN_MAX])
            far = list(found.exclude(district_code=organisation.district_code)[: OUTLETS_SHOWN_MAX - len(near)])
            choices.append((code, names.get(code, code), near + far))
    return choices
