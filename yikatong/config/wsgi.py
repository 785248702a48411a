"""The web as a WSGI application, for granian."""

import gc
import os

from django.core.wsgi import get_wsgi_application

NEW_OBJECTS = 50_000
"""How many more objects were made than freed before unreachable ones are looked for. Python's 2,000 looks several times in
every page and finds nothing: a page's objects are freed by their counts."""

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yikatong.config.settings")
application = get_wsgi_application()
gc.collect()
gc.freeze()  # what is loaded now stays: it need not be looked at again
gc.set_threshold(NEW_OBJECTS, 10, 10)
