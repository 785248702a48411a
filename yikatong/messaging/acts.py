"""A message to many takes two people: it cannot be taken back."""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from yikatong.approvals.acts import Act, Line, Parameters
from yikatong.audit.actors import Actor
from yikatong.campaign.wording import SIGNATURE
from yikatong.messaging import dispatching
from yikatong.messaging.models import Dispatch
from yikatong.messaging.rules import filled_in, length_of
from yikatong.messaging.template_store import SENDERS, sample_values, version_of


def _describe(parameters: Parameters) -> list[Line]:
    dispatch = Dispatch.objects.filter(dispatch_id=UUID(str(parameters["dispatch_id"]))).first()
    version = version_of(dispatch.template_id, dispatch.version) if dispatch else None
    if dispatch is None or version is None:
        return []
    text = SIGNATURE + filled_in(version.chinese, sample_values())
    return [
        (_("模板"), f"{version.title}（v{version.version}）"),
        (_("内容（示例）"), text),
        (_("每人短信条数"), str(length_of(text).parts)),
        (_("人数"), f"{dispatch.counted:,}"),
        (_("每分钟"), f"{dispatch.per_minute:,}"),
    ]


def _check(parameters: Parameters, at: datetime) -> None:
    dispatching.check_may_begin(UUID(str(parameters["dispatch_id"])))


def _execute(parameters: Parameters, by: Actor, at: datetime) -> None:
    dispatching.start_approved(UUID(str(parameters["dispatch_id"])), by=by, at=at)


BIG_MESSAGE = Act(
    name="message.send",
    title=_("群发短信"),
    warning=_("批准后在规定时段内按限速发出，已发出的不能收回；发送中可以随时停止。"),
    requesters=SENDERS,
    approvers=SENDERS,
    describe=_describe,
    execute=_execute,
    check=_check,
)
