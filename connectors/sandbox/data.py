"""The tenant as its data folder describes it: people, groups, sites and ERP tables."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import msgspec
import yaml

from connectors.sandbox.tables import Problems, Table, load_tables, read_csv
from orchestration.errors import InvalidContent

SHOWN_PROBLEMS = 20
EVERYONE = "everyone"
_KEY = re.compile(r"[a-z][a-z0-9_-]{0,30}")


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An app registration; its secret is made by the sandbox and lives in the state folder."""

    id: str
    name: str


class Apps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The two registrations of Tandem: the bot itself, and the one people sign in to."""

    bot: Registration
    sso: Registration


class TenantFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of tenant.yml.

    `company` is the one that people work in (Dynamics: dataAreaId); `today` is the day to which the days of mail,
    events and chats are relative (empty: the day of the start); Sent Items show a message so many seconds after it
    was sent. `sap_export` is the file in SharePoint to which SAP's invoices are exported every night, as `site/path`;
    empty for none.
    """

    id: str
    name: str
    domain: str
    sharepoint_host: str
    dynamics_url: str
    company: str
    apps: Apps
    today: str = ""
    sent_items_delay_seconds: float = 2.0
    sap_export: str = ""


class Person(msgspec.Struct, frozen=True):
    """Somebody of the tenant; `key` is the short name used in the data files and on the command line."""

    key: str
    id: str
    name: str
    given_name: str
    surname: str
    upn: str
    job_title: str
    department: str
    manager: str
    sap: bool
    dynamics: bool

    @property
    def teams_id(self) -> str:
        """The person's id in Teams, as `activity.from.id` carries it."""
        return "29:1" + base64.urlsafe_b64encode(uuid.UUID(self.id).bytes).decode().rstrip("=")


class Group(msgspec.Struct, frozen=True):
    """A security group and its members' keys."""

    id: str
    name: str
    description: str
    members: tuple[str, ...]


class Library(msgspec.Struct, frozen=True):
    """A document library: where its files are, and who may read and write them (keys of people)."""

    name: str
    readers: frozenset[str]
    writers: frozenset[str]
    folder: Path
    everyone: bool = False  # "Everyone except external users" is among the readers


class Site(msgspec.Struct, frozen=True):
    """A SharePoint site; its libraries' first is the default one."""

    name: str
    title: str
    libraries: tuple[Library, ...]


class Tenant(msgspec.Struct, frozen=True):
    """Everything that the data folder says."""

    file: TenantFile
    people: dict[str, Person]
    groups: dict[str, Group]
    sites: dict[str, Site]
    sap: dict[str, Table]
    dynamics: dict[str, Table]

    @property
    def id(self) -> str:
        """The tenant's GUID."""
        return self.file.id

    def person_by_id(self, oid: str) -> Person | None:
        """The person with this Entra object id."""
        return next((person for person in self.people.values() if person.id == oid), None)

    def person_by_teams_id(self, teams_id: str) -> Person | None:
        """The person with this Teams user id."""
        return next((person for person in self.people.values() if person.teams_id == teams_id), None)

    def person_by_name(self, text: str) -> Person | None:
        """The person with this object id or user principal name, as Graph's /users/{...} takes either."""
        wanted = text.casefold()
        return next((p for p in self.people.values() if wanted in (p.id.casefold(), p.upn.casefold())), None)


def load(folder: Path) -> Tenant:
    """Loads and checks a whole data folder.

    Raises:
        InvalidContent: Names every problem with its file, row and column.
    """
    if not folder.is_dir():
        raise InvalidContent(f"There is no data folder {folder}. Give --data the folder that holds tenant.yml.")
    problems = Problems(folder)
    file = _tenant_file(folder / "tenant.yml", problems)
    people = _people(folder / "people.csv", problems)
    groups = _groups(folder / "groups.csv", people, problems)
    sites = _sites(folder / "sharepoint", people, groups, problems)
    sap = load_tables(folder / "sap", problems)
    dynamics = load_tables(folder / "dynamics", problems)
    if problems.found or file is None:
        raise InvalidContent(report(folder, problems.found))
    return Tenant(file, people, groups, sites, sap, dynamics)


def report(folder: Path, found: list[str]) -> str:
    """What is wrong with a data folder, as people read it."""
    shown = "\n".join(f"  {line}" for line in found[:SHOWN_PROBLEMS])
    more = f"\n  ... and {len(found) - SHOWN_PROBLEMS} more" if len(found) > SHOWN_PROBLEMS else ""
    return f"The data in {folder} cannot be used as it is:\n{shown}{more}"


