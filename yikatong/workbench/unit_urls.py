"""A unit's own pages: enrolment, roster, applications, collection; included under their own namespace by ``workbench.urls``."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
