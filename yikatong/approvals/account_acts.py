"""Giving an account of staff a right takes two administrators: to make one, to change its role or place, to let it in again."""

from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from yikatong.accounts import staff_accounts
from yikatong.accounts.models import Role
from yikatong.accounts.staff_accounts import Duties, Reason
from yikatong.approvals.acts import Act, Line, Parameters
from yikatong.audit.actors import Actor
from yikatong.foundation.errors import Refused

ADMINISTRATORS = frozenset({Role.ADMINISTRATOR.value})

ROLE_WORDS: dict[str, Promise] = {
    Role.RESIDENT: _("居民"),
    Role.BANK_CLERK: _("银行网点柜员"),
    Role.CARD_CENTRE: _("社保卡中心"),
    Role.UNIT: _("用人单位或学校经办人"),
    Role.OUTREACH: _("社区协办员"),
    Role.OPERATOR: _("运营单位"),
    Role.AUDITOR: _("审计人员"),
    Role.ADMINISTRATOR: _("系统管理员"),
    Role.KIOSK: _("大厅自助机"),
}


def _duties(parameters: Parameters) -> Duties:
    names = ("role", "outlet_id", "organisation_code", "operator_code")
    return Duties(**{name: str(parameters.get(name, "")) for name in names})


def _duty_lines(duties: Duties) -> list[Line]:
    lines: list[Line] = [(_("岗位"), str(ROLE_WORDS[duties.role]))]
    places = (
        (_("所属网点"), duties.outlet_id),
        (_("所属单位"), duties.organisation_code),
        (_("所属运营单位"), duties.operator_code),
    )
    return lines + [(label, value) for label, value in places if value]


def _named(parameters: Parameters) -> list[Line]:
    user = staff_accounts.staff_account(int(parameters["user_id"]))
    return [(_("账号"), user.username if user else "—")]


def _describe_creation(parameters: Parameters) -> list[Line]:
    return [(_("新账号"), str(parameters["username"])), *_duty_lines(_duties(parameters))]


def _check_creation(parameters: Parameters, at: datetime) -> None:
    staff_accounts.check_new(str(parameters["username"]), _duties(parameters))


def _create(parameters: Parameters, by: Actor, at: datetime) -> str:
    return staff_accounts.create_account(str(parameters["username"]), _duties(parameters), by=by, at=at)


def _describe_change(parameters: Parameters) -> list[Line]:
    user = staff_accounts.staff_account(int(parameters["user_id"]))
    before = [(_("现岗位"), str(ROLE_WORDS[user.role]))] if user else []
    return [*_named(parameters), *before, *_duty_lines(_duties(parameters))]


def _check_change(parameters: Parameters, at: datetime) -> None:
    _duties(parameters).check()
    _check_account(parameters, at)


def _check_account(parameters: Parameters, at: datetime) -> None:
    if staff_accounts.staff_account(int(parameters["user_id"])) is None:
        raise Refused(Reason.ACCOUNT_UNKNOWN, "没有这个工作账号")


def _change(parameters: Parameters, by: Actor, at: datetime) -> None:
    staff_accounts.change_duties(int(parameters["user_id"]), _duties(parameters), by=by, at=at)


def _reset(parameters: Parameters, by: Actor, at: datetime) -> str:
    return staff_accounts.reset_sign_in(int(parameters["user_id"]), by=by, at=at)


CREATE_ACCOUNT = Act(
    name="account.create",
    title=_("新建工作账号"),
    warning=_("批准后账号立即可用。初始密码只向审批人显示一次，请当面交给使用人；首次登录必须修改。"),
    requesters=ADMINISTRATORS,
    approvers=ADMINISTRATORS,
    describe=_describe_creation,
    execute=_create,
    check=_check_creation,
)
CHANGE_ACCOUNT = Act(
    name="account.change",
    title=_("变更岗位或所属"),
    warning=_("批准后立即生效，此账号从下一个页面起按新岗位办理。"),
    requesters=ADMINISTRATORS,
    approvers=ADMINISTRATORS,
    describe=_describe_change,
    execute=_change,
    check=_check_change,
)
RESET_ACCOUNT = Act(
    name="account.reset",
    title=_("重设登录方式"),
    warning=_("批准后旧密码和第二重验证立即作废，已停用的账号恢复使用。初始密码只向审批人显示一次。"),
    requesters=ADMINISTRATORS,
    approvers=ADMINISTRATORS,
    describe=_named,
    execute=_reset,
    check=_check_account,
)
ACCOUNT_ACTS = (CREATE_ACCOUNT, CHANGE_ACCOUNT, RESET_ACCOUNT)
