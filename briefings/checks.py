"""Whether this machine can print.

Without a Chinese font WeasyPrint "succeeds", in empty boxes, so this has to be asked beforehand.
Every command warns; what prints refuses: `edition_pdf` and `check --deploy` by the error below,
the website and the workers in `briefings.pdf`. An error for every command would go too far: a
machine without fonts can still migrate, show pages and send mail.
"""

from typing import Any

from django.core import checks

from briefings.pdf import INSTALL_COMMAND, find_missing_parts

PRINTING = "pdf"  # the tag: manage.py check --deploy --tag pdf
HINT = f"請安裝後重試：{INSTALL_COMMAND}"


@checks.register
def warn_that_nothing_prints(**kwargs: Any) -> list[checks.Warning]:  # noqa: ARG001
    missing = find_missing_parts()
    message = f"這部機器不能製作 PDF，缺少{'、'.join(missing)}。"
    return [checks.Warning(message, hint=HINT, id="briefings.W001")] if missing else []


@checks.register(PRINTING, deploy=True)
def refuse_to_print(**kwargs: Any) -> list[checks.Error]:  # noqa: ARG001
    missing = find_missing_parts()
    message = f"不能製作 PDF，缺少{'、'.join(missing)}。"
    return [checks.Error(message, hint=HINT, id="briefings.E001")] if missing else []
