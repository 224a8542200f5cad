"""Statements that Django puts together once instead of each time: it takes longer for that than the
database for the answer, where a chunk of mail asks the same as the one before.
"""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Expression, Field
from django.db.models.sql import Query
from django.db.models.sql.compiler import SQLCompiler


class Argument(Expression):
    """Stands in a query for what its statement is told each time."""

    def __init__(self, name: str, field: "Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, _compiler: SQLCompiler, _connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)


class Statement:
    """Of a query in which Arguments stand. What it returns is as the database has it, converted by
    no field.
    """

    def __init__(self, query: Query, returning: Sequence[str] = ()) -> None:
        """`returning` are columns of the one table that it changes.

        Raises ValueError for a query that can match nothing.
        """
        try:
            sql, self._values = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
        except EmptyResultSet as error:
            raise ValueError("There is nothing to ask the database.") from error
        if returning:
            quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
            sql += f" RETURNING {', '.join(map(quote, returning))}"
        self._sql = sql

    def execute(self, **arguments: Any) -> list[Sequence[Any]]:
        """Its rows. Raises KeyError where an argument is missing."""
        connection = connections[DEFAULT_DB_ALIAS]
        values = [
            one.output_field.get_db_prep_value(arguments[one.name], connection)
            if isinstance(one, Argument)
            else one
            for one in self._values
        ]
        with transaction.mark_for_rollback_on_error(), connection.cursor() as cursor:
            cursor.execute(self._sql, values)
            rows: list[Sequence[Any]] = cursor.fetchall() if cursor.description else []
        return rows
