"""Who the bridge is to AWS: one source of credentials, shared by all streams and renewed before they expire.

authentication.py   the types of `kinesis.authentication`: one table, one entry each
source.py           credentials as botocore takes them: renewed ahead, failures in the bridge's own errors
failures.py         why there are none, in the user's words
access_key.py       token
machine.py          default, profile, ec2_role, process
roles.py            assume_role, web_identity, and an output's own role
certificates.py     iot, roles_anywhere
"""

from bridge.kinesis.credentials.authentication import AUTHENTICATION, Authentication, authenticated_session

__all__ = ["AUTHENTICATION", "Authentication", "authenticated_session"]
