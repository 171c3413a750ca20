"""A worker to start from: its twenty lines, its test, and the package that makes Tandem find it."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from bot.cli.trouble import Trouble

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_TEMPLATES = {
    "worker.py.txt": "{module}.py",
    "test_worker.py.txt": "test_{module}.py",
    "pyproject.toml.txt": "pyproject.toml",
}


@dataclass(frozen=True)
class Made:
    """What was written."""

    folder: Path
    files: list[Path]


def write(name: str, place: Path) -> Made:
    """Writes the package of a worker for a capability into a folder of its own; nothing is overwritten.

    Args:
        name: The capability, such as `text.count`.
        place: Where the folder is made.

    Raises:
        Trouble: The name does not fit, the folder is there already, or it cannot be written.
    """
    if not _NAME.fullmatch(name) or any(keyword.iskeyword(part) for part in name.split(".")):
        raise Trouble(
            f"{name!r} is no name for a capability: two or more words with dots between, in lower-case letters, digits "
            "and '_', such as text.count"
        )
    module = name.replace(".", "_")
    folder = place / module
    words = {"CAPABILITY": name, "MODULE": module, "PROJECT": module.replace("_", "-")}
    written: list[Path] = []
    try:
        folder.mkdir(parents=True)
        for template, target in _TEMPLATES.items():
            text = files("bot.cli").joinpath("templates", template).read_text("utf-8")
            for word, value in words.items():
                text = text.replace(word, value)
            path = folder / target.format(module=module)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except FileExistsError:
        raise Trouble(f"{folder} is there already; nothing was written. Choose another name or --folder.") from None
    except OSError as error:
        raise Trouble(f"{folder} cannot be written: {error.strerror}. Choose another place: --folder DIR") from error
    return Made(folder, written)
