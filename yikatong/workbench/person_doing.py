"""Doing something for a person: one page says what will happen and asks; what is dangerous goes to a second person."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from yikatong.accounts.models import User
from yikatong.applications import services as applications
from yikatong.approvals import services as approvals
from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.issuance import lifecycle
from yikatong.issuance.acts import END_REASONS
from yikatong.issuance.models import Card
from yikatong.registry.selectors import masked_view
from yikatong.workbench.person import person_or_404
from yikatong.workbench.words import refusal_text


@dataclass(frozen=True, slots=True)
class _Page:
    """What the page says, and what its button does. ``act``: the name of the act that two people are needed for."""

    title: Promise
    consequence: Promise
    button: Promise
    do: Callable[[int, str, Actor, datetime], object] | None = None
    act: str = ""


def _cancel(person_id: int, ref: str, by: Actor, at: datetime) -> object:
    return applications.cancel(person_id, _uuid(ref), by=by, at=at)


def _prelose(person_id: int, ref: str, by: Actor, at: datetime) -> object:
    return lifecycle.pre_report_loss(_card_of(person_id, ref).card_id, by=by, at=at)


def _lose(person_id: int, ref: str, by: Actor, at: datetime) -> object:
    return lifecycle.report_loss(_card_of(person_id, ref).card_id, by=by, at=at)


def _unlose(person_id: int, ref: str, by: Actor, at: datetime) -> object:
    return lifecycle.withdraw_pre_report(_card_of(person_id, ref).card_id, by=by, at=at)


PAGES: dict[str, _Page] = {
    "cancel": _Page(
        gettext_lazy("取消申请"),
        gettext_lazy("这份申请将取消，还没有制的卡不再制作。本人以后可以重新申请。"),
        gettext_lazy("确认取消申请"),
        do=_cancel,
    ),
    "prelose": _Page(
        gettext_lazy("预挂失"),
        gettext_lazy("卡片立即停用 10 天。10 天内没有正式挂失的，到期自动恢复使用。"),
        gettext_lazy("确认预挂失"),
        do=_prelose,
    ),
    "lose": _Page(
        gettext_lazy("正式挂失"),
        gettext_lazy("卡片立即作废，不能恢复；本人可以申请补卡。"),
        gettext_lazy("确认正式挂失"),
        do=_lose,
    ),
    "unlose": _Page(
        gettext_lazy("撤销预挂失"),
        gettext_lazy("卡片立即恢复使用。请先确认卡片已在本人手中。"),
        gettext_lazy("确认撤销预挂失"),
        do=_unlose,
    ),
    "end": _Page(
        gettext_lazy("终止社会保障功能"),
        gettext_lazy("经另一人批准后，这张卡不能再就医结算、领取待遇或乘车，不能恢复。"),
        gettext_lazy("提交审批"),
        act="card.end",
    ),
    "phone": _Page(
        gettext_lazy("更正手机号码"),
        gettext_lazy("经另一人批准后，持新号码的人可以以此人身份登录，原号码不能再登录。请先核对本人身份证件。"),
        gettext_lazy("提交审批"),
        act="person.phone",
    ),
}


@require_http_methods(["GET", "POST"])
def doing(request: HttpRequest, person_id: int, what: str, ref: str) -> HttpResponse:
    """Ask, then do it, or hand it to a second person."""
    page = PAGES.get(what)
    if page is None:
        raise Http404
    found = person_or_404(person_id)
    card = _card_of(person_id, ref) if what not in {"cancel", "phone"} else None
    error = ""
    if request.method == "POST":
        try:
            return _done(request, page, person_id, ref)
        except Refused as refused:
            error = refusal_text(refused.reason, str(refused))
    context = {
        "person": found,
        "view": masked_view(found),
        "what": what,
        "page": page,
        "card": card,
        "error": error,
        "end_reasons": END_REASONS if what == "end" else {},
        "request_id": request.POST.get("request_id") or uuid4(),
        "typed": request.POST,
    }
    return render(request, "workbench/person_doing.html", context, status=422 if error else 200)


def _done(request: HttpRequest, page: _Page, person_id: int, ref: str) -> HttpResponse:
    at = utc_now()
    assert isinstance(request.user, User)
    if page.do is not None:
        page.do(person_id, ref, Actor("staff", request.user.username), at)
        messages.success(request, _("已办理：%(what)s。") % {"what": page.title})
        return redirect("work:staff:person", person_id=person_id)
    if page.act == "card.end":
        card = _card_of(person_id, ref)
        parameters: dict[str, object] = {"card_id": card.card_id, "reason": request.POST.get("end_reason", "")}
        subject = f"card:{card.card_id}"
    else:
        phone = "".join(character for character in request.POST.get("phone", "") if character.isdigit())
        parameters, subject = {"person_id": person_id, "phone": phone}, f"person:{person_id}"
    asked = approvals.ask(
        page.act,
        parameters,
        request_id=_uuid(request.POST.get("request_id", "")),
        subject=subject,
        reason=request.POST.get("reason", ""),
        by=request.user,
        at=at,
        person_id=person_id,
    )
    return redirect("work:approvals:request", request_id=asked.request_id)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None


def _card_of(person_id: int, ref: str) -> Card:
    card = Card.objects.filter(card_id=int(ref), person_id=person_id).first() if ref.isdecimal() else None
    if card is None:
        raise Http404
    return card
