"""Who may do what with a file, and how it is labelled: files.csv and labels.csv, and what was shared since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path

import msgspec

from connectors.sandbox.data import Tenant, report
from connectors.sandbox.days import moment_of, zone_of
from connectors.sandbox.drive import Drive, Item
from connectors.sandbox.journal import Journal
from connectors.sandbox.tables import Problems, read_csv
from orchestration.errors import InvalidContent

NONE, READ, WRITE, OWNER = range(4)
ROLES = {READ: "read", WRITE: "write", OWNER: "owner"}
_FILE_COLUMNS = ("site", "library", "path", "owner", "readers", "writers", "label", "modified")
_LABEL_COLUMNS = ("id", "name", "level", "protected")


class Label(msgspec.Struct, frozen=True):
    """A sensitivity label; a higher level is more sensitive."""

    id: str
    name: str
    level: int
    protected: bool


class Rule(msgspec.Struct, frozen=True):
    """What files.csv says of one file or folder; `own` means that its library's readers and writers do not count."""

    owner: str
    own: bool
    readers: frozenset[str]
    writers: frozenset[str]
    label: str
    modified: datetime | None


class Grant(msgspec.Struct, frozen=True):
    """A file or folder that was shared with a person."""

    id: str
    drive: str
    item: str
    person: str
    role: int
    granted_by: str
    at: datetime


class Sharing:
    """Permissions and labels of files."""

    def __init__(self, tenant: Tenant, folder: Path, journal: Journal, today: date) -> None:
        self._tenant = tenant
        problems = Problems(folder)
        self.labels = _labels(folder / "sharepoint/labels.csv", problems)
        self._rules = _rules(folder / "sharepoint/files.csv", tenant, self.labels, today, problems)
        if problems.found:
            raise InvalidContent(report(folder, problems.found))
        self.grants = journal.shelf("grants", Grant)

    def date_files(self, drives: Iterable[Drive]) -> None:
        """Gives the data folder's own files the dates of files.csv; uploads have their own."""
        for drive in drives:
            for item in drive.items():
                rule = self.rule(drive, item)
                if rule and rule.modified and item.version == 1 and not item.editor:
                    item.created = item.modified = rule.modified

    def rights(self, drive: Drive, item: Item, person: str) -> int:
        """What a person may do with an item: NONE, READ, WRITE or OWNER."""
        best = NONE
        node: Item | None = item
        while node is not None:
            best = max([best, *(g.role for g in self._granted(drive, node) if g.person == person)])
            rule = self.rule(drive, node)
            if rule and rule.owner == person:
                return OWNER
            if rule and rule.own:
                return max(best, _level(person, rule.readers, rule.writers))
            node = node.parent
        return max(best, _level(person, drive.library.readers, drive.library.writers))

    def knows(self, drive: Drive, person: str) -> bool:
        """Whether a person may see anything in a library."""
        if person in drive.library.readers:
            return True
        if any(grant.drive == drive.id and grant.person == person for grant in self.grants):
            return True
        where = (drive.site.name.casefold(), drive.library.name.casefold())
        return any(
            key[:2] == where and person in (rule.readers | rule.writers | {rule.owner})
            for key, rule in self._rules.items()
        )

    def owner(self, drive: Drive, item: Item) -> str:
        """The key of who owns an item, "" for the system."""
        rule = self.rule(drive, item)
        return rule.owner if rule and rule.owner else item.author

    def label(self, drive: Drive, item: Item) -> Label | None:
        """The sensitivity label of a file."""
        rule = self.rule(drive, item)
        return self.labels.get(rule.label) if rule else None

    def default(self, drive: Drive) -> Label | None:
        """The label that a library gives files that have none: that of the row of files.csv with no path."""
        rule = self._rules.get((drive.site.name.casefold(), drive.library.name.casefold(), ""))
        return self.labels.get(rule.label) if rule else None

    def people(self, drive: Drive, item: Item) -> list[tuple[str, str, int]]:
        """Everybody with rights on an item: (id of the permission, key of the person, level)."""
        shared = {g.person: g.id for g in self.grants if g.drive == drive.id and g.item == item.id}
        levels = [(key, self.rights(drive, item, key)) for key in self._tenant.people]
        return [(shared.get(key, f"inherited-{key}"), key, level) for key, level in levels if level]

    def for_everyone(self, drive: Drive, item: Item) -> bool:
        """Whether everybody of the tenant reads an item because its library says so."""
        node: Item | None = item
        while node is not None:
            rule = self.rule(drive, node)
            if rule and rule.own:
                return False
            node = node.parent
        return drive.library.everyone

    def rule(self, drive: Drive, item: Item) -> Rule | None:
        """What files.csv says of exactly this item."""
        return self._rules.get((drive.site.name.casefold(), drive.library.name.casefold(), item.path.casefold()))

    def _granted(self, drive: Drive, item: Item) -> list[Grant]:
        return [g for g in self.grants if g.item == item.id and g.drive == drive.id]


def _level(person: str, readers: frozenset[str], writers: frozenset[str]) -> int:
    return WRITE if person in writers else READ if person in readers else NONE


def _labels(file: Path, problems: Problems) -> dict[str, Label]:
    found: dict[str, Label] = {}
    for number, cells in read_csv(file, _LABEL_COLUMNS, problems) if file.exists() else []:
        if not cells["level"].isdigit() or cells["protected"] not in ("yes", "no") or cells["name"] in found:
            problems.add(file, "level is a number, protected yes or no, and a name is there once", row=number)
            continue
        found[cells["name"]] = Label(cells["id"], cells["name"], int(cells["level"]), cells["protected"] == "yes")
    return found


def _rules(
    file: Path, tenant: Tenant, labels: Mapping[str, Label], today: date, problems: Problems
) -> dict[tuple[str, str, str], Rule]:
    found: dict[tuple[str, str, str], Rule] = {}
    for number, cells in read_csv(file, _FILE_COLUMNS, problems) if file.exists() else []:
        site = tenant.sites.get(cells["site"])
        library = next((each for each in site.libraries if each.name == cells["library"]), None) if site else None
        if library is None:
            problems.add(file, f"there is no library {cells['site']}/{cells['library']}", row=number, column="library")
            continue
        if not (library.folder / cells["path"]).exists():
            problems.add(file, f"there is no file {cells['path']!r} in the library", row=number, column="path")
        if cells["owner"] and cells["owner"] not in tenant.people:
            problems.add(file, f"{cells['owner']!r} is nobody's key in people.csv", row=number, column="owner")
        if cells["label"] and cells["label"] not in labels:
            problems.add(file, f"{cells['label']!r} is no label of labels.csv", row=number, column="label")
        who: dict[str, frozenset[str]] = {}
        for column in ("readers", "writers"):
            keys: set[str] = set()
            for name in filter(None, (part.strip() for part in cells[column].split(";"))):
                if name in tenant.groups:
                    keys.update(tenant.groups[name].members)
                elif name in tenant.people:
                    keys.add(name)
                else:
                    problems.add(file, f"{name!r} is neither a group nor a key", row=number, column=column)
            who[column] = frozenset(keys)
        own = bool(cells["readers"] or cells["writers"])
        key = (cells["site"].casefold(), cells["library"].casefold(), cells["path"].casefold())
        try:
            modified = moment_of(cells["modified"], today, zone_of("UTC")) if cells["modified"] else None
        except ValueError as error:
            problems.add(file, str(error), row=number, column="modified")
            continue
        found[key] = Rule(cells["owner"], own, who["readers"], who["writers"], cells["label"], modified)
    return found
