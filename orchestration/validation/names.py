"""Names of files and folders that go out: what they look like is what they are."""

from __future__ import annotations

import re

from orchestration.errors import Invalid
from orchestration.validation.text import clean, visible

FORBIDDEN = frozenset('"*:<>?/\\|')
LONGEST_NAME = 255
# Windows opens devices of these names, whatever ending follows; SharePoint keeps the others for itself.
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?|\.lock|desktop\.ini|_vti_.*|.*_vti_.*", re.IGNORECASE)


def name_of(text: str) -> str:
    """The name of a file or folder, as it was given.

    Raises:
        Invalid: SharePoint does not take it, or it would look like something else than it is.
    """
    shown = clean(text, 80)
    if bad := sorted(FORBIDDEN & set(text)):
        raise Invalid(f"{shown!r} cannot be a name in SharePoint, which has no {' '.join(bad)} in names.")
    if text != text.strip() or text.strip(".") == "" or text.endswith(".") or text.startswith("~$"):
        raise Invalid(f"{shown!r} cannot be a name in SharePoint: it begins or ends with a space, a dot or ~$.")
    if visible(text) != text or any(ord(letter) < 32 for letter in text):
        raise Invalid(f"{shown!r} cannot be a name in SharePoint: it holds characters that nobody sees.")
    if len(text) > LONGEST_NAME:
        raise Invalid(f"{shown!r} cannot be a name in SharePoint: it is too long, {LONGEST_NAME} letters are possible.")
    if _RESERVED.fullmatch(text):
        raise Invalid(f"{shown!r} cannot be a name in SharePoint: it is kept for devices, or for SharePoint itself.")
    return text


def path_of(text: str) -> str:
    """A path inside a library, tidied; no part of it leads upwards.

    Raises:
        Invalid: A part cannot be a name, or there is none.
    """
    parts = [part for part in text.strip().strip("/").split("/") if part]
    if not parts:
        raise Invalid("The path is empty: it must name a file or folder in the site's library.")
    return "/".join(name_of(part) for part in parts)
