"""A setting that is misspelt stops what would act on it."""

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from subscribers.checks import check_unknown_deliveries


@pytest.mark.parametrize("value", ["resend", "hold"])
def test_what_is_to_be_done_with_unknown_deliveries_is_one_of_two(settings, value):
    settings.UNKNOWN_DELIVERIES = value

    assert check_unknown_deliveries() == []


@pytest.mark.parametrize("value", ["Resend", "re-send", ""])
def test_anything_else_is_an_error_that_names_the_choices(settings, value):
    settings.UNKNOWN_DELIVERIES = value

    [error] = check_unknown_deliveries()

    assert error.id == "subscribers.E001"
    assert f"「{value}」" in error.msg
    assert "resend" in error.hint
    assert "hold" in error.hint


def test_workers_and_commands_do_not_start_with_such_an_error(settings):
    settings.UNKNOWN_DELIVERIES = "resent"

    with pytest.raises(SystemCheckError, match=r"subscribers\.E001"):
        call_command("check")
