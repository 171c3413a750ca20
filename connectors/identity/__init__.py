"""Acting as a person at other systems: on-behalf-of, and SAP's second hop."""

from connectors.identity.assertion import AssertionSource
from connectors.identity.bearer import Bearer
from connectors.identity.identity import Identity, IdentitySettings

__all__ = ["AssertionSource", "Bearer", "Identity", "IdentitySettings"]
