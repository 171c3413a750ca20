"""The command line: `tandem`."""

from __future__ import annotations


def main() -> None:
    """Runs `tandem`; a foreseen error is one message on stderr and exit code 1."""
    from bot.cli.app import run

    run()
