"""Messages to many: templates with preview and history; a dispatch made, counted, approved, followed and stopped."""

from datetime import datetime
from uuid import UUID, uuid4

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.accounts.models import User
from yikatong.approvals import services as approvals
from yikatong.approvals.models import ApprovalRequest, RequestState
from yikatong.campaign.invitations import is_time_to_send, sending_hours
from yikatong.campaign.wording import SIGNATURE
from yikatong.city.models import Division
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.messaging import dispatching, template_store
from yikatong.messaging.audience import CARD_STATES, Audience
from yikatong.messaging.models import Dispatch, DispatchState, Template, TemplateVersion
from yikatong.messaging.rules import PLACES, filled_in, length_of
from yikatong.messaging.sending import Wording, worded
from yikatong.registry.rows import CATEGORY_NAMES
from yikatong.workbench.paging import page_of
from yikatong.workbench.staff_words import DELIVERY_STATES, DISPATCH_STATES, TEMPLATE_PROBLEMS
from yikatong.workbench.words import refusal_text

_UNFINISHED = (DispatchState.COUNTING, DispatchState.SENDING)


@require_safe
def dispatches(request: HttpRequest) -> HttpResponse:
    """What was and is being sent, newest first, by state."""
    state = request.GET.get("state", "")
    found: QuerySet[Dispatch] = Dispatch.objects.select_related("template")
    if state in DispatchState.values:
        found = found.filter(state=state)
    page = page_of(request, found, "-dispatch_id")
    context = {
        "page": page,
        "rows": [(each, DISPATCH_STATES[each.state]) for each in page.rows],
        "states": DISPATCH_STATES.items(),
        "state": state,
    }
    return render(request, "workbench/dispatches.html", context)


@require_safe
def templates(request: HttpRequest) -> HttpResponse:
    """All templates, the one changed last first."""
    found = Template.objects.filter(is_retired=request.GET.get("retired") == "1")
    page = page_of(request, found, "-changed_at", "-template_id")
    return render(request, "workbench/templates.html", {"page": page, "retired": request.GET.get("retired", "")})


@require_safe
def new_template(request: HttpRequest) -> HttpResponse:
    """An empty template; its number is made now, so that saving twice is saving once."""
    return redirect("work:messaging:template", template_id=uuid4())


@require_http_methods(["GET", "POST"])
def template(request: HttpRequest, template_id: UUID) -> HttpResponse:
    """Write a template, see how it comes out, save it as the next version; its history; retire it."""
    known = Template.objects.filter(template_id=template_id).first()
    shown = _version_shown(request, known)
    typed = {
        "title": shown.title if shown else "",
        "chinese": shown.chinese if shown else "",
        "english": shown.english if shown else "",
        "based_on": str(known.version if known else 0),
    }
    errors: dict[str, str] = {}
    error = ""
    if request.method == "POST":
        typed |= {name: request.POST.get(name, typed[name])[:2000] for name in typed}
        action = request.POST.get("action", "")
        try:
            if action == "retire" and known:
                template_store.retire(template_id, by=_user(request), at=utc_now())
                return redirect("work:messaging:templates")
            problems = template_store.check(typed["title"], typed["chinese"], typed["english"])
            errors = {each.field: str(TEMPLATE_PROBLEMS[each.what]) % {"piece": each.piece} for each in problems}
            if action == "save" and not errors:
                _save(template_id, typed, _user(request), utc_now())
                return redirect("work:messaging:template", template_id=template_id)
        except Refused as refused:
            error = refusal_text(refused.reason, str(refused))
    context = {
        "template": known,
        "typed": typed,
        "errors": errors,
        "error": error,
        "places": [f"{{{place}}}" for place in PLACES],
        "preview": None if errors else _sample(typed["chinese"], typed["english"]),
        "versions": TemplateVersion.objects.filter(template_id=template_id).order_by("-version")[:50],
        "shown_version": shown.version if shown and known and shown.version != known.version else None,
    }
    return render(request, "workbench/template.html", context, status=422 if errors or error else 200)


@require_http_methods(["GET", "POST"])
def new_dispatch(request: HttpRequest) -> HttpResponse:
    """Choose a template and whom it is for."""
    error = ""
    if request.method == "POST":
        try:
            made = dispatching.make(
                _uuid(request.POST.get("dispatch_id", "")),
                template_id=_uuid(request.POST.get("template", "") or str(UUID(int=0))),
                audience=_audience_in(request),
                per_minute=_number(request.POST.get("per_minute", "")) or 0,
                by=_user(request),
                at=utc_now(),
            )
            return redirect("work:messaging:dispatch", dispatch_id=made.dispatch_id)
        except Refused as refused:
            error = refusal_text(refused.reason, str(refused))
    context = {
        "templates": Template.objects.filter(is_retired=False).order_by("title")[:200],
        "districts": Division.objects.filter(level="district").order_by("code").values_list("code", "name"),
        "categories": CATEGORY_NAMES.items(),
        "card_states": CARD_STATES.items(),
        "per_minute_max": dispatching.PER_MINUTE_MAX,
        "typed": request.POST or request.GET,
        "dispatch_id": request.POST.get("dispatch_id") or uuid4(),
        "error": error,
    }
    return render(request, "workbench/dispatch_new.html", context, status=422 if error else 200)


