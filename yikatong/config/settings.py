"""Django settings, from the environment; a newcomer needs none.

YIKATONG_ENV=production turns the development comforts off and makes secrets mandatory.
"""

import os
from pathlib import Path

from yikatong.config.secrets import secret_key
from yikatong.database.connection import database_url, django_database

IS_PRODUCTION = os.environ.get("YIKATONG_ENV") == "production"
DEBUG = False
SECRET_KEY = secret_key()
ALLOWED_HOSTS = os.environ.get("YIKATONG_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

INSTALLED_APPS = [
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
    "yikatong.banks",
    "yikatong.ledger",
    "yikatong.applications",
    "yikatong.issuance",
    "yikatong.ecard",
    "yikatong.acceptance",
    "yikatong.scenarios.transit",
    "yikatong.clearing",
    "yikatong.config",
]

DATABASES = {"default": django_database(database_url())}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"

USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
USE_I18N = True
LOCALE_PATHS = [Path(__file__).resolve().parent.parent / "locale"]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
