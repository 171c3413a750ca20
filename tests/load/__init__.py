"""How the bot answers when many people press at once, over real HTTP: `python -m tests.load.approvals`."""
