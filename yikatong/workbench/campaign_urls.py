"""The card centre's pages of the campaign; included under their own namespace by ``workbench.urls``."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
