"""Videos for residents: staff add a small film with captions and a transcript, look at it, publish it or take it off."""

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.guide.captions import TEXT_LENGTH_MAX, BadCaptions
from yikatong.guide.videos import MEDIA_BYTES_MAX, NewVideo, VideoReason, add_video, all_videos, show_video
from yikatong.workbench.content_words import CAPTION_FAULTS, REASONS

TEXTS = ("title_zh", "title_en", "transcript_zh", "transcript_en")


@require_http_methods(["GET", "POST"])
def videos(request: HttpRequest) -> HttpResponse:
    """The list, and the form for one more."""
    error = ""
    if request.method == "POST":
        try:
            add_video(_sent(request), by=Actor("staff", request.user.get_username()), at=utc_now())
        except BadCaptions as bad:
            error = _("字幕第 %(line)s 行：%(fault)s") % {"line": bad.line, "fault": CAPTION_FAULTS[bad.fault]}
        except Refused as refused:
            error = str(REASONS[str(refused.reason)])
        else:
            return redirect("work:content:videos")
    context = {
        "videos": all_videos(),
        "given": {name: request.POST.get(name, "") for name in TEXTS},
        "megabytes_max": MEDIA_BYTES_MAX // 1024 // 1024,
        "error": error,
    }
    return render(request, "workbench/content_videos.html", context, status=422 if error else 200)


def _sent(request: HttpRequest) -> NewVideo:
    """The video as sent. Raises ``Refused`` before a large file is read into memory."""
    film = request.FILES.get("media")
    if not isinstance(film, UploadedFile) or film.size is None:
        raise Refused(VideoReason.NOT_A_FILM)
    if film.size > MEDIA_BYTES_MAX:
        raise Refused(VideoReason.TOO_LARGE)
    texts = {name: request.POST.get(name, "") for name in TEXTS}
    captions = {name: _text(request, name) for name in ("captions_zh", "captions_en")}
    return NewVideo(**texts, **captions, media=film.read())


def _text(request: HttpRequest, name: str) -> str:
    """A caption file as text; what is not UTF-8 will not parse."""
    file = request.FILES.get(name)
    return file.read(4 * TEXT_LENGTH_MAX).decode("utf-8", errors="replace") if isinstance(file, UploadedFile) else ""


@require_POST
def show(request: HttpRequest, video_id: int) -> HttpResponse:
    """Publish a video or take it off."""
    by = Actor("staff", request.user.get_username())
    show_video(video_id, is_published=request.POST.get("publish") == "1", by=by, at=utc_now())
    return redirect("work:content:videos")
