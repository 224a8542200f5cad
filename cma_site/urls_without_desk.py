"""The addresses that the site has for who may not know of the desk."""

from cma_site import urls
from cma_site.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [one for one in urls.urlpatterns if not str(one.pattern).startswith("admin/")]
