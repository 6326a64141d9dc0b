"""The HTTP side as a WSGI application: what asgi.py runs on its threads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "depannini_dashmap.settings")
application = get_wsgi_application()
