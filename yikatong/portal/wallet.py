"""Adding the electronic card to a wallet app: an offer as QR code and link, its transaction code by SMS."""

import json
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages as notices
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from yikatong.accounts import messages
from yikatong.accounts.models import User
from yikatong.credentials import metadata, services, statuses
from yikatong.credentials.identifier import issuer_of
from yikatong.credentials.pictures import qr_picture
from yikatong.credentials.rules import Claim
from yikatong.ecard.selectors import electronic_card_of
from yikatong.foundation.errors import Refused
from yikatong.foundation.masks import masked_phone
from yikatong.portal.code import asked_for
from yikatong.portal.holder import Holder, holder_required
from yikatong.portal.words import refusal_text
from yikatong.registry.sealing import field_cipher

TX_CODE_TEXT = "【一卡通】钱包验证码 {code}，5 分钟内有效，用于把电子社保卡添加到钱包。不是您本人操作请勿告诉任何人。"


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@holder_required
def add(request: HttpRequest, holder: Holder) -> HttpResponse:
    """What a wallet gets; then, once asked for, the offer. Each time it is another."""
    person = asked_for(request, holder, None)
    twin = electronic_card_of(person.person_id)
    names = [metadata.claim_name(claim, language=get_language() or "") for claim in Claim]
    context: dict[str, object] = {"person": person, "name": holder.name_of(person).name, "twin": twin, "claims": names}
    if request.method != "POST" or twin is None:
        return render(request, "portal/code_wallet.html", context)
    try:
        made = services.make_offer(twin.card_id, by=holder.actor, at=holder.at)
    except Refused as refused:
        context["refused"] = refusal_text(refused.reason, str(refused))
        return render(request, "portal/code_wallet.html", context, status=422)
    assert isinstance(request.user, User)
    phone = field_cipher().open("phone", bytes(request.user.phone_sealed or b""))
    messages.send(phone, TX_CODE_TEXT.format(code=made.tx_code))
    hint = _("发送到 {phone} 的六位验证码").format(phone=masked_phone(phone))
    offer = metadata.offer(issuer_of(request), made.code, tx_code_length=services.TX_CODE_LENGTH, tx_code_hint=hint)
    link = "openid-credential-offer://?" + urlencode({"credential_offer": json.dumps(offer, ensure_ascii=False)})
    context |= {"link": link, "picture": qr_picture(link), "phone": masked_phone(phone), "until": made.expires_at}
    return render(request, "portal/code_wallet.html", context)


@require_POST
@holder_required
def revoke(request: HttpRequest, holder: Holder) -> HttpResponse:
    """End one credential in a wallet."""
    person = asked_for(request, holder, None)
    twin = electronic_card_of(person.person_id)
    try:
        credential_id = UUID(request.POST.get("credential", ""))
    except ValueError:
        credential_id = None
    if twin is not None and credential_id is not None:
        statuses.revoke(twin.card_id, credential_id, by=holder.actor, at=holder.at)
        notices.success(request, _("已停用这个钱包中的电子社保卡。"))
    return redirect(f"{reverse('portal:code_manage')}?for={person.person_id}")
