"""Messages that one page leaves for the next, in a cookie that is bound to this host like all others."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage


class HostBoundCookieStorage(CookieStorage):
    """Django's own under our name."""

    cookie_name = f"{settings.COOKIE_PREFIX}messages"


class HostBoundStorage(FallbackStorage):
    """In the cookie; what is too long for it in the session."""

    storage_classes = (HostBoundCookieStorage, SessionStorage)
