"""Acts as messages name them, in Chinese; pages have words of their own."""

from yikatong.delegation.rules import Act

ACT_NAMES: dict[str, str] = {
    Act.APPLY: "申请",
    Act.FOLLOW: "查看进度",
    Act.BOOK: "预约领卡",
    Act.COLLECT: "领卡",
    Act.ACTIVATE: "启用",
    Act.REPORT_LOSS: "挂失",
    Act.SHOW_CODE: "出示电子社保卡",
}
