"""The photograph: taken or chosen, looked at at once, shown as it will be on the card; its reasons in words."""

from collections.abc import Iterable

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.issuance.portrait_check import UPLOAD_MAX, CheckedPhoto, PhotoRefused, checked_photo
from yikatong.issuance.portrait_rules import Fault
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

FAULT_WORDS: dict[Fault, Promise] = {
    Fault.TOO_LARGE: gettext_lazy("照片超过 10 MB，请选一张小一些的，或用手机直接拍照。"),
    Fault.HEIC: gettext_lazy(
        "这是 HEIC 格式的照片。请在手机“设置 → 相机 → 格式”中选“兼容性最佳”后重拍，或截屏后上传截图。"
    ),
    Fault.NOT_A_PICTURE: gettext_lazy("这个文件不是可用的照片。请用 JPEG、PNG 或 WebP 格式的照片。"),
    Fault.TOO_MANY_PIXELS: gettext_lazy("照片的像素太多，请换一张小一些的。"),
    Fault.TOO_FEW_PIXELS: gettext_lazy("照片太小，至少要 358×441 像素。请用原图，不要用缩略图。"),
    Fault.NO_FACE: gettext_lazy("没有找到人脸。请正对镜头，脸不要被遮住，光线亮一些。"),
    Fault.SEVERAL_FACES: gettext_lazy("照片里不止一张脸。请单独拍照，身后不要有人。"),
    Fault.FACE_TOO_SMALL: gettext_lazy("脸在照片里太小。请走近一些，让头和肩膀占满画面。"),
    Fault.FACE_AT_EDGE: gettext_lazy("头离照片边缘太近。请把头放在画面中间，四周留出空间。"),
    Fault.TILTED: gettext_lazy("头歪了。请让两眼保持水平。"),
    Fault.TURNED: gettext_lazy("脸没有正对镜头。请看着镜头，不要侧脸。"),
    Fault.DARK: gettext_lazy("照片太暗。请面向窗户或灯光。"),
    Fault.BRIGHT: gettext_lazy("脸上太亮、有反光。请避开直射的阳光和闪光灯。"),
    Fault.UNEVEN: gettext_lazy("脸的一半亮一半暗。请让光从正面来。"),
    Fault.BLURRED: gettext_lazy("照片不清楚。请拿稳手机，擦净镜头，对准脸部后再拍。"),
    Fault.BACKGROUND: gettext_lazy("背景不是干净的白色或浅色。请站在白墙前，离墙半米。"),
}


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
