"""What axe says of the page that a browser shows, by day and by night."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

GRAVE = ("serious", "critical")
ANY = ("minor", "moderate", *GRAVE)
# What a page is like by night differs in nothing but its colours.
RULES = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
# To the end at once: waiting for it never ends where the editor's cursor blinks.
SETTLE = """
for (const change of document.getAnimations()) {
  if (change.effect.getComputedTiming().endTime === Infinity) change.cancel();
  else change.finish();
}
"""
# select2's list of what is chosen holds its button for clearing, and Django names the sign beside
# its filter of permissions, which has no role: neither is ours to move.
OURS = {"exclude": [[".select2-selection__rendered"], [".search-label-icon"]]}


def list_faults(page: Page, *, impacts: tuple[str, ...] = GRAVE) -> list[str]:
    """What axe calls this bad: the rule, and where it is broken first."""
    faults = []
    for scheme, options in RULES.items():
        page.emulate_media(color_scheme=scheme)
        page.evaluate(SETTLE)
        found = Axe().run(page, context=OURS, options=options).response["violations"]
        for violation in found:
            if violation["impact"] in impacts:
                place = violation["nodes"][0]["html"][:160]
                faults.append(f"{scheme} {violation['id']}: {place}")
    return faults
