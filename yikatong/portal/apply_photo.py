"""The photograph: taken or chosen, looked at at once, shown as it will be on the card; its reasons in words."""

from collections.abc import Iterable

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.issuance.portrait_check import UPLOAD_MAX, CheckedPhoto, PhotoRefused, checked_photo
from yikatong.issuance.portrait_rules import Fault
from yikatong.issuance.portrait_words import FAULT_WORDS
from yikatong.issuance.portraits import (
    PortraitWrong,
    has_portrait,
    is_own_portrait,
    keep_own_portrait,
    portrait_of,
    withdraw_own_portrait,
)
from yikatong.portal.applying import Applying, asked_for
from yikatong.portal.holder import Holder, holder_required


@require_http_methods(["GET", "POST"])
@never_cache
@holder_required
def photo(request: HttpRequest, holder: Holder) -> HttpResponse:
    """Give one, look at it, go on. Never asked where the register has one."""
    applying = asked_for(request, holder)
    person_id = applying.person.person_id
    if has_portrait(person_id) and not is_own_portrait(person_id):
        return redirect(applying.address(applying.next_step()))
    context = applying.context("apply_photo") | {"is_given": is_own_portrait(person_id)}
    if request.method == "GET":
        return render(request, "portal/apply_photo.html", context)
    if request.POST.get("action") == "delete":
        withdraw_own_portrait(person_id, by=holder.actor, at=holder.at)
        return redirect(applying.address("apply_photo"))
    problems, may_insist = _taken_in(request, applying)
    if problems:
        context |= {"problems": problems, "may_insist": may_insist, "has_consented": "consent" in request.POST}
        return render(request, "portal/apply_photo.html", context, status=422)
    return redirect(applying.address("apply_photo"))


def _taken_in(request: HttpRequest, applying: Applying) -> tuple[list[tuple[str, str]], bool]:
    """What is wrong, as field and text, and whether the holder may insist; nothing when the photograph is kept."""
    upload = request.FILES.get("taken") or request.FILES.get("photo")
    if upload is None:
        return [("photo", _("请拍一张照片，或从相册选择。"))], False
    if request.POST.get("consent") != "1":
        return [("consent", _("照片是敏感个人信息。同意后才能使用；不同意的，可以到网点现场拍照办理。"))], False
    try:
        if upload.size is None or upload.size > UPLOAD_MAX:
            raise PhotoRefused([Fault.TOO_LARGE])
        checked = checked_photo(upload.read())
        if checked.faults and request.POST.get("insist") != "1":
            return _told(checked.faults), True
        _keep(applying, checked)
    except PhotoRefused as refused:
        return _told(refused.faults), False
    return [], False


def _keep(applying: Applying, checked: CheckedPhoto) -> None:
    """Raises ``PhotoRefused``."""
    by, acting = applying.holder.actor, applying.holder.person.person_id
    try:
        keep_own_portrait(applying.person.person_id, checked, acting_person_id=acting, by=by, at=applying.holder.at)
    except PortraitWrong as wrong:  # so busy that it does not go into the chip
        raise PhotoRefused([Fault.BACKGROUND]) from wrong
    applying.keep()


def _told(faults: Iterable[Fault]) -> list[tuple[str, str]]:
    return [("photo", str(FAULT_WORDS[fault])) for fault in faults]


@require_safe
@never_cache
@holder_required
def image(request: HttpRequest, holder: Holder) -> HttpResponse:
    """The photograph that was given, as it will be on the card; nobody's but of whom one may apply for."""
    person_id = asked_for(request, holder).person.person_id
    jpeg = portrait_of(person_id) if is_own_portrait(person_id) else None
    if jpeg is None:
        raise Http404
    return HttpResponse(jpeg, content_type="image/jpeg")


@require_safe
@holder_required
def photo_help(request: HttpRequest, holder: Holder) -> HttpResponse:
    """What a good photograph is, drawn."""
    person_id = request.GET.get("for", "")
    back = asked_for(request, holder).address("apply_photo") if person_id else ""
    return render(request, "portal/apply_photo_help.html", {"back": back})
