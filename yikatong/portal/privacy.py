"""My data: what is kept, who looked, what I agreed to, taking it all with me, having it put right or deleted.

Only for oneself and, as guardian, for one's wards: what somebody may do for another by delegation does not open their data.
"""

import json
from uuid import UUID, uuid4

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.accounts.looking import REASONS
from yikatong.audit.services import record
from yikatong.city.consents import ConsentText
from yikatong.consent import codes, requests
from yikatong.consent.selectors import ConsentView, consents_of
from yikatong.consent.services import give, withdraw
from yikatong.foundation.errors import Refused
from yikatong.foundation.masks import masked_phone
from yikatong.issuance.models import Portrait
from yikatong.issuance.selectors import cards_of
from yikatong.portal import personal_data
from yikatong.portal.holder import Holder, holder_required
from yikatong.portal.lookers import Looker, lookers_of
from yikatong.portal.overview import shown_number
from yikatong.portal.privacy_words import CATEGORIES, DEEDS, OTHER_DEED, REQUEST_KINDS, ROLES, field_of, refusal_words
from yikatong.registry.models import Person
from yikatong.registry.selectors import clear_view, masked_view, wards_of

LOOKERS_PER_PAGE = 20
EXPORT_TEXT = "您正在下载本人的全部个人信息"
"""What the message says of the code. Messages are Chinese."""


@require_safe
@holder_required
def overview(request: HttpRequest, holder: Holder) -> HttpResponse:
    """What can be seen and done here, for oneself and for one's wards."""
    people = [holder.person, *wards_of(holder.person.person_id, holder.today)]
    named = [(person, clear_view(person).name) for person in people]
    return render(request, "portal/privacy.html", {"people": named, "myself": holder.person})


@require_http_methods(["GET", "POST"])
@never_cache
@holder_required
def stored(request: HttpRequest, holder: Holder) -> HttpResponse:
    """What is kept, what for and how long; values masked until asked for, which is recorded."""
    person = _whose(request, holder)
    is_clear = request.method == "POST"
    if is_clear:
        _record(request, holder, person, "person.shown_to_themselves")
    view = clear_view(person) if is_clear else masked_view(person)
    portrait = Portrait.objects.filter(person_id=person.person_id).values_list("taken_at", flat=True).first()
    context = _context(holder, person) | {
        "view": view,
        "is_clear": is_clear,
        "categories": CATEGORIES,
        "cards": [(card.generation, shown_number(card)) for card in cards_of(person.person_id)],
        "portrait_at": portrait,
    }
    return render(request, "portal/privacy_stored.html", context)


@require_safe
@holder_required
def seen(request: HttpRequest, holder: Holder) -> HttpResponse:
    """Who among staff looked at or worked on these data, newest first, a page at a time."""
    person = _whose(request, holder)
    before = request.GET.get("before", "")
    page = lookers_of(
        person.person_id,
        before=int(before) if before.isdecimal() and len(before) < 19 else None,
        limit=LOOKERS_PER_PAGE + 1,
    )
    context = _context(holder, person) | {
        "rows": [_looker(one) for one in page[:LOOKERS_PER_PAGE]],
        "next_before": page[LOOKERS_PER_PAGE - 1].event_id if len(page) > LOOKERS_PER_PAGE else None,
        "is_first": not before,
    }
    return render(request, "portal/privacy_seen.html", context)


def _looker(one: Looker) -> dict[str, object]:
    return {
        "at": one.at,
        "role": ROLES.get(one.role, one.role),
        "organisation": one.organisation,
        "deed": DEEDS.get(one.action, OTHER_DEED),
        "reason": REASONS.get(one.reason, "") if one.reason != "other" else "",
        "note": one.note,
    }


@require_safe
@holder_required
def consents(request: HttpRequest, holder: Holder) -> HttpResponse:
    """What one is asked to agree to, each by itself, and how it stands."""
    person = _whose(request, holder)
    asked = [_consent(view) for view in consents_of(person, on=holder.today)]
    return render(request, "portal/privacy_consents.html", _context(holder, person) | {"consents": asked})


@require_http_methods(["GET", "POST"])
@holder_required
def consent(request: HttpRequest, holder: Holder, purpose: str) -> HttpResponse:
    """One consent: its words, what stops when it is taken back, what is kept all the same; one button."""
    person = _whose(request, holder)
    error = ""
    if request.method == "POST":
        command = {"give": give, "withdraw": withdraw}.get(request.POST.get("action", ""))
        if command is None:
            raise Http404
        try:
            command(person.person_id, purpose, by=holder.actor, at=holder.at)
            messages.success(request, _("已保存您的决定。"))
            return redirect(_for("portal:consents", person))
        except Refused as refused:
            error = refusal_words(refused.reason, str(refused))
    found = next((view for view in consents_of(person, on=holder.today) if view.text.code == purpose), None)
    if found is None:
        raise Http404
    context = _context(holder, person) | {"consent": _consent(found), "error": error}
    return render(request, "portal/privacy_consent.html", context, status=422 if error else 200)


