"""Who the bridge is to AWS: one source of credentials, shared by all streams and renewed before they expire.

authentication.py  a type and its settings
providers.py       the types of `kinesis.authentication`: one table, one entry each
refreshable.py     credentials as botocore takes them: renewed ahead, failures in the bridge's own errors
errors.py          why there are none, in the user's words
endpoints.py       the URLs that each type asks
static_keys.py     token
local_sources.py   default, profile, ec2_role, process
assume_role.py     assume_role, web_identity, and an output's own role
certificates.py    iot, roles_anywhere
"""

from bridge.aws.credentials.authentication import Authentication
from bridge.aws.credentials.providers import AUTHENTICATION, authenticated_session

__all__ = ["AUTHENTICATION", "Authentication", "authenticated_session"]
