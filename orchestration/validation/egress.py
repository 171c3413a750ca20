"""The rules for what goes out, with the policy in force: what writing workers ask."""

from __future__ import annotations

import functools

from orchestration.core.label import Label, within
from orchestration.validation.links import without_links
from orchestration.validation.policy import Policy
from orchestration.validation.policy_file import Policies, PolicyFile


@functools.cache
def _shipped() -> PolicyFile:
    return PolicyFile()


class Egress:
    """Makes texts fit to go out, and says what may go where.

    Args:
        policies: What the deployment lets Tandem do; without, the policy that comes along.
    """

    def __init__(self, policies: Policies | None = None) -> None:
        self._policies = policies or _shipped()

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._policies.current()

    def text(self, text: str) -> str:
        """Several lines: visible, with links to allowed hosts only."""
        return without_links(text, self.policy.allows).strip()

    def line(self, text: str) -> str:
        """The same on one line, for subjects, places and the like."""
        return " ".join(self.text(" ".join(text.split())).split())

    def may_hold(self, label: Label) -> bool:
        """Whether a place without a label of its own may hold something with this one."""
        return within(label, self.policy.ceilings.unlabelled)
