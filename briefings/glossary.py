"""The glossary, from its rows to what house style goes by."""

from functools import lru_cache

from briefings.house_style import Glossary
from briefings.house_style import Term as GlossaryEntry
from briefings.models import GlossaryTerm


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


# The rows are read each time, so that every process goes by what an editor has just saved; only
# what is made of them is kept.
@lru_cache(maxsize=4)
def _make_glossary(terms: tuple[GlossaryEntry, ...]) -> Glossary:
    return Glossary(terms)
