"""Settings of a house without `subscribers`, and with no site around the archive."""

import sys

from cma_site.settings import *  # noqa: F403
from cma_site.settings import INSTALLED_APPS as ALL_APPS
from cma_site.settings import MIDDLEWARE as ALL_MIDDLEWARE
from cma_site.settings import TEMPLATES

sys.modules["subscribers"] = None  # type: ignore[assignment]  # importing it is an error now

INSTALLED_APPS = [
    name for name in ALL_APPS if name.split(".")[0] not in ("cma_site", "subscribers")
]
INSTALLED_APPS.append("django.contrib.admin")
# How people log in is the site's business; what belongs to it would ask for its apps.
MIDDLEWARE = [
    name for name in ALL_MIDDLEWARE if name.split(".")[0] not in ("axes", "cma_site", "django_otp")
]
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
ROOT_URLCONF = "cma_site.tests.archive_alone_urls"
TEMPLATES[0]["OPTIONS"]["context_processors"].remove("cma_site.context_processors.shape")
