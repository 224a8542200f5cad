"""The site's addresses where OIDC_ISSUER is set: `cma_site.urls` was read without it."""

from django.urls import include, path

from cma_site import oidc_pages, urls
from cma_site.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [path("admin/oidc/", include(oidc_pages.urlpatterns)), *urls.urlpatterns]
