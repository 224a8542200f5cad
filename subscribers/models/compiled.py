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
    no field. Not of a query that Django knows the answer of.
    """

    def __init__(self, query: Query, returning: str = "") -> None:
        """`returning` are columns of the one table."""
        try:
            sql, self._values = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
        except EmptyResultSet as error:
            raise ValueError("Nothing is to be asked of the database.") from error
        self._sql = f"{sql} RETURNING {returning}" if returning else sql

    def execute(self, **arguments: Any) -> list[Sequence[Any]]:
        """Its rows."""
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
