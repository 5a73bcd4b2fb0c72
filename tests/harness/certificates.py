"""Certificate authority of a test. It issues a server certificate for 127.0.0.1, and client certificates."""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_FOR = dt.timedelta(days=2)
SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
"""Key usage that Python 3.13 and newer require, because they verify certificates strictly by RFC 5280."""


class Authority:
    """Certificate authority. `folder` contains `ca.pem`, and `NAME.pem` with `NAME.key` for each issued certificate."""

    def __init__(self, folder: Path, name: str = "plant authority") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        certificate = (
            _builder(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(SIGNS_CERTIFICATES, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, *, valid_for=VALID_FOR, address="127.0.0.1") -> tuple[Path, Path]:
        """Return (certificate file, key file) of a server with this address, which is also localhost."""
        names = [x509.IPAddress(ipaddress.ip_address(address)), x509.DNSName("localhost")]
        return self._issue("server", ExtendedKeyUsageOID.SERVER_AUTH, x509.SubjectAlternativeName(names), valid_for)

    def client(self, name: str, *, valid_for=VALID_FOR, of_key: Path | None = None) -> tuple[Path, Path]:
        """Return (certificate file, key file) with the common name `name`, for the key `of_key` or for a new key."""
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        key = serialization.load_pem_private_key(of_key.read_bytes(), None) if of_key else None
        return self._issue(name, ExtendedKeyUsageOID.CLIENT_AUTH, names, valid_for, key)

    def _issue(self, name, usage, alternative_names, valid_for, key=None):
        key = key or ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(_named(name), self._name, key, valid_for)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(alternative_names, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        files = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files


def _named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject, issuer, key, valid_for=VALID_FOR):
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1) + min(valid_for, dt.timedelta(0)))
        .not_valid_after(now + valid_for)
    )
