"""Who may act for me, for whom I may act; giving, asking, ending.

Whom somebody names is found only by phone and the end of the identity number together, and shown masked.
"""

from datetime import date
from uuid import UUID, uuid4

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from yikatong.delegation.models import Delegation
from yikatong.delegation.rules import Act, Reason, check_terms, last_day_max
from yikatong.delegation.selectors import delegations_by, delegations_to
from yikatong.delegation.services import Terms, ask, confirm, find_named, give, revoke
from yikatong.delegation.words import ACT_WORDS
from yikatong.foundation.clock import age_years
from yikatong.foundation.errors import Refused
from yikatong.portal.delegation_words import MONTHS, PROOF_WORDS, delegation_refusal
from yikatong.portal.holder import Holder, holder_required
from yikatong.registry.models import Person
from yikatong.registry.rules import ADULT_AGE_YEARS
from yikatong.registry.selectors import clear_view, find_person, guardians_of, masked_view, wards_of

_SALT = "portal.delegations.give"
_CHECKED_WITHIN_S = 900


@require_safe
@holder_required
def overview(request: HttpRequest, holder: Holder) -> HttpResponse:
    """Both directions, guardians and wards among them."""
    me, today = holder.person, holder.today
    given, held = delegations_by(me.person_id, today), delegations_to(me.person_id, today)
    people = Person.objects.in_bulk([one.agent_person_id for one in given] + [one.principal_person_id for one in held])
    context = {
        "given": [_line(one, masked_view(people[one.agent_person_id]).name) for one in given],
        "held": [_line(one, clear_view(people[one.principal_person_id]).name) for one in held],
        "guardians": [masked_view(one).name for one in guardians_of(me.person_id, today)],
        "wards": [
            {"person": one, "name": clear_view(one).name, "until": _comes_of_age(one, today)}
            for one in wards_of(me.person_id, today)
        ],
        "is_adult": age_years(me.birth_date, today) >= ADULT_AGE_YEARS,
    }
    return render(request, "portal/delegations.html", context)


def _line(delegation: Delegation, name: str) -> dict[str, object]:
    return {
        "delegation": delegation,
        "name": name,
        "acts": [ACT_WORDS[act] for act in Act if act in delegation.acts],
        "proof": PROOF_WORDS[delegation.proof],
    }


def _comes_of_age(ward: Person, today: date) -> date | None:
    """The day on which a child's guardianship ends; ``None`` for an adult's."""
    if age_years(ward.birth_date, today) >= ADULT_AGE_YEARS:
        return None
    is_leap_day = (ward.birth_date.month, ward.birth_date.day) == (2, 29)
    year = ward.birth_date.year + ADULT_AGE_YEARS
    return date(year, 3, 1) if is_leap_day and year % 4 else ward.birth_date.replace(year=year)


@require_http_methods(["GET", "POST"])
@holder_required
def give_right(request: HttpRequest, holder: Holder) -> HttpResponse:
    """Name somebody, check who was found, give."""
    context: dict[str, object] = _form_context(request.POST)
    if request.method == "GET":
        return render(request, "portal/delegation_give.html", context)
    try:
        if "checked" in request.POST:
            return _given(request, holder)
        terms = terms_of(request.POST, holder.today)
        agent = find_named(
            holder.person, request.POST.get("phone", ""), request.POST.get("last_four", ""), at=holder.at
        )
        if agent is None:
            raise Refused(Reason.PERSON_UNKNOWN)
        if agent.person_id == holder.person.person_id:
            raise Refused(Reason.SAME_PERSON)
    except Refused as refused:
        context["error"] = delegation_refusal(refused.reason, str(refused))
        return render(request, "portal/delegation_give.html", context, status=422)
    checked = {
        "by": holder.person.person_id,
        "to": agent.person_id,
        "acts": terms.acts,
        "until": str(terms.until),
        "id": str(uuid4()),
    }
    shown = {
        "checked": signing.dumps(checked, salt=_SALT),
        "name": masked_view(agent).name,
        "acts": [ACT_WORDS[act] for act in Act if act in terms.acts],
        "until": terms.until,
    }
    return render(request, "portal/delegation_check.html", shown)


