"""Machine names of the finder in the resident's words."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

GROUPS: Mapping[str, Promise] = {
    "employee": _("单位职工"),
    "flexible": _("灵活就业人员"),
    "resident": _("城乡居民"),
    "student": _("十八岁以上学生"),
    "minor": _("未成年人"),
    "retiree": _("退休人员"),
    "senior": _("六十岁以上老年人"),
}
NEEDS: Mapping[str, Promise] = {
    "medical": _("看病"),
    "travel": _("出行"),
    "books": _("借书"),
    "parks": _("逛公园"),
    "money": _("领钱"),
    "query": _("查询和办卡"),
    "work": _("就业"),
    "bank": _("银行"),
    "meals": _("用餐"),
    "identity": _("证明身份"),
}
MEDIUMS: Mapping[str, Promise] = {
    "card": _("实体卡"),
    "ecard": _("电子社保卡"),
    "both": _("实体卡、电子社保卡都可以"),
}
FUNCTIONS: Mapping[str, Promise] = {
    "social": _("先启用社会保障功能"),
    "transit": _("不用启用，给电子钱包充值即可；用电子社保卡的，先启用社会保障功能"),
    "financial": _("先到发卡银行柜台启用金融功能"),
    "none": _("不用先启用"),
}
CATEGORIES: Mapping[str, Promise] = {
    "metro_station": _("地铁站"),
    "hospital": _("医院和门诊部"),
    "clinic": _("社区卫生站、村卫生室"),
    "park": _("公园"),
    "library": _("图书馆"),
    "outlet": _("银行网点"),
}
AREAS: Mapping[str, Promise] = {"district": _("区"), "street": _("街道、乡镇"), "community": _("社区、村")}
