"""What can drift is held here: settings in the manual, commands in the README."""

import re
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)


def test_every_setting_from_the_environment_is_in_the_manual():
    source = (ROOT / "cma_site" / "settings.py").read_text()
    manual = (ROOT / "docs" / "operations.md").read_text()

    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source))

    assert {name for name in read if f"`{name}`" not in manual} == set()


def test_every_command_of_the_readme_exists():
    readme = (ROOT / "README.md").read_text()

    scripts = set(re.findall(r"\bscript/[\w-]+", readme))
    commands = set(re.findall(r"manage\.py (\w+)", readme))

    assert [name for name in scripts if not (ROOT / name).exists()] == []
    assert [
        name for name in commands if not list(ROOT.glob(f"*/management/commands/{name}.py"))
    ] == []
