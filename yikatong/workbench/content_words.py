"""Machine names of questions, answers and videos in the words of staff."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

FIELDS: Mapping[str, Promise] = {
    "title_zh": _("问题（中文）"),
    "title_en": _("问题（英文）"),
    "answer_zh": _("答复（中文）"),
    "answer_en": _("答复（英文）"),
    "keywords": _("其他叫法"),
    "source": _("依据"),
}
HINTS: Mapping[str, Promise] = {
    "answer_zh": _(
        "空一行分段；行首写“- ”是列表；[文字](/页面/) 是到本平台页面的链接，[12333](tel:12333) 是电话。其他写法按原样显示。"
    ),
    "keywords": _("居民可能用的别的词，用逗号分开；也用来按拼音和拼音首字母查找。"),
    "source": _("文号、日期或网址。没有见到原文的，写上 assumption，页面会标“未核实”。"),
}
REASONS: Mapping[str, Promise] = {
    "missing": _("请填写。"),
    "too_long": _("太长了，请缩短。"),
    "unsafe_link": _("链接只能指向本平台的页面（以 / 开头）或电话（tel:）。"),
    "code_invalid": _("代号用小写字母、数字和下划线，三到四十个，以字母开头；还要选一个类别。"),
    "code_taken": _("这个代号已经用过，请换一个。"),
    "unknown": _("没有这个问题或版本。"),
    "conflict": _("别人刚刚改过，请先看对方的文字。"),
    "nothing_changed": _("没有改动。"),
    "not_a_film": _("请上传 MP4 或 WebM 视频文件。"),
    "too_large": _("视频太大了。"),
}
CAPTION_FAULTS: Mapping[str, Promise] = {
    "not_webvtt": _("不是 WebVTT 字幕：第一行应为 WEBVTT。"),
    "no_cue": _("字幕里没有内容。"),
    "bad_timing": _("时间写法不对，应如 00:01.000 --> 00:03.500。"),
    "ends_before_start": _("结束时间不晚于开始时间。"),
    "out_of_order": _("字幕的先后顺序不对。"),
    "empty_cue": _("有一条字幕没有文字。"),
    "styled": _("不能用样式（STYLE、REGION）。"),
    "too_long": _("字幕太长了。"),
}
