"""Where an address on the web really leads, as a browser would read it, and how a host is shown without a link."""

from __future__ import annotations

import ipaddress
import re
from functools import cache, lru_cache
from urllib.parse import urlsplit

import idna
from publicsuffixlist import PublicSuffixList

LONGEST_URL = 2_000
_LONGEST_SHOWN = 60
# Services in which anybody can have an address of their own, beside those of the public suffix list, and above them:
# a pattern must name whose.
_ANYBODYS = frozenset(
    {
        "sharepoint.com", "onmicrosoft.com", "dynamics.com", "core.windows.net", "cloudapp.azure.com", "windows.net",
        "azure.com", "azure.net", "amazonaws.com", "trycloudflare.com", "nip.io", "sslip.io", "googleapis.com",
    }
)  # fmt: skip
# Those among them that have a label for a region or kind before the customer's own.
_PARTED = ("core.windows.net", "cloudapp.azure.com", "dynamics.com")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_ODD = re.compile(r"[\s\\\x00-\x20\x7f-\xa0]")


def destination(url: str) -> str:
    """`host` or `host:port` of an ordinary address, in small ASCII letters; empty if it is anything else.

    Refused: schemes other than https (http only for this machine), a user part (`https://bank@evil`), backslashes,
    blanks, percent signs or a dot at the end of the host, ports that are none, endless addresses. The default port is
    left out; letters beyond ASCII become `xn--`, so that a look-alike never equals what it looks like.
    """
    if len(url) > LONGEST_URL or _ODD.search(url):
        return ""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or "%" in host:
        return ""
    host = ascii_host(host)
    if not host or (parts.scheme == "http" and not is_this_machine(host)):
        return ""
    usual = {"http": 80, "https": 443}[parts.scheme]
    return host if port in (None, usual) else f"{host}:{port}"


@lru_cache(maxsize=1024)
def ascii_host(host: str) -> str:
    """A host as DNS has it; empty if there can be none such."""
    if ":" in host:
        try:
            return ipaddress.IPv6Address(host).compressed
        except ValueError:
            return ""
    try:
        found = host.lower() if host.isascii() else idna.encode(host, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return ""
    labels = found.split(".")
    return found if len(found) <= 253 and all(_LABEL.fullmatch(label) for label in labels) else ""


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def pattern_problem(pattern: str) -> str:
    """What is wrong with a pattern such as `contoso.sharepoint.com`, `*.contoso.com`; empty if it is fine."""
    if "/" in pattern:
        return "is not a host: leave out https:// and the path"
    host, colon, port = pattern.partition(":")
    if colon and not (port.isdecimal() and 0 < int(port) < 65536):
        return f"{port!r} is not a port"
    name = host.removeprefix("*.")
    if ascii_host(name) != name or "*" in name:
        return "is not a host such as contoso.sharepoint.com or *.contoso.com, in small letters and without https://"
    if host.startswith("*.") and _is_anybodys(name):
        return "takes in everybody's hosts: name yours"
    return ""


def _is_anybodys(name: str) -> bool:
    parted = name.partition(".")[2]
    return "." not in name or name in _ANYBODYS or parted in _PARTED or _suffixes().is_public(name)


def is_top_level(name: str) -> bool:
    """Whether a name is a top-level domain; any of two letters is taken for one."""
    return len(name) == 2 or _suffixes().publicsuffix(name) is not None


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


def matches(found: str, pattern: str) -> bool:
    """Whether a destination is what a pattern names; `*.` stands for any subdomain, and not for the domain itself."""
    return found.endswith(pattern[1:]) if pattern.startswith("*.") else found == pattern


def shown_host(url: str) -> str:
    """The host of any address, to be named in a text: never a link again, letters beyond ASCII as `xn--`, not long.

    Empty for an address that leads to no host.

    The dots are put in parentheses, since many programs make links of bare names.
    """
    text = re.sub(r"[\x00-\x20\x7f-\xa0]", "", url).replace("\\", "/")
    rest = re.sub(r"^[a-z][a-z0-9+.-]*:", "", text, count=1, flags=re.IGNORECASE) if "//" in text else text
    if rest == text and not text.startswith("//") and re.match(r"[a-z][a-z0-9+.-]*:(?!\d)", text, re.IGNORECASE):
        return ""  # javascript:, data: and the like
    host = re.split(r"[/?#]", rest.lstrip("/"), maxsplit=1)[0].rpartition("@")[2]
    host = host.partition(":")[0] if not host.startswith("[") else host
    name = ascii_host(host.rstrip(".")) or _squeezed(host)
    if len(name) > _LONGEST_SHOWN:
        name = "…" + name[1 - _LONGEST_SHOWN :]
    return name.replace(".", "(.)")


def _squeezed(host: str) -> str:
    """Whatever stands where a host should: only what can be read as one, look-alikes spelt out."""
    labels = []
    for label in host.lower().split("."):
        try:
            spelt = label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
        except UnicodeError:
            spelt = ""
        labels.append(re.sub(r"[^a-z0-9-]", "", spelt))
    return ".".join(filter(None, labels))
