"""Figures of the banks' fair participation; included under their own namespace by ``workbench.urls``."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
