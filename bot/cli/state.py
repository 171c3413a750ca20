"""The folder with everything local: event log, sandbox, Playgrounds, logs."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.cli.trouble import Trouble

MARKER = "this-folder-is-tandem-state"
LOCK = "up.lock"


@dataclass(frozen=True)
class State:
    """One state folder; nothing is touched before `prepare`."""

    root: Path

    @property
    def logs(self) -> Path:
        """Where the processes write what they say."""
        return self.root / "logs"

    @property
    def sandbox_file(self) -> Path:
        """Written by the sandbox when everything listens."""
        return self.root / "sandbox.json"

    def prepare(self) -> None:
        """Makes the folder, and marks it as one that `--fresh` may empty.

        Raises:
            Trouble: The folder cannot be made or written.
        """
        try:
            known = self.root.is_dir() and any(self.root.iterdir())
            self.logs.mkdir(parents=True, exist_ok=True)
            if not known:
                (self.root / MARKER).touch()
        except OSError as error:
            raise Trouble(
                f"The state folder {self.root} cannot be used: {error.strerror}. Choose one: --state DIR"
            ) from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds the folder for one `tandem up` at a time; the operating system lets go of it whatever happens.

        Raises:
            Trouble: Another one holds it.
        """
        with (self.root / LOCK).open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.seek(0)
                holder = f" (process {pid})" if (pid := lock.read().strip()) else ""
                raise Trouble(
                    f"Tandem is already running with the state folder {self.root}{holder}. "
                    "End it with Ctrl-C there, or give this one a folder and ports of its own (tandem up --help)."
                ) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield
            lock.truncate(0)

    def erase(self) -> None:
        """Empties the folder, and only one that Tandem made; call it while the folder is held.

        Raises:
            Trouble: Tandem did not make it, so nothing was deleted.
        """
        if not (self.root / MARKER).exists():
            raise Trouble(
                f"{self.root} was not made by Tandem, so --fresh leaves it alone. Delete it yourself, or choose "
                "another folder: --state DIR"
            )
        for entry in self.root.iterdir():
            if entry.name in {MARKER, LOCK}:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.logs.mkdir()

    def sandbox(self) -> dict[str, Any] | None:
        """What the sandbox tells of itself; None while it does not listen, or is gone."""
        try:
            described: dict[str, Any] = json.loads(self.sandbox_file.read_bytes())
            os.kill(int(described["pid"]), 0)
        except (FileNotFoundError, ProcessLookupError):
            return None
        except PermissionError:
            return described
        except (ValueError, KeyError, TypeError) as error:
            raise Trouble(
                f"{self.sandbox_file} is not what the sandbox writes ({error}); delete it and start again."
            ) from error
        return described
