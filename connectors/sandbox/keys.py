"""Keys, certificates and secrets: made at the first start and kept, so that tokens outlive a restart."""

from __future__ import annotations

import os
import secrets
import ssl
from pathlib import Path

import msgspec
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm


class SigningKey:
    """An RSA key with its id, as a JWKS shows it."""

    def __init__(self, file: Path, kid: str) -> None:
        self.kid = kid
        if file.exists():
            loaded = serialization.load_pem_private_key(file.read_bytes(), password=None)
            if not isinstance(loaded, rsa.RSAPrivateKey):
                raise ValueError(f"{file} holds no RSA key")
            self.private = loaded
            return
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(file, pem)

    @property
    def public(self) -> rsa.RSAPublicKey:
        """The half that others may know."""
        return self.private.public_key()

    def jwk(self, **extra: object) -> dict[str, object]:
        """The public key as a JSON Web Key."""
        return {
            **RSAAlgorithm.to_jwk(self.public, as_dict=True),
            "kid": self.kid,
            "use": "sig",
            "alg": "RS256",
            **extra,
        }


class Secrets(msgspec.Struct):
    """Secrets that clients of the sandbox must know; they leave it only through sandbox.json."""

    app: str
    sso: str
    sap: str
    control: str
    model: str


class Keyring:
    """Everything secret that the sandbox holds."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.authority = SigningKey(folder / "authority.pem", "sandbox-authority")
        self.channel = SigningKey(folder / "channel.pem", "sandbox-channel")
        self.facade = SigningKey(folder / "facade.pem", "sandbox-facade")
        self.ca_file = folder / "ca.pem"
        self._server_file = folder / "localhost.pem"
        if not (self.ca_file.exists() and self._server_file.exists()):
            ca = trustme.CA(organization_name="Tandem sandbox")
            server = ca.issue_cert("localhost", "127.0.0.1")
            chain = b"".join(part.bytes() for part in server.cert_chain_pems)
            write_private(self._server_file, server.private_key_pem.bytes() + chain)
            self.ca_file.write_bytes(ca.cert_pem.bytes())
        self.secrets = self._secrets(folder / "secrets.json")

    @staticmethod
    def _secrets(file: Path) -> Secrets:
        kept = msgspec.json.decode(file.read_bytes()) if file.exists() else {}
        new = {name: secrets.token_urlsafe(24) for name in Secrets.__struct_fields__ if name not in kept}
        made = msgspec.convert({**kept, **new}, Secrets)
        if new:
            write_private(file, msgspec.json.encode(made))
        return made

    def tls(self) -> ssl.SSLContext:
        """The context for the authority's https."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._server_file)
        return context


def write_private(file: Path, content: bytes) -> None:
    """Writes a file that only its owner reads, whole or not at all."""
    draft = file.with_name(file.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
    draft.replace(file)
