"""Every address there is, asked of the resolver, so that a new page is walked too."""

import re
from collections.abc import Iterator, Mapping

from django.apps import apps
from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RegexPattern

from cma_site.tests.furnish import list_made

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_OF_A_MODEL = re.compile(r"/admin/(\w+)/(\w+)/")
_ITS_OWN = {"object_id", "id", "edition_id", "entry_id", "theme_id", "batch_id", "thing_id"}


def list_patterns(resolver: URLResolver, route: str = "/") -> Iterator[tuple[str, URLPattern]]:
    """Each pattern with its whole route, as `path()` would write it."""
    for pattern in resolver.url_patterns:
        written = str(pattern.pattern)
        if isinstance(pattern.pattern, RegexPattern):
            written = simplify_regex(written).lstrip("/")
        if isinstance(pattern, URLResolver):
            yield from list_patterns(pattern, route + written)
        else:
            yield route + written, pattern


def list_parameters(route: str) -> list[str]:
    return _PARAMETER.findall(route)


def fill(route: str, values: Mapping[str, object]) -> str:
    """The route with a value for each parameter; "1" where none is given."""
    return _PARAMETER.sub(lambda parameter: str(values.get(parameter[1], 1)), route)


def list_addresses(
    resolver: URLResolver, values: Mapping[str, object] | None = None, *, under: str = "/"
) -> list[str]:
    """One for each pattern; of the desk of a model one for each of those that were made."""
    addresses: set[str] = set()
    for route, _ in list_patterns(resolver):
        if route.startswith(under):
            addresses |= {fill(route, own | dict(values or {})) for own in _find_own(route)}
    return sorted(addresses)


def _find_own(route: str) -> list[dict[str, object]]:
    of_a_model = _OF_A_MODEL.match(route)
    parameters = set(list_parameters(route)) & _ITS_OWN
    if of_a_model and parameters:
        made = list_made(apps.get_model(*of_a_model.groups()))
        return [dict.fromkeys(parameters, thing.pk) for thing in made]
    return [{}]
