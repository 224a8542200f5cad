"""SQLite: an FTS5 row for each entry, whose id is the rowid, with a column for each field."""

from django.db.models import BigIntegerField
from django.db.models.expressions import RawSQL

from briefings.search.backends.base import EntryText, Field, SearchBackend
from briefings.search.query import Phrase, Query, Term
from briefings.search.tokens import tokenize


class SQLiteSearch(SearchBackend):
    def create_table(self) -> None:
        # The tokens are stored beside their index. Without them (content='') it would be half
        # the size, but such a table deletes a row only for who still knows exactly what went in,
        # until SQLite 3.43, and Debian 12 has 3.40.
        # 'ascii' parts tokens at our spaces only; 'unicode61' would also part them at Han
        # characters newer than itself. Column sizes serve bm25() alone, which we don't ask.
        self._run(
            "CREATE VIRTUAL TABLE briefings_search"
            " USING fts5(headline, lead, body, tokenize = 'ascii', columnsize = 0)"
        )

    def write(self, entry_id: int, text: EntryText) -> None:
        self._run(
            "INSERT OR REPLACE INTO briefings_search (rowid, headline, lead, body)"
            " VALUES (%s, %s, %s, %s)",
            entry_id,
            *map(_join_tokens, text),
        )

    def remove(self, entry_id: int) -> None:
        self._run("DELETE FROM briefings_search WHERE rowid = %s", entry_id)

    def holds(self, entry_id: int, text: EntryText) -> bool:
        held = self._fetch(
            "SELECT headline, lead, body FROM briefings_search WHERE rowid = %s", entry_id
        )
        return held == [tuple(map(_join_tokens, text))]

    def find_entry_ids(self) -> set[int]:
        return {row[0] for row in self._fetch("SELECT rowid FROM briefings_search")}

    def select_matches(self, query: Query, up_to: Field) -> RawSQL:
        columns = " ".join(EntryText._fields[: up_to + 1])
        terms = " AND ".join(map(_write_term, query.terms))
        return RawSQL(
            "SELECT rowid FROM briefings_search WHERE briefings_search MATCH %s",
            [f"{{{columns}}} : ({terms})"],
            output_field=BigIntegerField(),
        )


def _join_tokens(text: str) -> str:
    return " ".join(tokenize(text))


def _write_term(term: Term) -> str:
    return f"({' OR '.join(map(_write_phrase, term.phrases))})"


def _write_phrase(phrase: Phrase) -> str:
    """In FTS5's query language; a token holds nothing that could end the quotation."""
    return f'"{" ".join(phrase.tokens)}"{"*" if phrase.is_open else ""}'
