"""AWS identity of the bridge: the credentials that all streams share.

authentication.py         an authentication type and its settings
providers.py              table of the types of `kinesis.authentication`
renewed_credentials.py    credentials for botocore, which are renewed before they expire
credential_errors.py      errors for missing credentials, with cause and remedy
credential_endpoints.py   the URLs that each type calls

The types are implemented in:

static_keys.py            token
local_sources.py          default, profile, ec2_role
process.py                process
assume_role.py            assume_role, web_identity, and the role of an output
certificates.py           iot, roles_anywhere
"""

from bridge.aws.credentials.authentication import Authentication
from bridge.aws.credentials.providers import AUTHENTICATION, authenticated_session

__all__ = ["AUTHENTICATION", "Authentication", "authenticated_session"]
