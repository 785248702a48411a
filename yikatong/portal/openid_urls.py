"""Addresses that wallets call; all public. They are those of ``credentials.addresses``."""

from django.urls import path

from yikatong.credentials import addresses
from yikatong.portal import openid

app_name = "openid"
urlpatterns = [
    path(addresses.CREDENTIAL_ISSUER[1:], openid.credential_issuer, name="credential_issuer"),
    path(addresses.AUTHORIZATION_SERVER[1:], openid.authorization_server, name="authorization_server"),
    path(addresses.VC_ISSUER[1:], openid.vc_issuer, name="vc_issuer"),
    path(addresses.TYPE[1:], openid.credential_type, name="credential_type"),
    path(addresses.TOKEN[1:], openid.token, name="token"),
    path(addresses.NONCE[1:], openid.nonce, name="nonce"),
    path(addresses.CREDENTIAL[1:], openid.credential, name="credential"),
    path(addresses.STATUS[1:].format(list_id="<int:list_id>"), openid.status, name="status"),
    path(addresses.ANSWER[1:].format(question_id="<str:question_id>"), openid.presentation, name="presentation"),
]
