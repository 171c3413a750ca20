"""Microsoft 365 Agents Playground: Teams for one person, in a browser, with no cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from shutil import which
from typing import Any

from bot.cli.child import Child
from bot.cli.trouble import Trouble

_SCRIPT = Path("node_modules", "@microsoft", "m365agentsplayground", "cli.js")


@dataclass(frozen=True)
class Window:
    """One person's Playground, as the sandbox describes it in sandbox.json."""

    key: str
    name: str
    port: int
    endpoint: str
    service_url: str
    config: Path

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> Window:
        """Reads one entry of `windows`."""
        return cls(
            key=described["person"],
            name=described["name"],
            port=int(described["playground_port"]),
            endpoint=described["endpoint"],
            service_url=described["service_url"],
            config=Path(described["config"]).resolve(),
        )

    @property
    def url(self) -> str:
        """What the person opens."""
        return f"http://localhost:{self.port}"

    def child(self, script: Path, log: Path) -> Child:
        """The process that serves it, on loopback only: whoever reaches the page speaks as this person."""
        loopback = files("bot.cli").joinpath("loopback.cjs")
        command = [
            "node",
            "--require",
            str(loopback),
            str(script),
            "start",
            "--channel-id",
            "msteams",
            "--disable-telemetry",
        ]
        command += ["--app-endpoint", self.endpoint, "--service-url", self.service_url, "--port", str(self.port)]
        quiet = {"TEAMSAPPTESTER_BROWSER": "none", "NODE_NO_WARNINGS": "1"}
        return Child(f"The Playground of {self.name}", command, log=log, directory=self.config, environment=quiet)


def find() -> Path:
    """The installed Playground.

    Raises:
        Trouble: Node or the package is not there.
    """
    if which("node") is None:
        raise Trouble(
            "The Agents Playground needs Node.js, which is not installed. Install version 20 or newer, then: make setup"
        )
    project = Path(__file__).resolve().parents[2]
    for folder in (project, Path.cwd()):
        if (folder / _SCRIPT).is_file():
            return folder / _SCRIPT
    raise Trouble("The Agents Playground is not installed. In the project's folder, run: make setup")
