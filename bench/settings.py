"""The site's settings, with Wagtail's search beside ours."""

from cma_site.settings import *  # noqa: F403
from cma_site.settings import INSTALLED_APPS as OURS

INSTALLED_APPS = [*OURS, "modelsearch", "bench"]
