"""Every address of the web. Who may go where: ``yikatong.accounts.roles``."""

from allauth.account import views as account
from allauth.mfa.base import views as second
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from django.urls import include, path
from django.views.i18n import set_language

from yikatong.config import settings
from yikatong.portal import inbox, kept
from yikatong.portal.code_offline import forgetting_codes

urlpatterns = [
    path("", include("yikatong.portal.urls")),
    path("", include("yikatong.portal.openid_urls")),
    path("work/", include("yikatong.workbench.urls")),
    path("sign-in/", account.request_login_code, name="account_request_login_code"),
    path("sign-in/code/", account.confirm_login_code, name="account_confirm_login_code"),
    path("sign-in/staff/", account.login, name="account_login"),
    path("sign-in/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("sign-out/", forgetting_codes(account.logout), name="account_logout"),
    path("sign-up/", account.signup, name="account_signup"),
    path("sign-in/inactive/", account.account_inactive, name="account_inactive"),
    path("session/extend/", kept.extend_session, name="session_extend"),
    path("kept/", kept.kept_form, name="kept_form"),
    path("sign-in/second/", second.authenticate, name="mfa_authenticate"),
    path("second-factor/", second.index, name="mfa_index"),
    path("second-factor/reauthenticate/", second.reauthenticate, name="mfa_reauthenticate"),
    path("second-factor/totp/", totp.activate_totp, name="mfa_activate_totp"),
    path("second-factor/totp/off/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("second-factor/codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("second-factor/codes/new/", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("language/", set_language, name="set_language"),
]

if not settings.IS_PRODUCTION:
    urlpatterns.append(path("dev/inbox/", inbox.show, name="console_inbox"))
