"""Which language model Tandem on a laptop plans with: recorded answers, the one of the environment, or none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.cli.trouble import Trouble

ModelChoice = Literal["recorded", "env", "none"]
_PREFIX = "TANDEM_MODEL_"


@dataclass(frozen=True)
class Choice:
    """What `--model` says.

    Attributes:
        kind: `recorded`: the sandbox plays answers back; `env`: what the TANDEM_MODEL_ variables name; `none`: nothing.
        recordings: Folders with recordings beside those that come along.

    Raises:
        Trouble: The environment names no model, or recordings are given where none are played.
    """

    kind: ModelChoice = "recorded"
    recordings: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if self.recordings and self.kind != "recorded":
            raise Trouble(f"--recordings are for --model recorded, and --model is {self.kind}.")
        missing = [name for name in (f"{_PREFIX}URL", f"{_PREFIX}NAME") if not os.environ.get(name)]
        if self.kind == "env" and missing:
            raise Trouble(
                f"--model env takes the model that your environment names, and {' and '.join(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} not set. docs/models.md has the settings of each kind of "
                "model; --model recorded needs none."
            )

    def of_the_sandbox(self) -> list[str]:
        """What the sandbox is told."""
        if self.kind != "recorded":
            return ["--model", "none"]
        return ["--model", "recorded", *(part for each in self.recordings for part in ("--recordings", str(each)))]

    def settings(self, of_the_sandbox: Mapping[str, str]) -> dict[str, str]:
        """The bot's settings of the model: nothing of another one that the environment may name stays."""
        if self.kind == "env":
            return {}
        foreign = dict.fromkeys((name for name in os.environ if name.startswith(_PREFIX)), "")
        return foreign | {name: value for name, value in of_the_sandbox.items() if name.startswith(_PREFIX)}

    def shown(self) -> str:
        """The model in a line, for the person who started it."""
        if self.kind == "recorded":
            return "recorded answers; no model is asked, and only goals that were recorded are planned"
        if self.kind == "env":
            return f"{os.environ[f'{_PREFIX}NAME']} at {os.environ[f'{_PREFIX}URL']}"
        return "none; only playbooks are run"
