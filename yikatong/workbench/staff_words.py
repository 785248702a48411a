"""The words of search, approvals, accounts, cases, exports and messages to many. Chinese is the source text."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

AUDIT_ACTIONS: dict[str, Promise] = {
    "register.searched": _("查找登记簿"),
    "register.search_refused": _("查找过于频繁，已拒绝"),
    "person.viewed": _("打开个人页面"),
    "person.revealed": _("查看完整信息"),
    "person.reveal_refused": _("查看过于频繁，已拒绝"),
    "person.phone_changed": _("变更手机号码"),
    "guardianship.recorded": _("登记监护关系"),
    "guardianship.ended": _("终止监护关系"),
    "approval.requested": _("提交审批"),
    "approval.executed": _("批准并执行"),
    "approval.failed": _("批准，未能执行"),
    "approval.rejected": _("驳回"),
    "approval.withdrawn": _("撤回申请"),
    "approval.expired": _("审批过期"),
    "account.created": _("新建账号"),
    "account.changed": _("变更岗位或所属"),
    "account.deactivated": _("停用账号"),
    "account.sessions_ended": _("结束账号的全部登录"),
    "account.session_ended": _("结束自己的一处登录"),
    "account.other_sessions_ended": _("结束自己的其他登录"),
    "account.everybody_signed_out": _("结束所有人的登录"),
    "account.sign_in_reset": _("重设登录方式"),
    "account.password_changed": _("修改密码"),
    "account.linked": _("居民首次登录核对身份"),
    "case.opened": _("产生待办事项"),
    "case.taken": _("受理待办事项"),
    "case.handed": _("转交待办事项"),
    "case.closed": _("办结待办事项"),
    "case.settled": _("待办事项自行解决"),
    "export.requested": _("申请导出"),
    "export.done": _("导出完成"),
    "export.failed": _("导出失败"),
    "export.cancelled": _("取消导出"),
    "export.outdated": _("导出期间数据已变，未生成文件"),
    "export.downloaded": _("下载导出文件"),
    "template.saved": _("保存短信模板"),
    "template.retired": _("停用短信模板"),
    "dispatch.made": _("准备群发"),
    "dispatch.started": _("开始群发"),
    "dispatch.stopped": _("停止群发"),
    "dispatch.done": _("群发完成"),
    "invitation.sent": _("发送换发通知"),
    "appointment.reminded": _("发送预约提醒"),
    "card.announced": _("发送领卡通知"),
}

APPROVAL_STATES: dict[str, Promise] = {
    "waiting": _("待审批"),
    "executed": _("已批准并执行"),
    "rejected": _("已驳回"),
    "withdrawn": _("已撤回"),
    "expired": _("已过期"),
    "failed": _("已批准，未能执行"),
}

CASE_STATES: dict[str, Promise] = {
    "open": _("待处理"),
    "taken": _("处理中"),
    "closed": _("已办结"),
    "settled": _("已自行解决"),
}

CASE_STEPS: dict[str, Promise] = {
    "opened": _("产生"),
    "taken": _("受理"),
    "handed": _("转交"),
    "closed": _("办结"),
    "settled": _("自行解决"),
}

EXPORT_STATES: dict[str, Promise] = {
    "waiting": _("排队中"),
    "running": _("正在生成"),
    "done": _("可以下载"),
    "failed": _("生成失败"),
    "cancelled": _("已取消"),
    "outdated": _("导出期间数据已变，未生成文件"),
    "expired": _("已过期清除"),
}

DISPATCH_STATES: dict[str, Promise] = {
    "counting": _("正在统计人数"),
    "ready": _("待发送"),
    "asked": _("待审批"),
    "sending": _("正在发送"),
    "stopped": _("已停止"),
    "done": _("已发完"),
}

DELIVERY_STATES: dict[str, Promise] = {
    "sent": _("已发送"),
    "same": _("与同一收件人的重复，未再发"),
    "unreachable": _("没有手机号码"),
    "retry": _("发送失败，将重试"),
    "failed": _("发送失败"),
}

TEMPLATE_PROBLEMS: dict[str, Promise] = {
    "title_wrong": _("标题请填写 1 至 60 字。"),
    "missing": _("中文和英文内容都要填写。"),
    "place_unknown": _("没有 {%(piece)s} 这个占位符。"),
    "brace_alone": _("花括号要成对使用。"),
    "too_long": _("内容太长：最多 %(piece)s 条短信。"),
    "signature_twice": _("签名自动加上，内容中不要使用【】。"),
}

STAFF_REFUSALS: dict[str, Promise] = {
    "approval_reason_missing": _("请写明原因（4 至 300 字）。"),
    "approval_not_allowed": _("您的岗位不能申请或审批这项操作。"),
    "approval_asked_already": _("同一事项已有待审批的申请。"),
    "approval_id_reused": _("这份申请已经提交过，内容不同；请重新打开页面。"),
    "approval_unknown": _("没有这份申请。"),
    "approval_by_requester": _("不能审批自己提出的申请，请由另一人审批。"),
    "approval_decided_already": _("这份申请已有结果，不能再次审批。"),
    "approval_expired": _("这份申请已过期，请申请人重新提交。"),
    "account_unknown": _("没有这个工作账号。"),
    "username_taken": _("这个用户名已有人使用。"),
    "username_wrong": _("用户名用小写字母开头，由 3 至 40 位小写字母、数字、点、横线组成。"),
    "role_wrong": _("请选择一个工作人员岗位。"),
    "place_missing": _("这个岗位要填写所属的网点、单位或运营单位。"),
    "own_account": _("不能停用自己的账号。"),
    "last_administrators": _("至少要保留两名在用的系统管理员。"),
    "case_unknown": _("没有这个事项。"),
    "case_done": _("这个事项已经办结。"),
    "case_taken": _("已由另一位同事处理；需要时请转交。"),
    "case_assignee_wrong": _("没有这位可以处理事项的同事。"),
    "case_note_missing": _("请写明办理情况（至少 4 个字）。"),
    "export_not_allowed": _("您的岗位不能导出这份清单。"),
    "export_too_many": _("您已有几份导出在生成，请等它们完成或取消后再试。"),
    "phone_wrong": _("请填写正确的 11 位新手机号码，不能与登记的相同。"),
    "template_not_allowed": _("您的岗位不能修改短信模板。"),
    "template_wrong": _("模板有问题，请按提示修改。"),
    "template_unknown": _("没有这个模板。"),
    "template_changed": _("另一位同事刚刚保存了新版本，请核对后再保存。"),
    "dispatch_not_allowed": _("您的岗位不能群发短信。"),
    "dispatch_template_unknown": _("请选择一个短信模板。"),
    "dispatch_audience_wrong": _("请核对发送范围：年龄为 0 至 150 的整数，起不大于止。"),
    "dispatch_per_minute_wrong": _("每分钟发送 1 至 600 条。"),
    "dispatch_unknown": _("没有这次群发。"),
    "dispatch_state_forbids": _("这次群发已经开始、停止，或还在统计人数。"),
    "dispatch_takes_two": _("超过 100 人的群发要由另一人审批。"),
    "dispatch_nobody": _("没有符合条件的人。"),
    "state_forbids": _("现在的状态不能这样办理，请刷新页面。"),
    "not_pre_reported": _("此卡没有预挂失，或已正式挂失，不能撤销。"),
}
"""What staff may be refused on these pages, by the reason's machine name."""
