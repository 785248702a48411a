"""The code's page without network: a service worker of scope ``/code/``, and a page of nobody's that it keeps.

What is cached is the same for everybody: an empty page, its style and its scripts. Whose card it is lies in the phone's own
database, sealed under a key that no script can read out (``ecard-vault.js``). Signing out and stopping all codes answer with
``Clear-Site-Data``, which takes worker, caches and keys away together.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from yikatong.accounts.models import Role
from yikatong.gm import sm3

ASSETS = (
    "portal/ecard.css",
    "portal/icon.svg",
    "portal/ecard-vault.js",
    "portal/ecard.js",
    "vendor/qrcode-generator-2.0.4.js",
    "vendor/sm-crypto-0.3.13-sm2.js",
)
"""What the page needs to go on without network."""
WORKER = "portal/ecard-worker.js"
CLEAR_SITE_DATA = '"storage"'
"""Takes databases, caches and service workers of this origin. Source: W3C Clear Site Data, section 3.1."""


def words() -> dict[str, str]:
    """What the page's script says, in the reader's language. ``{…}`` is filled in by the script."""
    return {
        "seconds": _("{n} 秒后自动更新"),
        "until": _("断网时可在这部手机上出示至 {time}"),
        "offline": _("现在没有网络，二维码照常更新，可出示至 {time}。"),
        "expired": _("这部手机上的电子社保卡已于 {time} 过期。请联网后重新打开本页。"),
        "not_here": _("这部手机上还没有可以断网出示的电子社保卡。请联网打开一次，之后七天内断网也能用。"),
        "sign_in": _("登录已过期。二维码可继续出示至 {time}；请重新登录以延长。"),
        "sign_in_first": _("登录已过期，请重新登录后再打开。"),
        "clock": _("手机时间与标准时间相差 {n} 秒，二维码可能不被接受。请在手机设置中打开“自动设置时间”。"),
        "not_kept": _("此浏览器不能在手机中保存密钥：关闭页面后，需要联网才能再次出示。"),
        "failed": _("没有网络，这部手机上也没有可用的证书。请联网后重新打开本页。"),
        "show": _("显示卡号"),
        "hide": _("隐藏卡号"),
        "hides": _("卡号将在 {n} 秒后隐藏"),
    }


@require_safe
@never_cache
def shell(request: HttpRequest) -> HttpResponse:
    """The code's page without anybody's data: what the worker keeps and answers when there is no network."""
    return render(request, "portal/code.html", {"is_shell": True, "words": words()})


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker. Its scope is ``/code/`` because it is served from there; its text changes with what it keeps."""
    settings = {
        "version": _version(),
        "shell": reverse("portal:code_shell"),
        "page": reverse("portal:code"),
        "assets": [static(name) for name in ASSETS],
    }
    text = f"const SETTINGS = {json.dumps(settings)};\n{_text(WORKER)}"
    return HttpResponse(
        text, content_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache, private"}
    )


def forgetting_codes(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a sign-out of a resident empty the phone: keys, caches and worker. Others keep what waits on their device."""

    def wrapped(request: HttpRequest, /, *args: object, **kwargs: object) -> HttpResponse:
        was_resident = request.user.is_authenticated and request.user.role == Role.RESIDENT
        response = view(request, *args, **kwargs)
        if was_resident and not request.user.is_authenticated:
            response["Clear-Site-Data"] = CLEAR_SITE_DATA
        return response

    return wrapped


@cache
def _version() -> str:
    """Changes whenever something that is kept changes."""
    return sm3.digest(b"\0".join(_text(name).encode() for name in (*ASSETS, WORKER))).hex()[:16]


@cache
def _text(name: str) -> str:
    found = finders.find(name)
    if not isinstance(found, str):
        raise LookupError(f"there is no static file {name}")
    return Path(found).read_text(encoding="utf-8")
