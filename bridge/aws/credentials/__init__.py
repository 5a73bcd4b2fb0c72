"""AWS identity of the bridge: one source of credentials, shared by all streams and renewed before they expire.

authentication.py     a type and its settings
providers.py          table of the types of `kinesis.authentication`
refreshable.py        credentials for botocore: renewed early, with the bridge's own errors
credential_errors.py  why there are no credentials, in words for users
endpoints.py          the URLs that each type calls
static_keys.py        token
local_sources.py      default, profile, ec2_role
process.py            process
assume_role.py        assume_role, web_identity, and the role of an output
certificates.py       iot, roles_anywhere
"""

from bridge.aws.credentials.authentication import Authentication
from bridge.aws.credentials.providers import AUTHENTICATION, authenticated_session

__all__ = ["AUTHENTICATION", "Authentication", "authenticated_session"]