@require_http_methods(["GET", "POST"])
def dispatch(request: HttpRequest, dispatch_id: UUID) -> HttpResponse:
    """One dispatch: preview with a person of its audience, start or ask, progress, stop."""
    found = Dispatch.objects.select_related("template").filter(dispatch_id=dispatch_id).first()
    if found is None:
        raise Http404
    error = ""
    if request.method == "POST":
        try:
            return _acted(request, found)
        except Refused as refused:
            error = refusal_text(refused.reason, str(refused))
            found.refresh_from_db()
    at = utc_now()
    figures = dispatching.figures_of(found)
    asked = ApprovalRequest.objects.filter(subject=f"dispatch:{dispatch_id}").order_by("-request_id").first()
    is_waiting = asked is not None and asked.state == RequestState.WAITING and asked.expires_at > at
    first, until = sending_hours()
    context = {
        "dispatch": found,
        "state": DISPATCH_STATES[found.state],
        "audience": _audience_lines(Audience.of(found.audience)),
        "preview": _preview(found, at),
        "figures": [(words, figures.get(state, 0)) for state, words in DELIVERY_STATES.items()],
        "done": sum(figures.values()),
        "is_unfinished": found.state in _UNFINISHED,
        # Rejected, withdrawn or expired: it may be asked for again.
        "is_ready": found.state in {DispatchState.READY, DispatchState.ASKED} and not is_waiting,
        "takes_two": dispatching.takes_two(found),
        "big_from": dispatching.BIG_FROM,
        "asked": asked,
        "may_stop": found.state in {DispatchState.READY, DispatchState.ASKED, DispatchState.SENDING},
        "waits_for_hours": found.state == DispatchState.SENDING and not is_time_to_send(at),
        "hours": f"{first}:00–{until}:00",
        "request_id": request.POST.get("request_id") or uuid4(),
        "reason": request.POST.get("reason", ""),
        "error": error,
    }
    return render(request, "workbench/dispatch.html", context, status=422 if error else 200)


def _acted(request: HttpRequest, found: Dispatch) -> HttpResponse:
    user, at, action = _user(request), utc_now(), request.POST.get("action", "")
    if action == "start":
        dispatching.start(found.dispatch_id, by=user, at=at)
    elif action == "stop":
        dispatching.stop(found.dispatch_id, by=user, at=at)
    elif action == "ask":
        asked = approvals.ask(
            "message.send",
            {"dispatch_id": str(found.dispatch_id)},
            request_id=_uuid(request.POST.get("request_id", "")),
            subject=f"dispatch:{found.dispatch_id}",
            reason=request.POST.get("reason", ""),
            by=user,
            at=at,
        )
        dispatching.note_asked(found.dispatch_id, at=at)
        return redirect("work:approvals:request", request_id=asked.request_id)
    else:
        raise Http404
    return redirect("work:messaging:dispatch", dispatch_id=found.dispatch_id)


def _version_shown(request: HttpRequest, known: Template | None) -> TemplateVersion | None:
    if known is None:
        return None
    asked = _number(request.GET.get("version", "")) or known.version
    return template_store.version_of(known.template_id, asked) or template_store.version_of(
        known.template_id, known.version
    )


def _save(template_id: UUID, typed: dict[str, str], user: User, at: datetime) -> None:
    template_store.save(
        template_id,
        title=typed["title"],
        chinese=typed["chinese"],
        english=typed["english"],
        based_on=_number(typed["based_on"]) or 0,
        by=user,
        at=at,
    )


def _sample(chinese: str, english: str) -> dict[str, object] | None:
    """How a text comes out for a made-up resident."""
    if not chinese.strip() or not english.strip():
        return None
    text = SIGNATURE + filled_in(chinese, template_store.sample_values())
    return _told(Wording(text, filled_in(english, template_store.sample_values(english=True))))


def _preview(found: Dispatch, at: datetime) -> dict[str, object] | None:
    """How it comes out for the first person of the audience, who is not named beyond how they are greeted."""
    version = template_store.version_of(found.template_id, found.version)
    everybody = Audience.of(found.audience).people(beijing_day(found.counted_at or at))
    person = everybody.order_by("person_id").first() if found.counted else None
    if version is None:
        return None
    return _told(worded(version, person, person)) if person else _sample(version.chinese, version.english)


def _told(wording: Wording) -> dict[str, object]:
    length = length_of(wording.chinese)
    return {"chinese": wording.chinese, "english": wording.english, "length": length}


def _audience_in(request: HttpRequest) -> Audience:
    def age(name: str) -> int | None:
        text = request.POST.get(name, "").strip()
        number = _number(text)
        return -1 if text and number is None else number

    district = request.POST.get("district", "")
    return Audience(
        district_code=district if district.isdecimal() else "",
        category=request.POST.get("category", ""),
        card_state=request.POST.get("card_state", ""),
        age_from=age("age_from"),
        age_until=age("age_until"),
        person_id=_number(request.POST.get("person", "")),
    )


def _audience_lines(audience: Audience) -> list[tuple[str, str]]:
    district = Division.objects.filter(code=audience.district_code).values_list("name", flat=True).first()
    lines = [
        (_("区"), district or ""),
        (_("参保类别"), dict(CATEGORY_NAMES).get(audience.category, "")),  # type: ignore[call-overload]
        (_("卡片"), str(CARD_STATES.get(audience.card_state, ""))),
        (_("年龄从"), "" if audience.age_from is None else str(audience.age_from)),
        (_("年龄到"), "" if audience.age_until is None else str(audience.age_until)),
        (_("人员编号"), "" if audience.person_id is None else str(audience.person_id)),
    ]
    return [(label, value) for label, value in lines if value] or [(_("范围"), _("登记簿中的所有人"))]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
