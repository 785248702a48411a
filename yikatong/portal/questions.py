"""Questions and answers, and videos, open to everybody. What is typed into the search is used for this page and not kept."""

import re
from collections.abc import Iterator

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.views.decorators.http import require_POST, require_safe

from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.foundation.errors import Refused
from yikatong.guide.languages import in_language, to_simplified
from yikatong.guide.markup import to_html, to_plain
from yikatong.guide.search import marked
from yikatong.guide.selectors import Answer, answers
from yikatong.guide.versions import count_helpfulness
from yikatong.guide.videos import film_part, published_video, published_videos
from yikatong.guide.words import TOPICS

SUMMARY_LENGTH = 70
ANSWERED_COOKIE = f"{settings.COOKIE_PREFIX}answered"
ANSWERED_DAYS = 30
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def _say(text_zh: str, text_en: str) -> str:
    return in_language(text_zh, text_en, get_language())


def answer_html(text_zh: str, text_en: str) -> SafeString:
    """An answer in the page's language; ``to_html`` escapes all that is text."""
    return mark_safe(to_html(_say(text_zh, text_en)))  # noqa: S308


@require_safe
def questions(request: HttpRequest) -> HttpResponse:
    """All questions by topic, or those that fit what was typed, the best first."""
    query = request.GET.get("q", "").strip()[:80]
    kept = answers()
    found = [kept.by_code[code] for code in kept.search.find(to_simplified(query))] if query else []
    by_topic: dict[str, list[dict[str, object]]] = {}
    if not query:
        for answer in kept.by_code.values():
            by_topic.setdefault(answer.topic, []).append({"code": answer.code, "title": _title(answer)})
    context = {
        "query": query,
        "found": [_found_row(answer, query) for answer in found[:20]],
        "topics": [(topic, name, by_topic[topic]) for topic, name in TOPICS.items() if topic in by_topic],
        "has_videos": not query and bool(published_videos()),
    }
    return render(request, "portal/questions.html", context)


def _title(answer: Answer) -> str:
    return _say(answer.version.title_zh, answer.version.title_en)


def _found_row(answer: Answer, query: str) -> dict[str, object]:
    text = to_plain(_say(answer.version.answer_zh, answer.version.answer_en))
    shown = list(_around(text, query))
    return {"code": answer.code, "title": list(marked(_title(answer), query)), "summary": shown}


def _around(text: str, query: str) -> Iterator[tuple[str, bool]]:
    """The part of a text where something typed first occurs."""
    pieces = list(marked(text, query))
    before = 0
    for piece, is_hit in pieces:
        if is_hit:
            break
        before += len(piece)
    else:
        before = 0
    length = SUMMARY_LENGTH if text and ord(text[0]) > 0x2E7F else 2 * SUMMARY_LENGTH
    start = max(0, before - length // 3)
    part = ("…" if start else "") + text[start : start + length] + ("…" if start + length < len(text) else "")
    yield from marked(part, query)


@require_safe
def question(request: HttpRequest, code: str) -> HttpResponse:
    """One question with its answer, where the answer comes from and since when."""
    answer = answers().by_code.get(code)
    if answer is None:
        raise Http404
    version = answer.version
    related = [each for each in answers().by_code.values() if each.topic == answer.topic and each.code != code]
    context = {
        "code": code,
        "title": _title(answer),
        "answer": answer_html(version.answer_zh, version.answer_en),
        "source": version.source,
        "made_at": version.made_at,
        "is_unverified": answer.is_unverified,
        "topic": TOPICS.get(answer.topic, ""),
        "related": [(each.code, _title(each)) for each in related[:5]],
        "was_answered": code in _answered(request),
    }
    return render(request, "portal/question.html", context)


def _answered(request: HttpRequest) -> list[str]:
    """Questions this device already gave an opinion on."""
    held = request.get_signed_cookie(ANSWERED_COOKIE, default="", max_age=ANSWERED_DAYS * 86400)
    return [code for code in str(held).split(",") if code]


@require_POST
def feedback(request: HttpRequest, code: str) -> HttpResponse:
    """Count whether an answer helped; once per device and month, without knowing whose."""
    response = redirect(f"{reverse('portal:question', args=[code])}#helpful")
    said, known = request.POST.get("helpful", ""), _answered(request)
    if said in {"1", "0"} and code not in known:
        try:
            count_helpfulness(code, is_helpful=said == "1", day=beijing_day(utc_now()))
        except Refused as refused:
            raise Http404 from refused
        response.set_signed_cookie(
            ANSWERED_COOKIE,
            ",".join([*known, code][-80:]),
            max_age=ANSWERED_DAYS * 86400,
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
    return response


@require_safe
def videos(request: HttpRequest) -> HttpResponse:
    """All published videos with captions and transcript; no page while there is none."""
    found = published_videos()
    if not found:
        raise Http404
    context = {
        "videos": [
            {
                "video": video,
                "title": _say(video.title_zh, video.title_en),
                "transcript": _say(video.transcript_zh, video.transcript_en),
            }
            for video in found
        ],
        "is_english": (get_language() or "").startswith("en"),
    }
    return render(request, "portal/videos.html", context)


@require_safe
def media(request: HttpRequest, video_id: int) -> HttpResponse:
    """The film, whole or the part asked for, so that players can skip."""
    video = published_video(video_id)
    if video is None:
        raise Http404
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    size = video.media_bytes
    first, last = 0, size - 1
    if asked and any(asked.groups()):
        start, end = asked.groups()
        first = int(start) if start else max(0, size - int(end))
        last = min(int(end), size - 1) if start and end else size - 1
        if first > last:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    content = film_part(video_id, first, last - first + 1)
    response = HttpResponse(content, content_type=video.media_type, status=206 if asked else 200)
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "public, max-age=86400"
    response["ETag"] = f'"{video.media_sha256_hex}"'
    if asked:
        response["Content-Range"] = f"bytes {first}-{last}/{size}"
    return response


@require_safe
def captions(request: HttpRequest, video_id: int, language: str) -> HttpResponse:
    """The captions of a video."""
    video = published_video(video_id)
    text = {"zh": video.captions_zh, "en": video.captions_en}.get(language, "") if video else ""
    if not text:
        raise Http404
    return HttpResponse(text, content_type="text/vtt; charset=utf-8")