def _tenant_file(file: Path, problems: Problems) -> TenantFile | None:
    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        if isinstance(raw, dict) and isinstance(raw.get("today"), date):
            raw["today"] = raw["today"].isoformat()
        found = msgspec.convert(raw, TenantFile)
    except FileNotFoundError:
        problems.add(file, "the file is missing")
        return None
    except (msgspec.ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        problems.add(file, str(error).replace("\n", " "))
        return None
    for name, value in (("id", found.id), ("apps.bot.id", found.apps.bot.id), ("apps.sso.id", found.apps.sso.id)):
        if not _is_guid(value):
            problems.add(file, f"{name}: {value!r} is not a GUID")
    if found.apps.bot.id == found.apps.sso.id:
        problems.add(file, "apps.bot.id and apps.sso.id are the same; they are two registrations")
    return found


def _people(file: Path, problems: Problems) -> dict[str, Person]:
    columns = tuple(field.name for field in msgspec.structs.fields(Person))
    people: dict[str, Person] = {}
    lines: dict[str, int] = {}
    for number, cells in read_csv(file, columns, problems):
        key = cells["key"]
        if not _KEY.fullmatch(key):
            problems.add(file, f"{key!r} is not a short lower-case name like 'megan'", row=number, column="key")
        elif key in people:
            problems.add(file, f"{key!r} is already in row {lines[key]}", row=number, column="key")
        else:
            people[key] = _person(file, number, cells, people, problems)
            lines[key] = number
    for key, person in people.items():
        if person.manager and person.manager not in people:
            message = f"{person.manager!r} is nobody's key in this file"
            problems.add(file, message, row=lines[key], column="manager")
        elif _in_a_circle(person, people):
            problems.add(file, f"{key} is their own manager's manager", row=lines[key], column="manager")
    return people


def _person(file: Path, number: int, cells: dict[str, str], others: dict[str, Person], problems: Problems) -> Person:
    if not _is_guid(cells["id"]):
        problems.add(file, f"{cells['id']!r} is not a GUID", row=number, column="id")
    for column in ("name", "upn"):
        if not cells[column]:
            problems.add(file, "the cell is empty", row=number, column=column)
    for column in ("id", "upn"):
        twin = next((other.key for other in others.values() if getattr(other, column) == cells[column]), None)
        if twin:
            problems.add(file, f"{cells[column]!r} is already {twin}'s", row=number, column=column)
    access = {column: {"yes": True, "no": False}.get(cells[column].lower()) for column in ("sap", "dynamics")}
    for column, answer in access.items():
        if answer is None:
            problems.add(file, f"{cells[column]!r} is neither yes nor no", row=number, column=column)
    texts = {field.name: cells[field.name] for field in msgspec.structs.fields(Person) if field.name not in access}
    return Person(**texts, sap=bool(access["sap"]), dynamics=bool(access["dynamics"]))


def _in_a_circle(person: Person, people: dict[str, Person]) -> bool:
    seen = {person.key}
    above = person.manager
    while above in people:
        if above in seen:
            return above == person.key
        seen.add(above)
        above = people[above].manager
    return False


def _groups(file: Path, people: dict[str, Person], problems: Problems) -> dict[str, Group]:
    groups: dict[str, Group] = {}
    for number, cells in read_csv(file, ("id", "name", "description", "members"), problems):
        if not _is_guid(cells["id"]):
            problems.add(file, f"{cells['id']!r} is not a GUID", row=number, column="id")
        if not cells["name"] or cells["name"] in groups:
            problems.add(file, f"{cells['name']!r} is empty or named twice", row=number, column="name")
        members = tuple(_names(cells["members"]))
        for member in members:
            if member not in people:
                problems.add(file, f"{member!r} is nobody's key in people.csv", row=number, column="members")
        groups[cells["name"]] = Group(cells["id"], cells["name"], cells["description"], members)
    return groups


def _sites(folder: Path, people: dict[str, Person], groups: dict[str, Group], problems: Problems) -> dict[str, Site]:
    file = folder / "sites.csv"
    sites: dict[str, Site] = {}
    for number, cells in read_csv(file, ("site", "title", "library", "readers", "writers"), problems):
        allowed: dict[str, frozenset[str]] = {}
        for column in ("readers", "writers"):
            keys: set[str] = set()
            for name in _names(cells[column]):
                if name in groups:
                    keys.update(groups[name].members)
                elif name in people:
                    keys.add(name)
                elif name == EVERYONE and column == "readers":
                    keys.update(people)
                else:
                    message = f"{name!r} is neither a group of groups.csv nor a key of people.csv"
                    problems.add(file, message, row=number, column=column)
            allowed[column] = frozenset(keys)
        place = folder / cells["site"] / cells["library"]
        if not re.fullmatch(r"[A-Za-z0-9_-]+", cells["site"]):
            message = f"{cells['site']!r} is not a site address (letters, digits, - and _)"
            problems.add(file, message, row=number, column="site")
        elif not place.is_dir() or not cells["library"]:
            message = f"there is no folder {place.relative_to(folder.parent).as_posix()}"
            problems.add(file, message, row=number, column="library")
        readers, everyone = allowed["readers"] | allowed["writers"], EVERYONE in _names(cells["readers"])
        library = Library(cells["library"], readers, allowed["writers"], place, everyone)
        known = sites.get(cells["site"])
        if known and any(other.name == library.name for other in known.libraries):
            problems.add(file, f"{cells['library']!r} is named twice", row=number, column="library")
        libraries = (*known.libraries, library) if known else (library,)
        sites[cells["site"]] = Site(cells["site"], known.title if known else cells["title"], libraries)
    listed = {library.folder for site in sites.values() for library in site.libraries}
    for place in sorted(folder.glob("*/*/")):
        if place.is_dir() and place not in listed and not place.name.startswith("."):
            problems.add(place, "the folder is no library of sites.csv: who may read it?")
    return sites


def _names(cell: str) -> Iterable[str]:
    return (part.strip() for part in cell.split(";") if part.strip())


def _is_guid(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is not None
