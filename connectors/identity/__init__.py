"""Acting as a person at other systems: on-behalf-of, and SAP's second hop."""

from connectors.identity.assertion import AssertionSource
from connectors.identity.bearer import Bearer
from connectors.identity.federation import FederatedProof
from connectors.identity.identity import Identity, IdentitySettings
from orchestration.sign_in import Need, SignInMissing

__all__ = ["AssertionSource", "Bearer", "FederatedProof", "Identity", "IdentitySettings", "Need", "SignInMissing"]