def _consent(view: ConsentView) -> dict[str, object]:
    is_english = (get_language() or "").startswith("en")

    def words(text: ConsentText, name: str) -> str:
        return str(getattr(text, f"{name}_en" if is_english else f"{name}_zh"))

    return {name: words(view.text, name) for name in ("title", "text", "stops", "keeps")} | {
        "code": view.text.code,
        "is_given": view.is_given,
        "is_sensitive": view.text.is_sensitive,
        "is_service": view.text.at_first == "on",
        "is_asked_anew": view.is_asked_anew,
        "since": view.since,
        "version": view.text.version,
    }


@require_http_methods(["GET", "POST"])
@never_cache
@holder_required
def export(request: HttpRequest, holder: Holder) -> HttpResponse:
    """All my data as a file, after a code to the registered phone (a guardian's for a ward)."""
    person = _whose(request, holder)
    act = f"export:{person.person_id}"
    error = field = ""
    if request.method == "POST":
        try:
            if request.POST.get("action") == "send":
                codes.send(holder.person, act, what=EXPORT_TEXT, by=holder.actor, at=holder.at)
                return redirect(_for("portal:privacy_export", person))
            code_id = codes.check(holder.person.person_id, act, request.POST.get("code", ""), at=holder.at)
            return _exported(request, holder, person, code_id)
        except Refused as refused:
            error, field = refusal_words(refused.reason, str(refused)), field_of(refused.reason)
    phone = clear_view(holder.person).phone
    context = _context(holder, person) | {
        "phone": masked_phone(phone) if phone else "",
        "is_code_sent": codes.is_waiting(holder.person.person_id, act, at=holder.at),
        "is_ward": person.person_id != holder.person.person_id,
        "format": request.POST.get("format", "html"),
        "error": error,
        "error_field": field,
    }
    return render(request, "portal/privacy_export.html", context, status=422 if error else 200)


def _exported(request: HttpRequest, holder: Holder, person: Person, code_id: UUID) -> HttpResponse:
    is_readable = request.POST.get("format") == "html"
    with transaction.atomic():
        codes.spend(holder.person.person_id, code_id, at=holder.at)
        _record(request, holder, person, "person.exported_by_themselves")
    data = personal_data.collect(person, at=holder.at)
    if is_readable:
        sections = [(name, rows) for name, rows in data.items() if isinstance(rows, list)]
        content = str(render_to_string("portal/export.html", {"made_at": data["made_at"], "sections": sections}))
    else:
        content = json.dumps(data, ensure_ascii=False, indent=1)
    kind = "text/html" if is_readable else "application/json"
    answer = HttpResponse(content, content_type=f"{kind}; charset=utf-8")
    name = f"yikatong-{holder.today}.{'html' if is_readable else 'json'}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_http_methods(["GET", "POST"])
@holder_required
def ask(request: HttpRequest, holder: Holder) -> HttpResponse:
    """Asking to have something deleted or put right; what cannot be deleted is said before."""
    person = _whose(request, holder)
    error = field = ""
    if request.method == "POST":
        kind = request.POST.get("kind", "")
        if kind not in REQUEST_KINDS:
            error, field = _("请选择要删除还是更正。"), "kind-deletion"
        else:
            try:
                _ask(request, holder, person, kind)
                messages.success(request, _("已收到，十五天内答复，答复会显示在这里。"))
                return redirect(_for("portal:privacy_request", person))
            except Refused as refused:
                error, field = refusal_words(refused.reason, str(refused)), field_of(refused.reason)
    mine = [(view, REQUEST_KINDS[view.request.kind]) for view in requests.requests_of(person.person_id)]
    context = _context(holder, person) | {
        "request_id": request.POST.get("request_id") or uuid4(),
        "kinds": REQUEST_KINDS.items(),
        "answers": request.POST,
        "length_max": requests.TEXT_LENGTH_MAX,
        "mine": mine,
        "error": error,
        "error_field": field,
    }
    return render(request, "portal/privacy_request.html", context, status=422 if error else 200)


def _ask(request: HttpRequest, holder: Holder, person: Person, kind: str) -> None:
    try:
        number = UUID(request.POST.get("request_id", ""))
    except ValueError as error:
        raise Http404 from error
    requests.ask(
        person.person_id,
        number,
        kind=kind,
        text=request.POST.get("text", ""),
        by_person_id=holder.person.person_id,
        by=holder.actor,
        at=holder.at,
    )


def _whose(request: HttpRequest, holder: Holder) -> Person:
    """Oneself, or a ward (``?for=``). Raises ``Http404`` for anybody else: existence is not told."""
    asked = request.GET.get("for", "")
    if not asked or asked == str(holder.person.person_id):
        return holder.person
    for ward in wards_of(holder.person.person_id, holder.today):
        if asked == str(ward.person_id):
            return ward
    raise Http404


def _context(holder: Holder, person: Person) -> dict[str, object]:
    is_self = person.person_id == holder.person.person_id
    return {
        "person": person,
        "is_self": is_self,
        "name": clear_view(person).name,
        "query": "" if is_self else f"?for={person.person_id}",
    }


def _for(name: str, person: Person) -> str:
    return f"{reverse(name)}?for={person.person_id}"


def _record(request: HttpRequest, holder: Holder, person: Person, action: str) -> None:
    subject = f"person:{person.person_id}"
    record(action, subject=subject, by=holder.actor, at=holder.at, person_id=person.person_id)
