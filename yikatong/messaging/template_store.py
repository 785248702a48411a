"""Templates: made, changed by a new version, retired, brought back to an older version."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db import transaction

from yikatong.accounts.models import Role, User
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.campaign.wording import SIGNATURE
from yikatong.foundation.errors import Refused
from yikatong.messaging.models import Template, TemplateVersion
from yikatong.messaging.rules import Problem, problems_of

SENDERS = frozenset({Role.CARD_CENTRE.value})
HOTLINE = "12333"


class Reason(StrEnum):
    """Why something about a template is refused."""

    NOT_ALLOWED = "template_not_allowed"
    TEMPLATE_WRONG = "template_wrong"
    TEMPLATE_UNKNOWN = "template_unknown"
    CHANGED_MEANWHILE = "template_changed"


class TemplateWrong(Refused[Reason]):
    """Carries what is wrong, field by field."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(Reason.TEMPLATE_WRONG, "模板有问题，请按提示修改")


def sample_values(*, english: bool = False) -> dict[str, str]:
    """Typical values of all places, for the length and where no person is at hand."""
    greeting = {"salutation": "Dear resident", "who": "you"} if english else {"salutation": "欧阳女士", "who": "您"}
    return {**greeting, "portal": settings.PORTAL_ADDRESS, "hotline": HOTLINE}


def check(title: str, chinese: str, english: str) -> list[Problem]:
    """What is wrong with a template."""
    return problems_of(title, chinese, english, sample=sample_values(), signature=SIGNATURE)


def save(
    template_id: UUID, *, title: str, chinese: str, english: str, based_on: int, by: User, at: datetime
) -> Template:
    """Make a template (``based_on`` 0) or its next version. Saving the same again changes nothing.

    Raises ``TemplateWrong``; ``Refused(CHANGED_MEANWHILE)`` when somebody made a version since ``based_on``.
    """
    if by.role not in SENDERS:
        raise Refused(Reason.NOT_ALLOWED, "您的岗位不能修改短信模板")
    title, chinese, english = title.strip(), _one_line_ends(chinese), _one_line_ends(english)
    if problems := check(title, chinese, english):
        raise TemplateWrong(problems)
    with transaction.atomic():
        template, _ = Template.objects.select_for_update().get_or_create(
            template_id=template_id, defaults={"title": title, "changed_at": at}
        )
        newest = TemplateVersion.objects.filter(template=template, version=template.version).first()
        if newest and (newest.title, newest.chinese, newest.english) == (title, chinese, english):
            return template
        if template.version != based_on:
            raise Refused(Reason.CHANGED_MEANWHILE, "另一位同事刚刚保存了新版本，请核对后再保存")
        template.version += 1
        template.title, template.changed_at, template.is_retired = title, at, False
        template.save()
        TemplateVersion.objects.create(
            template=template,
            version=template.version,
            title=title,
            chinese=chinese,
            english=english,
            made_by=by.username,
            made_at=at,
        )
        _record("template.saved", template, by=by, at=at)
    return template


def retire(template_id: UUID, *, by: User, at: datetime) -> None:
    """Not to be used any more; its versions stay. Repeating it changes nothing. Raises ``Refused``."""
    with transaction.atomic():
        template = Template.objects.select_for_update().filter(template_id=template_id).first()
        if template is None:
            raise Refused(Reason.TEMPLATE_UNKNOWN, "没有这个模板")
        if not template.is_retired:
            template.is_retired, template.changed_at = True, at
            template.save(update_fields=["is_retired", "changed_at"])
            _record("template.retired", template, by=by, at=at)


def version_of(template_id: UUID, version: int) -> TemplateVersion | None:
    """One version of a template."""
    return TemplateVersion.objects.filter(template_id=template_id, version=version).first()


def _one_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _record(action: str, template: Template, *, by: User, at: datetime) -> None:
    subject = f"template:{template.template_id}"
    record(action, subject=subject, by=Actor("staff", by.username), at=at, version=template.version)
