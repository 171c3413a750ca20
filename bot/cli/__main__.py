"""`python -m bot.cli` is `tandem`."""

from bot.cli import main

main()
