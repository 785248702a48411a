"""The roster: its template, the upload, what checking found, and the confirmation."""

from collections.abc import Iterator
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.audit.services import record
from yikatong.banks.models import Bank
from yikatong.exports.files import MEDIA_TYPES, Row, Sheet, csv_pieces, workbook_pieces
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.registry.models import Organisation
from yikatong.registry.selectors import PersonView
from yikatong.units.enrolment import enrolment_of
from yikatong.units.models import Roster, RosterState
from yikatong.units.reading import CSV, FILE_BYTES_MAX, ROWS_MAX, XLSX
from yikatong.units.rosters import confirm, discard, receive
from yikatong.units.rules import KEPT, Reason
from yikatong.units.selectors import (
    bad_rows,
    good_rows,
    members_not_named,
    named,
    roster_of,
    rosters_of,
    wishes_cleared_by,
)
from yikatong.units.sheets import bad_row_table, template_csv, template_workbook
from yikatong.workbench.unit import actor_of, bank_names, unit_of
from yikatong.workbench.unit_words import ROSTER_STATES, row_reasons, told

BAD_ROWS_SHOWN, GOOD_ROWS_SHOWN, LEAVING_SHOWN = 50, 10, 500
WORKBOOK_ROWS_MAX = 100_000  # a larger file of bad rows comes as CSV


@require_http_methods(["GET", "POST"])
def roster(request: HttpRequest) -> HttpResponse:
    """Template, upload, and what was uploaded before."""
    organisation = unit_of(request)
    error = ""
    if request.method == "POST":
        try:
            name, content = _upload_in(request)
            found = receive(organisation.credit_code, name, content, by=actor_of(request), at=utc_now())
            return redirect("work:unit:roster_upload", roster_id=found.roster_id)
        except Refused as refused:
            error = told(refused)
    context = {
        "organisation": organisation,
        "enrolment": enrolment_of(organisation.credit_code),
        "rosters": [(found, ROSTER_STATES[found.state]) for found in rosters_of(organisation.credit_code)],
        "rows_max": ROWS_MAX,
        "megabytes_max": FILE_BYTES_MAX // 2**20,
        "kept_days": KEPT.days,
        "error": error,
    }
    return render(request, "workbench/unit_roster.html", context, status=422 if error else 200)


def _upload_in(request: HttpRequest) -> tuple[str, bytes]:
    """Raises ``Refused``."""
    upload = request.FILES.get("roster")
    if upload is None:
        raise Refused(Reason.FILE_WRONG, "请先选择填写好的名册文件")
    return upload.name or "", upload.read(FILE_BYTES_MAX + 1)


@require_http_methods(["GET", "POST"])
def roster_upload(request: HttpRequest, roster_id: UUID) -> HttpResponse:
    """One upload: being checked, checked and to be confirmed, taken, or given up."""
    organisation, found = _roster_here(request, roster_id)
    error = ""
    if request.method == "POST":
        by, at = actor_of(request), utc_now()
        try:
            if request.POST.get("action") == "discard":
                discard(organisation.credit_code, roster_id, by=by, at=at)
                return redirect("work:unit:roster")
            ending = [int(text) for text in request.POST.getlist("ending") if text.isdecimal()]
            confirm(organisation.credit_code, roster_id, ending=ending, by=by, at=at)
            return redirect("work:unit:roster_upload", roster_id=roster_id)
        except Refused as refused:
            error = told(refused)
    context = {"organisation": organisation, "roster": found, "state": ROSTER_STATES[found.state], "error": error}
    if found.state in {RosterState.CHECKED, RosterState.CONFIRMED, RosterState.TAKEN}:
        context |= _preview(request, found)
    return render(request, "workbench/unit_roster_upload.html", context, status=422 if error else 200)


