"""The policy file: read whole or not at all, and again when it changes; what is wrong in it never opens anything."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Protocol

import jsonschema
import msgspec

from orchestration.errors import Invalid
from orchestration.validation.hosts import destination
from orchestration.validation.policy import Policy
from orchestration.validation.shapes import InvalidYaml, read_yaml, shape_problems

log = logging.getLogger(__name__)

SHIPPED = Path(__file__).with_name("policy.yaml")
LOOKED_AT_EVERY_SECONDS = 1.0
_LARGEST_BYTES = 1_000_000
_SHAPE = jsonschema.Draft202012Validator(msgspec.json.schema(Policy))


class InvalidPolicy(Invalid):
    """A policy file breaks rules; `problems` names every one of them with its path."""

    code = "invalid_policy"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Policies(Protocol):
    """Where the policy in force comes from; a policy file is one."""

    def current(self) -> Policy:
        """The policy as it is now."""


class NoFile:
    """A policy that no file holds; without any, what holds anyway: a write asks."""

    def __init__(self, policy: Policy | None = None) -> None:
        self._policy = policy or Policy()

    def current(self) -> Policy:
        """See `Policies.current`."""
        return self._policy


class PolicyFile:
    """The policy in force.

    Args:
        path: Of the file, in the deployment's own folder.
        systems: Addresses of the systems in the settings, to whose hosts links may lead too; also bare hosts.
        clock: Seconds; the file is looked at no more often than once in one.

    Raises:
        InvalidPolicy: The file is wrong, or there is none.
    """

    def __init__(
        self, path: Path = SHIPPED, systems: Iterable[str] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._clock = path, clock
        self._hosts = hosts_of(systems)
        self._stamp = _stamp(path)
        self._looked_at = clock()
        self._policy = self._read()
        self._capabilities: Collection[str] | None = None

    def compare(self, capabilities: Collection[str]) -> None:
        """Name in the log each rule that forbids a capability that there is not, now and after each change."""
        self._capabilities = capabilities
        self._name_idle()

    def _name_idle(self) -> None:
        if self._capabilities is not None:
            for sentence in self._policy.idle_rules(self._capabilities):
                log.warning("%s", sentence)

    def current(self) -> Policy:
        """What the file says now; while it is wrong or gone, what it said last."""
        now = self._clock()
        if now - self._looked_at < LOOKED_AT_EVERY_SECONDS:
            return self._policy
        self._looked_at = now
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return self._policy
        self._stamp = stamp
        try:
            self._policy = self._read()
        except InvalidPolicy as error:
            log.error("the policy is wrong, so the last good one stays in force: %s", error.message)
        else:
            log.warning("the policy was read again from %s", self._path.name)
            self._name_idle()
        return self._policy

    def _read(self) -> Policy:
        policy = read(self._path)
        return msgspec.structs.replace(policy, hosts=[*policy.hosts, *self._hosts])


def hosts_of(systems: Iterable[str]) -> list[str]:
    """The hosts of addresses, as policy names them; bare hosts stay as they are."""
    return [host for each in systems if each and (host := destination(each) or each.lower())]


def read(path: Path) -> Policy:
    """The policy in a file.

    Raises:
        InvalidPolicy: Names every problem with its path.
    """
    name = path.name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidPolicy([f"{name}: cannot be read: {error.strerror}"]) from None
    if len(content) > _LARGEST_BYTES:
        raise InvalidPolicy([f"{name}: is larger than {_LARGEST_BYTES // 1_000_000} MB; a policy is a page or two"])
    try:
        found = read_yaml(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidPolicy([f"{name}: is not UTF-8 text (byte {error.start})"]) from None
    except InvalidYaml as error:
        raise InvalidPolicy([f"{name}{error}"]) from None
    if not isinstance(found, dict) or not found:
        raise InvalidPolicy([f"{name}: a policy is a mapping that starts with 'capabilities:'"])
    if problems := shape_problems(found, _SHAPE, "policy"):
        raise InvalidPolicy([f"{name}: {problem}" for problem in problems])
    try:
        policy = msgspec.convert(found, Policy)
    except msgspec.ValidationError as error:  # what a schema cannot say
        raise InvalidPolicy([f"{name}: {error}"]) from None
    if problems := policy.problems():
        raise InvalidPolicy([f"{name}: {problem}" for problem in problems])
    return policy


def _stamp(path: Path) -> tuple[int, int, int]:
    """What tells that the file has changed; zeros for none."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino
