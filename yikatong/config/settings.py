"""Django settings, from the environment; a newcomer needs none.

YIKATONG_ENV=production turns the development comforts off and makes secrets mandatory.
"""

import os
from pathlib import Path

from django.utils.csp import CSP

from yikatong.config.secrets import secret_key
from yikatong.database.connection import database_url, django_database
from yikatong.database.home import yikatong_home

IS_PRODUCTION = os.environ.get("YIKATONG_ENV") == "production"
DEBUG = False
SECRET_KEY = secret_key()
ALLOWED_HOSTS = os.environ.get("YIKATONG_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

INSTALLED_APPS = [
    "yikatong.portal",  # its sign-in pages stand before allauth's own
    "yikatong.workbench",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "procrastinate.contrib.django",
    "yikatong.audit",
    "yikatong.city",
    "yikatong.registry",
    "yikatong.accounts",
    "yikatong.consent",
    "yikatong.approvals",
    "yikatong.exports",
    "yikatong.cases",
    "yikatong.delegation",
    "yikatong.banks",
    "yikatong.guide",
    "yikatong.ledger",
    "yikatong.applications",
    "yikatong.issuance",
    "yikatong.units",
    "yikatong.campaign",
    "yikatong.messaging",
    "yikatong.outreach",
    "yikatong.ecard",
    "yikatong.credentials",
    "yikatong.supervision",
    "yikatong.acceptance",
    "yikatong.desks",
    "yikatong.scenarios.transit",
    "yikatong.clearing",
    "yikatong.config",
]

DATABASES = {"default": django_database(database_url())}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"

PROCRASTINATE_IMPORT_PATHS = [
    "yikatong.campaign.tasks_comparing",
    "yikatong.campaign.tasks_invitations",
    "yikatong.campaign.tasks_loss",
]
"""Tasks beside those in every floor's ``tasks``, which are found by that name."""

CACHES = {
    "default": {"BACKEND": "yikatong.accounts.cache.SharedCache"},  # limits of tries count in it
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}

USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("zh-hant", "繁體中文"), ("en", "English")]
USE_I18N = True
LOCALE_PATHS = [Path(__file__).resolve().parent.parent / "locale"]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "yikatong.config.headers.HeadersMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "yikatong.config.static_files.ServeStaticFiles",
    "django.middleware.gzip.GZipMiddleware",  # pages; it pads them at random and tokens are masked, against guessing by length
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "yikatong.accounts.middleware.RoleMiddleware",
    "yikatong.accounts.sessions.SlidingSessionMiddleware",  # before the next: an ended session is no sign-out
    "yikatong.accounts.kept_forms.LastAccountMiddleware",
    "yikatong.accounts.print_size.LargePrintMiddleware",
    "yikatong.accounts.middleware.FirstThingsFirstMiddleware",
]
ROOT_URLCONF = "yikatong.config.urls"
WSGI_APPLICATION = "yikatong.config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "yikatong.accounts.context.surroundings",
            ],
            "libraries": {"i18n": "yikatong.accounts.steady_tags"},
            "builtins": ["yikatong.accounts.steady_tags"],
        },
    }
]

FILE_UPLOAD_MAX_MEMORY_SIZE = 11 * 2**20
"""Photographs stay in memory until they are sealed: none lies in a temporary file in clear."""

STATIC_URL = "/static/"
STATIC_ROOT = Path(os.environ.get("YIKATONG_STATIC") or yikatong_home() / "static") / "current"
"""What ``yikatong web`` gathered (``config.static_files``). Where nothing was, files are served from the package."""
STORAGES = {"staticfiles": {"BACKEND": "yikatong.config.static_files.GatheredFiles"}}
WHITENOISE_USE_FINDERS = True

SECURE_CSP: dict[str, list[str]] = {
    "default-src": [CSP.SELF],
    "media-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
}
DESK_AGENT_URL = os.environ.get("YIKATONG_DESK_AGENT", "ws://127.0.0.1:12344")
"""Where the program on a clerk's desk listens (``yikatong-terminal agent``). Pages that read or write cards may connect there."""
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = ["templates.W003"]
"""accounts.steady_tags stands in the place of Django's i18n library on purpose."""
SESSION_ENGINE = "yikatong.accounts.session_store"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = IS_PRODUCTION
LANGUAGE_COOKIE_HTTPONLY, LANGUAGE_COOKIE_SAMESITE = True, "Lax"
SESSION_COOKIE_AGE = int(os.environ.get("YIKATONG_SESSION_MINUTES", "720")) * 60
"""How long one stays signed in without doing anything; pages warn before, and a button extends it (accounts.sessions)."""
RESIDENT_SESSION_S = int(os.environ.get("YIKATONG_SESSION_DAYS", "7")) * 86400
"""The longest a resident stays signed in, however much they do. Source: assumption, as long as a phone shows codes without
network; NIST SP 800-63B-4, 2.1.3 asks for 30 days at most."""
STAFF_SESSION_S = int(os.environ.get("YIKATONG_STAFF_SESSION_HOURS", "24")) * 3600
"""The same for staff. Source: NIST SP 800-63B-4, 2.2.3 (24 hours at most with two factors)."""
COOKIE_PREFIX = "__Host-" if IS_PRODUCTION else ""
"""The prefix lets browsers take cookies only from this host itself and over HTTPS. Every cookie has it."""
SESSION_COOKIE_NAME = "__Host-session" if IS_PRODUCTION else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_PRODUCTION else "csrftoken"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}django_language"
MESSAGE_STORAGE = "yikatong.accounts.message_storage.HostBoundStorage"
CSRF_FAILURE_VIEW = "yikatong.portal.kept.stale_form"
SECURE_SSL_REDIRECT = IS_PRODUCTION
SECURE_HSTS_SECONDS = 365 * 86400 if IS_PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_PRODUCTION else None

AUTHENTICATION_BACKENDS = ["yikatong.accounts.backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # of passwords set before; hashed anew when they are next used
]
"""Scrypt takes memory as well as time. Source: OWASP Password Storage Cheat Sheet: N=2^14, r=8, p=5, as Django's."""
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "yikatong.accounts.password_words.OwnWordsValidator"},
]
ACCOUNT_ADAPTER = "yikatong.accounts.adapter.AccountAdapter"
MFA_ADAPTER = "yikatong.accounts.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Yikatong"
MFA_TOTP_TOLERANCE = 1  # one step of 30 s: phones and servers disagree about the time
_SECOND_FACTOR = os.environ.get("YIKATONG_SECOND_FACTOR_ROLES", "card_centre,auditor,admin" if IS_PRODUCTION else "")
SECOND_FACTOR_ROLES = frozenset(filter(None, _SECOND_FACTOR.split(",")))
"""Roles that may do nothing without a second factor; in production those that see everybody, or give others rights."""
ACCOUNT_LOGIN_METHODS = {"phone", "username"}
ACCOUNT_SIGNUP_FIELDS = ["phone", "password1*"]  # nobody signs up; staff sign in with a password and need no phone
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 5 * 60
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGIN_ON_GET = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("YIKATONG_TRUSTED_PROXIES", "0"))
"""How many proxies of our own stand before the web: whose word on the client's address limits of tries believe."""
LOGIN_URL = "account_request_login_code"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
MESSAGE_PROVIDER = os.environ.get("YIKATONG_MESSAGE_PROVIDER", "yikatong.accounts.messages.ConsoleSms")
"""What carries messages: ``yikatong.accounts.http_sms.HttpSms`` for a real provider (docs/messages.md)."""
SENDING_HOURS = os.environ.get("YIKATONG_SENDING_HOURS", "9-18")
"""From which to which full hour of Beijing messages go out. The demo, whose messages reach nobody, sends all day."""
PORTAL_ADDRESS = os.environ.get("YIKATONG_PORTAL", ALLOWED_HOSTS[0])
"""The resident's portal as messages name it."""

CREDENTIAL_ISSUER = os.environ.get("YIKATONG_ISSUER", "")
"""The issuer's identifier in wallets (``https://card.example``); where it is not set, the address that was asked."""

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"procrastinate": {"level": "WARNING"}},
}
