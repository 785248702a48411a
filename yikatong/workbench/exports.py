"""Files the worker writes: my exports, how far each is, and fetching it while it is kept."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from yikatong.accounts.models import User
from yikatong.exports import services
from yikatong.exports.kinds import kind_named
from yikatong.exports.models import Export, ExportState
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.workbench.paging import page_of
from yikatong.workbench.staff_words import EXPORT_STATES
from yikatong.workbench.unit_roster import as_attachment

_UNFINISHED = (ExportState.WAITING, ExportState.RUNNING)


@require_safe
def exports(request: HttpRequest) -> HttpResponse:
    """One's own, newest first."""
    page = page_of(request, Export.objects.filter(requested_by_id=_user(request).pk), "-export_id")
    rows = [
        (each, kind_named(each.kind).title, services.file_of(each)[0], EXPORT_STATES[each.state]) for each in page.rows
    ]
    return render(request, "workbench/exports.html", {"page": page, "rows": rows})


@require_safe
def export(request: HttpRequest, export_id: UUID) -> HttpResponse:
    """How far it is; for the page's script the same as JSON."""
    found = _own(request, export_id)
    is_unfinished = found.state in _UNFINISHED
    if "application/json" in request.headers.get("Accept", ""):
        told = {"done": found.rows_done, "total": found.rows_expected, "is_unfinished": is_unfinished}
        return JsonResponse(told | {"step": _step(found)})
    kind = kind_named(found.kind)
    context = {
        "export": found,
        "title": kind.title,
        "file_name": services.file_of(found)[0],
        "form": kind.ending.upper(),
        "state": EXPORT_STATES[found.state],
        "is_unfinished": is_unfinished,
        "is_done": found.state == ExportState.DONE,
        "step": _step(found),
    }
    return render(request, "workbench/export.html", context)


@require_POST
def cancel(request: HttpRequest, export_id: UUID) -> HttpResponse:
    """Stop it."""
    _own(request, export_id)
    services.cancel(export_id, by=_user(request), at=utc_now())
    return redirect("work:exports:export", export_id=export_id)


@require_safe
def download(request: HttpRequest, export_id: UUID) -> HttpResponseBase:
    """The file."""
    found = _own(request, export_id)
    try:
        content = services.fetch(export_id, by=_user(request), at=utc_now())
    except Refused as refused:
        raise Http404 from refused
    name, media_type = services.file_of(found)
    answer = as_attachment(StreamingHttpResponse(content, content_type=media_type), name)
    answer.headers["Content-Length"] = str(found.size_bytes)
    return answer


def _step(found: Export) -> str:
    if found.state == ExportState.WAITING:
        return _("排队中，前面的导出完成后开始。")
    return _("已写 %(n)s 行") % {"n": f"{found.rows_done:,}"}


def _own(request: HttpRequest, export_id: UUID) -> Export:
    try:
        return services.own_export(export_id, by=_user(request))
    except Refused as refused:
        raise Http404 from refused


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
