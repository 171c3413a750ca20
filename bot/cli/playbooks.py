"""Playbook files: a first one to start from, and every problem of the others."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from bot.cli import offer
from bot.cli.state import State
from bot.cli.trouble import Trouble
from orchestration.capabilities import Registry
from orchestration.planning import loader
from orchestration.planning.compiler import fill
from orchestration.planning.playbook import PLAYBOOK_NAME, Playbook
from orchestration.planning.problems import plan_problems

_SAMPLES = {"month": "2026-01", "text": "text", "number": "1", "person": "Somebody <somebody@contoso.example>"}


def shipped() -> Path:
    """The deployment's own folder of playbooks."""
    return Path(str(files("orchestration").joinpath("playbooks")))


def write(name: str, folder: Path | None) -> Path:
    """Writes a playbook to start from; nothing is overwritten.

    Raises:
        Trouble: The name does not fit or is taken, or the folder cannot be written.
    """
    if not PLAYBOOK_NAME.fullmatch(name):
        raise Trouble(f"{name!r} is no name for a playbook: lower-case letters, digits and '-', such as weekly-report")
    place = folder or shipped()
    path = place / f"{name}{loader.SUFFIX}"
    words = name.replace("-", " ")
    text = files("bot.cli").joinpath("templates", "playbook.yaml").read_text("utf-8")
    text = text.replace("NAME", name).replace("WORDS", words).replace("TITLE", words[:1].upper() + words[1:])
    try:
        place.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Trouble(f"{path} is there already; nothing was written. Choose another name.") from None
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror}. Choose another place: --folder DIR") from error
    return path


def problems(paths: Sequence[Path], state: State) -> dict[Path, list[str]]:
    """Every playbook file => its problems, against what this deployment can do; empty lists are good ones.

    Raises:
        Trouble: A path is not there, or a folder holds no playbook.
    """
    found = _files(paths)
    registry = offer.ask(state).registry()
    return {path: _problems(path, registry) for path in found}


def sentence(name: str) -> str:
    """The sentence that starts a playbook.

    Raises:
        Trouble: There is no such playbook, or it is wrong.
    """
    good, wrong = loader.load_each(loader.files(shipped()))
    if name in wrong:
        raise Trouble(f"The playbook {name} has problems:\n" + "\n".join(wrong[name]))
    if name not in good:
        raise Trouble(f"There is no playbook {name!r} in {shipped()}; there are {', '.join(sorted(good))}.")
    return good[name].utterances[0]


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths or [shipped()]:
        if path.is_dir():
            inside = loader.files(path)
            if not inside:
                raise Trouble(f"There is no playbook (*{loader.SUFFIX}) in {path}.")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise Trouble(f"There is no file {path}.")
    return found


def _problems(path: Path, registry: Registry) -> list[str]:
    if path.suffix != loader.SUFFIX:
        return [f"{path.name}: a playbook's file ends in {loader.SUFFIX}"]
    good, wrong = loader.load_each([path])
    if path.stem in wrong:
        return wrong[path.stem]
    playbook = good[path.stem]
    return [f"{path.name}: {problem}" for problem in plan_problems(fill(playbook, _values(playbook)), registry)]


def _values(playbook: Playbook) -> dict[str, str]:
    """A value for every parameter, so that the graph can be judged."""
    return {
        name: parameter.default or (parameter.choices[0].id if parameter.choices else _SAMPLES[parameter.type])
        for name, parameter in playbook.params.items()
    }