def _preview(request: HttpRequest, found: Roster) -> dict[str, object]:
    after = request.GET.get("after", "0")
    after_line = int(after) if after.isdecimal() and len(after) < 9 else 0
    bad = bad_rows(found, after_line=after_line, limit=BAD_ROWS_SHOWN)
    leaving = members_not_named(found, limit=LEAVING_SHOWN + 1)
    names = bank_names()
    return {
        "bad": [(row, row_reasons(row.reasons)) for row in bad],
        "next_after": bad[-1].line if len(bad) == BAD_ROWS_SHOWN else None,
        "good": [(row, view, names.get(row.bank_code, "")) for row, view in good_rows(found, limit=GOOD_ROWS_SHOWN)],
        "leaving": _leaving(request, found, leaving[:LEAVING_SHOWN]),
        "leaving_more": len(leaving) > LEAVING_SHOWN,
        "cleared": wishes_cleared_by(found) if found.state == RosterState.CHECKED else 0,
        "has_rows": found.file.removed_at is None,
        "has_workbook": found.rows_bad <= WORKBOOK_ROWS_MAX,
    }


def _leaving(request: HttpRequest, found: Roster, person_ids: list[int]) -> list[PersonView]:
    """Who may have left, by full name: nobody could tell from a masked one. That they were shown is recorded."""
    if person_ids:
        subject, by = f"roster:{found.roster_id}", actor_of(request)
        unit, people = found.organisation_code, len(person_ids)
        record("roster.leaving_shown", subject=subject, by=by, at=utc_now(), unit=unit, people=people)
    return named(person_ids)


@require_safe
def template(request: HttpRequest, form: str) -> HttpResponse:
    """The template, with the unit's banks to choose from in the workbook."""
    organisation = unit_of(request)
    if form == "xlsx":
        names = dict(Bank.objects.values_list("code", "name_zh"))
        enrolment = enrolment_of(organisation.credit_code)
        content = template_workbook([names[code] for code in enrolment.bank_codes] if enrolment else [])
        return download(content, XLSX, _("名册模板") + ".xlsx")
    if form == "csv":
        return download(template_csv(), CSV, _("名册模板") + ".csv")
    raise Http404


@require_safe
def bad_rows_file(request: HttpRequest, roster_id: UUID, form: str) -> HttpResponseBase:
    """The rows that were not taken, as they were, with their reasons. Their download is recorded."""
    organisation, found = _roster_here(request, roster_id)
    if form not in {"csv", "xlsx"} or found.file.removed_at is not None or found.checked_at is None:
        raise Http404
    if form == "xlsx" and found.rows_bad > WORKBOOK_ROWS_MAX:
        raise Http404
    subject, by = f"roster:{roster_id}", actor_of(request)
    record("roster.bad_rows_downloaded", subject=subject, by=by, at=utc_now(), unit=organisation.credit_code, form=form)
    return as_file(bad_row_table(found), _("有问题的行"), form)


def as_file(table: Iterator[Row], title: str, form: str) -> HttpResponseBase:
    """A table, its head first, to be kept as CSV or as a workbook."""
    pieces = workbook_pieces([Sheet(title, table)]) if form == "xlsx" else csv_pieces(table)
    return as_attachment(StreamingHttpResponse(pieces, content_type=MEDIA_TYPES[form]), f"{title}.{form}")


def download(content: bytes, media_type: str, name: str) -> HttpResponse:
    """A file to keep, which no cache keeps."""
    answer = HttpResponse(content, content_type=media_type)
    as_attachment(answer, name)
    return answer


def as_attachment[Answer: HttpResponseBase](answer: Answer, name: str) -> Answer:
    """The same answer, to be kept under a name, which no cache keeps."""
    answer.headers["Content-Disposition"] = (
        content_disposition_header(as_attachment=True, filename=name) or "attachment"
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _roster_here(request: HttpRequest, roster_id: UUID) -> tuple[Organisation, Roster]:
    organisation = unit_of(request)
    found = roster_of(organisation.credit_code, roster_id)
    if found is None:
        raise Http404
    return organisation, found
