"""A number that no row can have finds no row, on either database.

PostgreSQL compares any two numbers. SQLite's driver refuses one of more than 64 bits with an
OverflowError, so that an id which somebody made up was an error of ours. Django itself sees to
`=` and `<` on a number's own column (IntegerFieldOverflow); here is the rest of what ids are asked
for by: a list of them, and a foreign key.
"""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import ForeignKey, IntegerField
from django.db.models.fields.related_lookups import RelatedExact, RelatedIn
from django.db.models.lookups import In

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


def could_be_id(value: str) -> bool:
    """Whether a text from outside may be the key of a row. (Of over 4,300 digits `int` raises.)"""
    return value.isascii() and value.isdigit() and len(value) < 19


def _is_out_of_range(value: Any) -> bool:
    return isinstance(value, int) and not _SMALLEST <= value <= _LARGEST


def _leave_out(values: Any) -> Any:
    if not isinstance(values, Iterable) or hasattr(values, "resolve_expression"):
        return values
    return [value for value in values if not _is_out_of_range(value)]


@IntegerField.register_lookup
class InRange(In):
    def get_prep_lookup(self) -> Any:
        return _leave_out(super().get_prep_lookup())


@ForeignKey.register_lookup
class RelatedInRange(RelatedIn):
    def get_prep_lookup(self) -> Any:
        return _leave_out(super().get_prep_lookup())


@ForeignKey.register_lookup
class RelatedExactInRange(RelatedExact):
    def process_rhs(self, compiler: Any, connection: Any) -> Any:
        if _is_out_of_range(self.rhs):
            raise EmptyResultSet
        return super().process_rhs(compiler, connection)
