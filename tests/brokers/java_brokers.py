"""Brokers in Java, from the registry of Maven."""

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.brokers.broker import BUILD, SECRET, Broker, found_program


class JavaBroker(Broker):
    """A broker from the registry of Maven, with a main class in `servers/`."""

    stores, start_secs = True, 90.0
    server = ""

    @classmethod
    def program(cls):
        return found_program("java") if (BUILD / "java" / cls.server / "classes").exists() else None

    def command(self):
        key = serialization.load_pem_private_key(self.key_file.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate(self.cert_file.read_bytes())
        password = serialization.BestAvailableEncryption(b"secret")
        store = self.folder / "keys.p12"
        store.write_bytes(pkcs12.serialize_key_and_certificates(b"server", key, certificate, None, password))
        ports = map(str, (self.port, self.websocket_port, self.tls_port))
        java = BUILD / "java" / self.server
        command = [self.program(), "-cp", f"{java}/classes:{java}/*", "Main", *ports, str(store)]
        return [*command, SECRET if self.acl else "", str(self.folder)]


class HiveMqBroker(JavaBroker):
    name, server = "HiveMQ CE", "hivemq"


class MoquetteBroker(JavaBroker):
    name, server = "Moquette", "moquette"


class ArtemisBroker(JavaBroker):
    name, server, has_acl = "Artemis", "artemis", False
