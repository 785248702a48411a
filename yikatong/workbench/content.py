"""Questions and answers as the card centre edits them: list, edit with preview, history with what changed, publish, restore.

Nothing is lost when two people edit at once: the second is shown the other's text beside their own and decides.
"""

import re
from dataclasses import fields

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yikatong.audit.actors import Actor
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.guide.markup import to_html
from yikatong.guide.models import QuestionVersion
from yikatong.guide.rules import LIMITS, Reason, Wording, difference, tidy
from yikatong.guide.selectors import listed_questions, opinions_of, versions_of
from yikatong.guide.versions import (
    BadWording,
    EditedMeanwhile,
    add_question,
    edit_question,
    publish_question,
    restore_version,
    unpublish_question,
)
from yikatong.guide.words import TOPICS
from yikatong.workbench.content_words import FIELDS, HINTS, REASONS

FIELD_NAMES = tuple(field.name for field in fields(Wording))
LONG_FIELDS = frozenset({"answer_zh", "answer_en"})


def _actor(request: HttpRequest) -> Actor:
    return Actor("staff", request.user.get_username())


def _name_of(made_by: str) -> str:
    """The user name of who made a version; the city's data for the loader."""
    kind, _sep, name = made_by.partition(":")
    return str(_("城市数据")) if kind == "system" else name


@require_safe
def questions(request: HttpRequest) -> HttpResponse:
    """All questions with their state and what residents thought of them."""
    topic, state = request.GET.get("topic", ""), request.GET.get("state", "")
    topic = topic if topic in TOPICS else ""
    context = {
        "rows": [(each, TOPICS.get(each.question.topic, "")) for each in listed_questions(topic, state)],
        "topics": TOPICS.items(),
        "topic": topic,
        "state": state,
    }
    return render(request, "workbench/content_questions.html", context)


def _sent(request: HttpRequest) -> Wording:
    return Wording(**{name: request.POST.get(name, "") for name in FIELD_NAMES})


def _form(wording: Wording, faults: dict[str, Reason]) -> list[dict[str, object]]:
    """The fields of the form with their texts, limits and faults."""
    return [
        {
            "name": name,
            "label": FIELDS[name],
            "hint": HINTS.get(name, ""),
            "value": getattr(wording, name),
            "most": LIMITS[name],
            "is_long": name in LONG_FIELDS,
            "fault": REASONS[faults[name]] if name in faults else "",
            "lang": "en" if name.endswith("_en") else "zh-CN",
        }
        for name in FIELD_NAMES
    ]


def _html(text: str) -> SafeString:
    return mark_safe(to_html(tidy(text)))  # noqa: S308 - to_html escapes all that is text


