"""A venue checks a card in a resident's wallet: what to ask, the QR code to scan, what the wallet showed."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.accounts.models import User
from yikatong.audit.actors import Actor
from yikatong.credentials import metadata, questions
from yikatong.credentials.identifier import issuer_of
from yikatong.credentials.models import Question
from yikatong.credentials.pictures import qr_picture
from yikatong.credentials.rules import Claim
from yikatong.foundation.clock import utc_now
from yikatong.workbench.verifying_words import CATEGORY_WORDS, refusal_words, yes_or_no

USUAL = (Claim.NAME, Claim.CARD_NUMBER_TAIL)


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Choose what to ask; as little as the matter needs."""
    chosen = [str(claim) for claim in USUAL]
    error = ""
    if request.method == "POST":
        assert isinstance(request.user, User)
        chosen = request.POST.getlist("claim")
        try:
            made = questions.ask(
                chosen,
                operator_code=request.user.operator_code,
                by=Actor("operator", request.user.username),
                at=utc_now(),
            )
        except ValueError:
            error = _("请至少选择一项要核验的内容")
        else:
            return redirect("work:verify:question", made.question_id)
    language = get_language() or ""
    claims = [(claim.value, metadata.claim_name(claim, language=language), claim in chosen) for claim in Claim]
    context = {"claims": claims, "claim_error": error}
    return render(request, "workbench/verify_ask.html", context, status=422 if error else 200)


@require_safe
@never_cache
def question(request: HttpRequest, question_id: str) -> HttpResponse:
    """The QR code until the wallet has answered; then the answer, for some minutes."""
    found, at = _own(request, question_id), utc_now()
    answer = questions.answer_of(found, at=at)
    context: dict[str, object] = {"question": found, "answer": answer}
    if answer.state == "open":
        link = questions.request_link(found, issuer=issuer_of(request))
        context |= {"link": link, "picture": qr_picture(link)}
    language = get_language() or ""
    context["shown"] = [
        (metadata.claim_name(name, language=language), _in_words(name, value))
        for name, value in answer.disclosed.items()
    ]
    context["refusal"] = refusal_words(answer.reason) if answer.reason else ""
    return render(request, "workbench/verify_question.html", context)


@require_safe
@never_cache
def state(request: HttpRequest, question_id: str) -> JsonResponse:
    """Whether the wallet has answered, for the page's script; without script the page asks by itself."""
    return JsonResponse({"state": questions.answer_of(_own(request, question_id), at=utc_now()).state})


def _own(request: HttpRequest, question_id: str) -> Question:
    """A question of this very account: what a wallet showed is for whoever asked. Raises ``Http404``."""
    assert isinstance(request.user, User)
    asked_by = str(Actor("operator", request.user.username))
    found = Question.objects.filter(question_id=question_id, asked_by=asked_by).first()
    if found is None:
        raise Http404
    return found


def _in_words(name: str, value: object) -> str:
    if isinstance(value, bool):
        return yes_or_no(value)
    if name == Claim.INSURED_CATEGORY:
        return str(CATEGORY_WORDS.get(str(value), value))
    return str(value) if value is not None else "—"
