"""The glossary and the names of themes, from their rows to what house style and search go by."""

from collections.abc import Iterable
from functools import lru_cache

from briefings.catalogue import Archive
from briefings.house_style import Glossary
from briefings.house_style import Term as GlossaryEntry
from briefings.models import GlossaryTerm, Theme, Wording
from briefings.search.query import Query, parse_query
from briefings.search.synonyms import Synonyms
from briefings.search.tokens import split_runs

Groups = tuple[tuple[str, ...], ...]


def load_glossary() -> Glossary:
    """In two queries, however many terms there are."""
    terms = GlossaryTerm.objects.prefetch_related("wordings")
    return _make_glossary(tuple(describe_term(term) for term in terms))


def describe_term(term: GlossaryTerm) -> GlossaryEntry:
    wordings = term.wordings.all()
    return GlossaryEntry(
        name=term.name,
        is_law=term.kind == GlossaryTerm.Kind.LAW,
        wordings=tuple(wording.text for wording in wordings if not wording.is_discouraged),
        discouraged=tuple(wording.text for wording in wordings if wording.is_discouraged),
    )


def understand_query(text: str, archive: Archive) -> Query:
    """What was typed, with the other wordings by the glossary and by the aliases of themes.

    Two queries. Only the archive's themes have a part in it: what the reader may not see isn't
    told either. What is not to be written is looked for as well, but not told.
    """
    query = parse_query(text)
    if not query.terms:
        return query
    wordings = Wording.objects.filter(is_discouraged=True)
    untold = frozenset(wordings.values_list("text", flat=True))
    names = GlossaryTerm.objects.values_list("pk", "name", "wordings__text")
    return _make_synonyms(_group(names) + _group_themes(archive), untold).expand(query)


def find_theme_called(text: str, query: Query, archive: Archive) -> Theme | None:
    """The one that has this name or alias, as typed or in another wording of it."""
    texts = [text, *query.also] if len(query.terms) == 1 else [text]
    wanted = [runs for text in texts if (runs := split_runs(text))]
    catalogue = archive.catalogue
    called = (key for key, name in catalogue.theme_names if split_runs(name) in wanted)
    return catalogue.theme_of.get(next(called, 0))


def _group_themes(archive: Archive) -> Groups:
    return _group((key, name, None) for key, name in archive.catalogue.theme_names)


def _group(rows: Iterable[tuple[int, str, str | None]]) -> Groups:
    """The names of each thing, of those that have more than one."""
    groups: dict[int, dict[str, None]] = {}
    for key, *names in rows:
        groups.setdefault(key, {}).update(dict.fromkeys(name for name in names if name))
    return tuple(tuple(names) for names in groups.values() if len(names) > 1)


# The rows are read each time, so that every process goes by what an editor has just saved; only
# what is made of them is kept.
@lru_cache(maxsize=4)
def _make_synonyms(groups: Groups, untold: frozenset[str]) -> Synonyms:
    return Synonyms(groups, untold)


@lru_cache(maxsize=4)
def _make_glossary(terms: tuple[GlossaryEntry, ...]) -> Glossary:
    return Glossary(terms)
