"""The register: a form, and whoever was found, masked. Nobody browses it; whoever looks for somebody says whom."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from yikatong.city.models import Division
from yikatong.exports import services as exports
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.registry.models import Person
from yikatong.registry.searching import Narrowing, bears_name, persons_named
from yikatong.registry.selectors import PersonView, masked_view
from yikatong.workbench.paging import Counted, Page, counted, page_of
from yikatong.workbench.searching import NOTHING_FOUND, Question, born_of, may_search, persons_for, question_in
from yikatong.workbench.words import refusal_text

type Line = tuple[Person, PersonView, str]


@require_http_methods(["GET", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """Search by number, by name, or by the end of the identity number with a second fact."""
    if request.method == "POST":
        return _asked(request)
    context = _form(request)
    token = request.GET.get("s", "")
    question = Question.opened(token) if token else None
    if token and question is None:
        return redirect("work:staff:register")
    if question is None:
        return render(request, "workbench/register.html", context)
    if not may_search(request.user.get_username(), question, at=utc_now()):
        error = _("一小时内查找的次数太多，请稍后再试。需要批量核对时请联系系统管理员。")
        return render(request, "workbench/register.html", context | {"error": error}, status=429)
    district = request.GET.get("district", "")
    page, number = _found(request, question, district)
    context |= {
        "is_asked": True,
        "rows": _lines(page.rows),
        "page": page,
        "number": number,
        "nothing": NOTHING_FOUND[question.kind],
        "can_export": question.kind == "name",
        "token": token,
    }
    return render(request, "workbench/register.html", context)


@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """The list of whoever bears a name, masked, as a file."""
    question = Question.opened(request.POST.get("s", ""))
    assert request.user.is_authenticated
    if question is None or question.kind != "name":
        return redirect("work:staff:register")
    parameters = {"question": request.POST["s"], "district": request.POST.get("district", "")}
    try:
        made = exports.ask("register.named", parameters, by=request.user, at=utc_now())
    except Refused as refused:
        context = _form(request) | {"error": refusal_text(refused.reason, str(refused))}
        return render(request, "workbench/register.html", context, status=422)
    return redirect("work:exports:export", export_id=made.export_id)


def _asked(request: HttpRequest) -> HttpResponse:
    question, errors = question_in(request.POST)
    district = request.POST.get("district", "")
    if question is None:
        context = _form(request) | {"errors": errors, "typed": request.POST}
        return render(request, "workbench/register.html", context, status=422)
    query = {"s": question.sealed()} | ({"district": district} if district.isdecimal() else {})
    return redirect(f"{reverse('work:staff:register')}?{urlencode(query)}")


def _form(request: HttpRequest) -> dict[str, object]:
    districts = Division.objects.filter(level="district").order_by("code").values_list("code", "name")
    return {"districts": list(districts), "district": request.GET.get("district", ""), "errors": {}, "typed": {}}


def _found(request: HttpRequest, question: Question, district: str) -> tuple[Page[Person], Counted]:
    if question.kind != "name":
        persons = persons_for(question)
        return Page(persons, "", "", ""), Counted(len(persons))
    named = named_persons(question, district)
    page = page_of(request, named, "person_id")
    page.rows[:] = [person for person in page.rows if bears_name(person, question.name)]
    return page, counted(named)


def named_persons(question: Question, district: str):  # type: ignore[no-untyped-def]  # a query set of persons
    """Whoever probably bears the name that was asked for."""
    born = born_of(question)
    narrowing = Narrowing(district if district.isdecimal() else "", born, born)
    return persons_named(question.name, narrowing)


def _lines(persons: list[Person]) -> list[Line]:
    codes = {person.community_code for person in persons} | {person.community_code[:6] for person in persons}
    names = dict(Division.objects.filter(code__in=codes).values_list("code", "name"))
    return [
        (
            person,
            masked_view(person),
            " ".join(filter(None, (names.get(person.community_code[:6]), names.get(person.community_code)))),
        )
        for person in persons
    ]
