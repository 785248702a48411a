"""How allauth reaches our accounts: phones are sealed and found by blind index; nobody signs up, the register decides."""

import secrets
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django import forms
from django.core.validators import RegexValidator
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils.translation import gettext_lazy as _

from yikatong.accounts import messages
from yikatong.accounts.models import User
from yikatong.accounts.roles import HOME_OF
from yikatong.accounts.services import account_for_phone, normal_phone
from yikatong.registry.sealing import field_cipher

CODE_TEXT = "【一卡通】登录验证码 {code}，5 分钟内有效。工作人员不会向您索要验证码。"
UNKNOWN_TEXT = "【一卡通】有人用此手机号登录，但登记信息中没有此号码。请到街道社保所登记手机号，或拨打 12333。"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth carries no types
    """See the module."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts come from the register."""
        return False

    def phone_form_field(self, **kwargs: Any) -> forms.Field:
        """Chinese mobile numbers; autocomplete helps the holder."""
        widget = forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel", "maxlength": 16})
        digits = RegexValidator(r"^[0-9 +-]{11,16}$", _("请填写 11 位手机号码"))
        return forms.CharField(label=_("手机号码"), widget=widget, validators=[digits], **kwargs)

    def clean_phone(self, phone: str) -> str:
        """Digits only."""
        return normal_phone(phone)

    def get_phone(self, user: User) -> tuple[str, bool] | None:
        """The account's phone in clear, and whether it was verified."""
        if not user.phone_sealed:
            return None
        return field_cipher().open("phone", bytes(user.phone_sealed)), user.phone_verified

    def set_phone(self, user: User, phone: str, verified: bool) -> None:
        """Seal and index a phone."""
        phone = normal_phone(phone)
        user.phone_sealed = field_cipher().seal("phone", phone)
        user.phone_index = field_cipher().blind_index("phone", phone)
        user.phone_verified = verified
        user.save(update_fields=["phone_sealed", "phone_index", "phone_verified"])

    def set_phone_verified(self, user: User, phone: str) -> None:
        """The holder typed the code that was sent there."""
        self.set_phone(user, phone, True)

    def get_user_by_phone(self, phone: str) -> User | None:
        """The account of a phone, made from the register at the first time."""
        return account_for_phone(phone)

    def generate_login_code(self) -> str:
        """Six digits: what people expect and old phones type easily. Attempts and time are limited."""
        return str(secrets.randbelow(10**6)).zfill(6)

    def generate_phone_verification_code(self, *, user: Any, phone: str) -> str:
        """The same kind of code."""
        return self.generate_login_code()

    def send_verification_code_sms(self, user: Any, phone: str, code: str, **kwargs: Any) -> None:
        """Send a sign-in code."""
        messages.send(phone, CODE_TEXT.format(code=code))

    def send_unknown_account_sms(self, phone: str, **kwargs: Any) -> None:
        """Tell an unlisted phone what to do; the page says the same for listed ones, so nobody learns who is listed."""
        messages.send(phone, UNKNOWN_TEXT)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Where the role lands."""
        return resolve_url(HOME_OF.get(request.user.role, "work:home"))  # type: ignore[union-attr]
