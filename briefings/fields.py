from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from briefings.html import HTMLTooLong, clean_html


def validate_html(value: str) -> None:
    try:
        clean_html(value)
    except HTMLTooLong as refusal:
        raise ValidationError(str(refusal)) from refusal


class HTMLField(models.TextField):  # type: ignore[type-arg]
    """Text that can't reach the database without passing the allow-list.

    `save()` and `bulk_create()` come through `pre_save`, `update()` and `bulk_update()` through
    `get_db_prep_save`; the former also mends the instance, so that memory and row agree. What is
    too long for it raises HTMLTooLong there; a form says so before.
    """

    default_validators = [validate_html]

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: ARG002, FBT001
        value = clean_html(getattr(model_instance, self.attname) or "")
        setattr(model_instance, self.attname, value)
        return value

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        if isinstance(value, str):
            value = clean_html(value)
        return super().get_db_prep_save(value, connection)
