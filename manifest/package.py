"""Makes the app package that Teams takes: `python -m manifest.package --out tandem.zip [NAME=VALUE ...]`.

The placeholders of manifest.json are filled from the environment and from NAME=VALUE; the result is checked against
Microsoft's schema and against what the schema cannot say. The same input makes the same bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import struct
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator, FormatChecker

HERE = Path(__file__).parent
SCHEMAS = HERE.parent / "node_modules" / "@microsoft" / "app-manifest" / "build" / "json-schemas" / "teams"
ICON_SIZES = {"color": 192, "outline": 32}
_PLACEHOLDER = re.compile(r"\$\{\{(\w+)\}\}")
_RESOURCE = re.compile(r"api://([^/]+/)?botid-[0-9a-fA-F-]{36}")
_TOO_WIDE = {"*", "*.azurecontainerapps.io", "*.azurewebsites.net"}
_PNG = struct.Struct(">8s4x4sII")


class Unfit(ValueError):
    """The package would not be taken; `problems` names everything that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def placeholders(text: str) -> list[str]:
    """The names that the manifest leaves open."""
    return sorted(set(_PLACEHOLDER.findall(text)))


def fill(text: str, values: Mapping[str, str]) -> str:
    """The manifest with every placeholder filled.

    Raises:
        Unfit: Some have no value; all of them are named.
    """
    unset = [name for name in placeholders(text) if not values.get(name)]
    if unset:
        raise Unfit([f"{name} has no value: set it in the environment or give {name}=..." for name in unset])
    return _PLACEHOLDER.sub(lambda found: json.dumps(values[found[1]])[1:-1], text)


def problems(manifest: Mapping[str, Any], icons: Mapping[str, bytes]) -> Iterator[str]:
    """Why Teams would not take this manifest with these icons; nothing if it would."""
    version = manifest.get("manifestVersion")
    schema = SCHEMAS / f"v{version}" / "MicrosoftTeams.schema.json"
    if not schema.is_file():
        yield f"there is no schema for manifestVersion {version} in {SCHEMAS} (npm ci installs them)"
        return
    validator = Draft4Validator(json.loads(schema.read_text("utf-8-sig")), format_checker=FormatChecker())
    for error in validator.iter_errors(manifest):
        yield f"{'/'.join(map(str, error.absolute_path)) or 'manifest'}: {error.message}"
    if f"/v{version}/" not in manifest.get("$schema", ""):
        yield "$schema is of another version than manifestVersion"
    if not _RESOURCE.fullmatch(manifest.get("webApplicationInfo", {}).get("resource", "")):
        yield "webApplicationInfo/resource must look like api://botid-<app id>, as the token service asks for it"
    for domain in manifest.get("validDomains", []):
        if "/" in domain or domain in _TOO_WIDE:
            yield f"validDomains: {domain!r} must be one host name, without scheme or path, not everybody's"
    yield from _icon_problems(icons)


def _icon_problems(icons: Mapping[str, bytes]) -> Iterator[str]:
    for name, size in ICON_SIZES.items():
        signature, _, width, height = _PNG.unpack_from(icons[name])
        if signature != b"\x89PNG\r\n\x1a\n":
            yield f"icons/{name} is not a PNG"
        elif (width, height) != (size, size):
            yield f"icons/{name} is {width} by {height}, and must be {size} by {size}"


def package(values: Mapping[str, str], folder: Path = HERE) -> bytes:
    """The bytes of the .zip.

    Raises:
        Unfit: A value is missing, or the result breaks a rule of Teams.
    """
    text = fill((folder / "manifest.json").read_text("utf-8"), values)
    manifest = json.loads(text)
    files = {name: (folder / manifest["icons"][name]).read_bytes() for name in ICON_SIZES}
    if found := list(problems(manifest, files)):
        raise Unfit(found)
    return _zip([("manifest.json", text.encode()), *((manifest["icons"][name], body) for name, body in files.items())])


def _zip(files: Iterable[tuple[str, bytes]]) -> bytes:
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files:
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), body, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def main() -> int:
    """Writes the package; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m manifest.package", description="Make the Teams app package.")
    parser.add_argument("--out", type=Path, default=Path("dist", "tandem.zip"))
    parser.add_argument("values", nargs="*", metavar="NAME=VALUE", help="a value for a placeholder of manifest.json")
    given = parser.parse_args()
    wrong = [text for text in given.values if "=" not in text]
    if wrong:
        parser.error(f"not NAME=VALUE: {', '.join(wrong)}")
    try:
        body = package({**os.environ, **dict(text.split("=", 1) for text in given.values)})
    except Unfit as unfit:
        print("The package was not made:", *unfit.problems, sep="\n  ", file=sys.stderr)
        return 1
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_bytes(body)
    print(f"{given.out} ({len(body):,} bytes): upload it in Teams under Apps, Manage your apps.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