def _preview(wording: Wording) -> dict[str, object]:
    """What residents would see."""
    return {
        "title_zh": wording.title_zh,
        "title_en": wording.title_en,
        "answer_zh": _html(wording.answer_zh),
        "answer_en": _html(wording.answer_en),
        "source": wording.source,
        "is_unverified": wording.is_unverified,
    }


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A question that is not in the list yet."""
    wording = _sent(request) if request.method == "POST" else Wording("", "", "", "", "", "")
    faults: dict[str, Reason] = {}
    error = ""
    if request.method == "POST" and request.POST.get("act") != "preview":
        try:
            code, topic = request.POST.get("code", "").strip(), request.POST.get("topic", "")
            add_question(code, topic, wording, by=_actor(request), at=utc_now())
            return redirect("work:content:question", code=code)
        except BadWording as bad:
            faults = bad.faults
        except Refused as refused:
            error = str(REASONS[str(refused.reason)])
    context = {
        "fields": _form(wording, faults),
        "code": request.POST.get("code", ""),
        "topic": request.POST.get("topic", ""),
        "topics": TOPICS.items(),
        "faults": [(name, FIELDS[name], REASONS[reason]) for name, reason in faults.items()],
        "preview": _preview(wording) if request.method == "POST" and not error else None,
        "error": error,
    }
    return render(request, "workbench/content_new.html", context, status=422 if error or faults else 200)


@require_http_methods(["GET", "POST"])
def question(request: HttpRequest, code: str) -> HttpResponse:
    """Edit one question. ``act``: preview shows it as residents would see it, save makes a version, publish also shows it."""
    found = versions_of(code)
    if found is None:
        raise Http404
    asked, versions = found
    head = versions[0]
    wording, faults, theirs = Wording.of(head), {}, None
    began_from = head.number
    act = request.POST.get("act", "")
    if request.method == "POST":
        wording, began_from = _sent(request), _number(request.POST.get("began_from", ""))
        try:
            if act in {"save", "publish"}:
                return _save(request, code, wording, began_from, is_to_publish=act == "publish")
        except BadWording as bad:
            faults = bad.faults
        except EditedMeanwhile as conflict:
            theirs = conflict.theirs
            began_from = theirs.number
    context = {
        "question": asked,
        "head": head,
        "head_by": _name_of(head.made_by),
        "topic_name": TOPICS.get(asked.topic, ""),
        "fields": _form(wording, faults),
        "faults": [(name, FIELDS[name], REASONS[reason]) for name, reason in faults.items()],
        "began_from": began_from,
        "theirs": _conflict(theirs, wording) if theirs else None,
        "theirs_by": _name_of(theirs.made_by) if theirs else "",
        "their_version": theirs,
        "preview": _preview(wording),
        "is_preview": act == "preview",
        "opinions": opinions_of(code)[:14],
    }
    return render(request, "workbench/content_question.html", context, status=_status(faults, theirs))


def _status(faults: dict[str, Reason], theirs: QuestionVersion | None) -> int:
    if theirs is not None:
        return 409
    return 422 if faults else 200


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Http404
    return int(text)


def _save(request: HttpRequest, code: str, wording: Wording, began_from: int, *, is_to_publish: bool) -> HttpResponse:
    by, at = _actor(request), utc_now()
    version = edit_question(code, wording, began_from=began_from, by=by, at=at)
    if is_to_publish:
        publish_question(code, version.number, by=by, at=at)
    return redirect("work:content:question", code=code)


def _conflict(theirs: QuestionVersion, mine: Wording) -> list[dict[str, object]]:
    """Where the other's newest text and mine differ, field by field."""
    other = Wording.of(theirs)
    return [
        {
            "label": FIELDS[name],
            "theirs": getattr(other, name),
            "mine": getattr(mine, name),
            "lang": "en" if name.endswith("_en") else "zh-CN",
        }
        for name in FIELD_NAMES
        if tidy(getattr(other, name)) != tidy(getattr(mine, name))
    ]


@require_safe
def history(request: HttpRequest, code: str) -> HttpResponse:
    """Every version, the newest first, with what each changed, by whom and when."""
    found = versions_of(code)
    if found is None:
        raise Http404
    asked, versions = found
    earlier: list[QuestionVersion | None] = [*versions[1:], None]
    context = {
        "question": asked,
        "head": versions[0],
        "rows": [
            {"version": version, "by": _name_of(version.made_by), "changes": _changes(before, version)}
            for version, before in zip(versions, earlier, strict=True)
        ],
    }
    return render(request, "workbench/content_history.html", context)


def _changes(before: QuestionVersion | None, after: QuestionVersion) -> list[dict[str, object]]:
    if before is None:
        return []
    old, new_ = Wording.of(before), Wording.of(after)
    return [
        {
            "label": FIELDS[name],
            "parts": difference(getattr(old, name), getattr(new_, name)),
            "lang": "en" if name.endswith("_en") else "zh-CN",
        }
        for name in FIELD_NAMES
        if getattr(old, name) != getattr(new_, name)
    ]


@require_POST
def act(request: HttpRequest, code: str) -> HttpResponse:
    """Publish the newest version, take the question off, or restore an earlier version."""
    wanted, by, at = request.POST.get("act", ""), _actor(request), utc_now()
    try:
        if wanted == "publish":
            publish_question(code, _number(request.POST.get("number", "")), by=by, at=at)
        elif wanted == "unpublish":
            unpublish_question(code, by=by, at=at)
        elif wanted == "restore":
            number, began_from = _number(request.POST.get("number", "")), _number(request.POST.get("began_from", ""))
            restore_version(code, number, began_from=began_from, by=by, at=at)
        else:
            raise Http404
    except EditedMeanwhile as conflict:
        context = {"question_code": code, "theirs": conflict.theirs, "by": _name_of(conflict.theirs.made_by)}
        return render(request, "workbench/content_meanwhile.html", context, status=409)
    except Refused as refused:
        raise Http404 from refused
    return redirect("work:content:question", code=code)