def _given(request: HttpRequest, holder: Holder) -> HttpResponse:
    """Raises ``Refused``."""
    try:
        checked = signing.loads(request.POST["checked"], salt=_SALT, max_age=_CHECKED_WITHIN_S)
    except signing.BadSignature as error:
        raise Refused(Reason.ID_REUSED) from error
    if checked["by"] != holder.person.person_id:
        raise Http404
    terms = Terms(acts=tuple(checked["acts"]), until=date.fromisoformat(checked["until"]))
    give(
        holder.person.person_id,
        checked["to"],
        terms,
        delegation_id=UUID(checked["id"]),
        by=holder.actor,
        at=holder.at,
    )
    messages.success(request, _("已委托。可以随时在这里撤销。"))
    return redirect("portal:delegations")


@require_http_methods(["GET", "POST"])
@holder_required
def ask_right(request: HttpRequest, holder: Holder) -> HttpResponse:
    """Ask for the right over a parent or another adult: a code goes to their phone."""
    context: dict[str, object] = _form_context(request.POST)
    if request.method == "GET":
        return render(request, "portal/delegation_ask.html", context)
    try:
        request_id = ask(
            holder.person,
            request.POST.get("phone", ""),
            request.POST.get("last_four", ""),
            terms_of(request.POST, holder.today),
            by=holder.actor,
            at=holder.at,
        )
    except Refused as refused:
        context["error"] = delegation_refusal(refused.reason, str(refused))
        return render(request, "portal/delegation_ask.html", context, status=422)
    return redirect("portal:delegation_code", request_id=request_id)


@require_http_methods(["GET", "POST"])
@holder_required
def enter_code(request: HttpRequest, holder: Holder, request_id: UUID) -> HttpResponse:
    """The code that the other person was sent and told."""
    if request.method == "GET":
        return render(request, "portal/delegation_code.html")
    try:
        made = confirm(holder.person, request_id, request.POST.get("code", ""), by=holder.actor, at=holder.at)
    except Refused as refused:
        context = {"error": delegation_refusal(refused.reason, str(refused))}
        return render(request, "portal/delegation_code.html", context, status=422)
    principal = find_person(made.principal_person_id)
    name = clear_view(principal).name if principal is not None else ""
    messages.success(request, _("现在可以为%(name)s办理。") % {"name": name})
    return redirect("portal:delegations")


@require_http_methods(["GET", "POST"])
@holder_required
def end_right(request: HttpRequest, holder: Holder, principal_id: int, delegation_id: UUID) -> HttpResponse:
    """Asked once, then it ends at once; by the one or the other."""
    delegation = Delegation.objects.filter(principal_person_id=principal_id, delegation_id=delegation_id).first()
    me = holder.person.person_id
    if delegation is None or me not in {delegation.principal_person_id, delegation.agent_person_id}:
        raise Http404
    if request.method == "POST":
        revoke(delegation_id, principal_person_id=principal_id, by=holder.actor, at=holder.at)
        messages.success(request, _("委托已经结束。"))
        return redirect("portal:delegations")
    is_mine = delegation.principal_person_id == me
    other = find_person(delegation.agent_person_id if is_mine else delegation.principal_person_id)
    context = {
        "delegation": delegation,
        "is_mine": is_mine,
        "name": masked_view(other).name if other is not None else "",
        "acts": [ACT_WORDS[act] for act in Act if act in delegation.acts],
    }
    return render(request, "portal/delegation_end.html", context)


def terms_of(answers: QueryDict, today: date) -> Terms:
    """Acts and last day as chosen. Raises ``Refused`` (``ACTS_MISSING``, ``UNTIL_WRONG``)."""
    months = answers.get("months", "")
    if not months.isdecimal() or int(months) not in MONTHS:
        raise Refused(Reason.UNTIL_WRONG)
    year, month = divmod(today.year * 12 + today.month - 1 + int(months), 12)
    until = min(date(year, month + 1, min(today.day, 28)), last_day_max(today))
    terms = Terms(acts=tuple(answers.getlist("acts")), until=until)
    check_terms(terms.acts, terms.until, today)
    return terms


def _form_context(answers: QueryDict) -> dict[str, object]:
    chosen = answers.getlist("acts")
    return {
        "acts": [(str(act), words, str(act) in chosen) for act, words in ACT_WORDS.items()],
        "months": [(number, words, answers.get("months", "12") == str(number)) for number, words in MONTHS.items()],
        "phone": answers.get("phone", ""),
        "last_four": answers.get("last_four", ""),
    }
