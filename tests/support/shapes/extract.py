"""Takes the fields of the Graph types that the sandbox serves from Microsoft's published client.

`python -m tests.support.shapes.extract` writes graph.json anew. msgraph-sdk is generated from Graph v1.0's published
metadata; its model classes name every property and its type. It is slow to import, so the excerpt is kept as a file.
"""

from __future__ import annotations

import importlib
import json
import re
from importlib.metadata import version
from pathlib import Path

ROOTS = (
    "user",
    "group",
    "site",
    "drive",
    "drive_item",
    "permission",
    "message",
    "mail_folder",
    "file_attachment",
    "event",
    "calendar",
    "mailbox_settings",
    "schedule_information",
    "chat",
    "chat_message",
    "team",
    "channel",
    "aad_user_conversation_member",
    "upload_session",
    "search_response",
    "identity_set",
    "share_point_identity_set",
    "teamwork_user_identity",
    "event_message_request",
)
# Types below these are not served: the walk ends there.
DEEPEST = 2
_PRIMITIVE = {
    "get_str_value": "string",
    "get_bytes_value": "string",
    "get_uuid_value": "string",
    "get_datetime_value": "string",
    "get_date_value": "string",
    "get_time_value": "string",
    "get_timedelta_value": "string",
    "get_enum_value": "string",
    "get_bool_value": "boolean",
    "get_int_value": "number",
    "get_float_value": "number",
}


def main() -> None:
    """Writes graph.json beside this file."""
    types: dict[str, dict[str, str]] = {}
    waiting = [(name, 0) for name in ROOTS]
    while waiting:
        module, depth = waiting.pop(0)
        name = _camel(module)
        if name in types:
            continue
        try:
            fields, below = _fields(module)
        except ModuleNotFoundError:  # of a namespace of its own, such as the term store: not served
            continue
        types[name] = fields
        if depth < DEEPEST:
            waiting += [(each, depth + 1) for each in below]
    found = {
        "source": f"msgraph-sdk {version('msgraph-sdk')}, generated from the published metadata of Graph v1.0",
        "url": "https://github.com/microsoftgraph/msgraph-sdk-python",
        "licence": "MIT, Copyright (c) Microsoft Corporation",
        "types": dict(sorted(types.items())),
    }
    text = json.dumps(found, indent=1, ensure_ascii=False)
    Path(__file__).with_name("graph.json").write_text(text + "\n", encoding="utf-8")


def _fields(module: str) -> tuple[dict[str, str], list[str]]:
    loaded = importlib.import_module(f"msgraph.generated.models.{module}")
    name = "".join(part.capitalize() for part in module.split("_"))
    cls = getattr(loaded, name, None) or getattr(loaded, f"{name}_")  # List_ is Python's fault
    fields: dict[str, str] = {}
    below: list[str] = []
    for name, read in sorted(cls().get_field_deserializers().items()):
        code = read.__code__
        getter = next(each for each in code.co_names if each.startswith("get_"))
        cells = {
            cell: value.cell_contents for cell, value in zip(code.co_freevars, read.__closure__ or (), strict=True)
        }
        inner = next((cell for cell in cells if cell != "self"), None)
        if getter in _PRIMITIVE:
            fields[name] = _PRIMITIVE[getter]
        elif getter == "get_collection_of_object_values" and inner:
            fields[name] = f"[{_lower(inner)}]"
            below.append(_snake(inner))
        elif getter == "get_object_value" and inner:
            fields[name] = _lower(inner)
            below.append(_snake(inner))
        else:
            fields[name] = "[string]"
    return fields, below


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _camel(module: str) -> str:
    return _lower("".join(part.capitalize() for part in module.split("_")))


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


if __name__ == "__main__":
    main()
