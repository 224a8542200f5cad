"""PostgreSQL: a tsvector of our own tokens for each passage of each field, under a GIN index.

The tokens are cast, not parsed: neither locale nor installed dictionaries have a part in it.
"""

from collections import defaultdict
from collections.abc import Iterator

from django.db.models import BigIntegerField
from django.db.models.expressions import RawSQL

from briefings.search.backends.base import EntryText, Field, SearchBackend
from briefings.search.query import MAX_QUERY_LENGTH, Phrase, Query, Term
from briefings.search.tokens import tokenize

# A tsvector silently forgets all but 255 places of one token, and holds 1 MB, which 3,500 tokens
# of MAX_WORD_TOKEN four-byte characters don't reach. A longer text is cut into passages that
# overlap by what the longest phrase needs, so that every phrase stands whole in one of them.
MAX_PLACES = 255
MAX_TOKENS = 3500
OVERLAP = MAX_QUERY_LENGTH - 1


class PostgreSQLSearch(SearchBackend):
    def create_table(self) -> None:
        self._run(
            "CREATE TABLE briefings_search"
            " (entry_id bigint NOT NULL, field smallint NOT NULL, tokens tsvector NOT NULL)"
        )
        self._run("CREATE INDEX briefings_search_entry ON briefings_search (entry_id)")
        self._run("CREATE INDEX briefings_search_tokens ON briefings_search USING gin (tokens)")

    def write(self, entry_id: int, text: EntryText) -> None:
        self.remove(entry_id)
        self._run(
            "INSERT INTO briefings_search (entry_id, field, tokens)"
            " SELECT %s, field, tokens::tsvector"
            " FROM unnest(%s::smallint[], %s::text[]) AS passage (field, tokens)",
            entry_id,
            *_write_passages(text),
        )

    def remove(self, entry_id: int) -> None:
        self._run("DELETE FROM briefings_search WHERE entry_id = %s", entry_id)

    def holds(self, entry_id: int, text: EntryText) -> bool:
        # The database compares, because only it knows how it orders a tsvector.
        [(is_same,)] = self._fetch(
            "WITH passage AS (SELECT field, tokens::tsvector AS tokens"
            "  FROM unnest(%s::smallint[], %s::text[]) AS written (field, tokens))"
            " SELECT (SELECT array_agg((field, tokens) ORDER BY field, tokens) FROM passage)"
            "  IS NOT DISTINCT FROM (SELECT array_agg((field, tokens) ORDER BY field, tokens)"
            "  FROM briefings_search WHERE entry_id = %s)",
            *_write_passages(text),
            entry_id,
        )
        return bool(is_same)

    def find_entry_ids(self) -> set[int]:
        return {row[0] for row in self._fetch("SELECT DISTINCT entry_id FROM briefings_search")}

    def select_matches(self, query: Query, up_to: Field) -> RawSQL:
        # The terms may stand in different passages, hence a search for each.
        search = "SELECT entry_id FROM briefings_search WHERE field <= %s AND tokens @@ %s::tsquery"
        return RawSQL(  # noqa: S611  (what was typed goes in as a parameter)
            " INTERSECT ".join([search] * len(query.terms)),
            [part for term in query.terms for part in (int(up_to), _write_term(term))],
            output_field=BigIntegerField(),
        )


def cut_passages(tokens: list[str]) -> Iterator[dict[str, list[int]]]:
    """For each passage: its tokens, with their places counted from 1."""
    start = 0
    while start < len(tokens):
        passage: dict[str, list[int]] = defaultdict(list)
        for place, token in enumerate(tokens[start : start + MAX_TOKENS], start=1):
            if len(passage[token]) == MAX_PLACES:
                break
            passage[token].append(place)
        yield passage
        stop = start + sum(map(len, passage.values()))
        if stop == len(tokens):
            return
        start = stop - OVERLAP


def _write_passages(text: EntryText) -> tuple[list[int], list[str]]:
    """The field of each passage, and the passages as tsvectors are written."""
    fields, passages = [], []
    for field in Field:
        for passage in cut_passages(tokenize(text[field])):
            fields.append(int(field))
            passages.append(" ".join(map(_write_places, passage.items())))
    return fields, passages


def _write_places(token_with_places: tuple[str, list[int]]) -> str:
    """Quoted, as PostgreSQL asks; a token holds nothing that could end the quotation."""
    token, places = token_with_places
    return f"'{token}':{','.join(map(str, places))}"


def _write_term(term: Term) -> str:
    """`<->` binds more closely than `|`."""
    return " | ".join(map(_write_phrase, term.phrases))


def _write_phrase(phrase: Phrase) -> str:
    """As a tsquery is written."""
    return " <-> ".join(f"'{token}'" for token in phrase.tokens) + (":*" if phrase.is_open else "")
