"""A certificate authority of one home, and what it signs. Elliptic keys on P-256, PEM files that Kafka reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 397
"""As long as browsers still accept: https://cabforum.org, ballot SC31."""
CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs the certificates of one home."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """What clients trust."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """What has to stay secret."""
        return _key_pem(self.key)


def new_authority(name: str, now: datetime) -> Authority:
    """An authority of ten years that may sign servers and clients, but no other authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = _usage(key_cert_sign=True, crl_sign=True)
    draft = _draft(_named(name), _named(name), key, now, timedelta(days=AUTHORITY_DAYS))
    draft = draft.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return Authority(draft.add_extension(usage, critical=True).sign(key, hashes.SHA256()), key)


def read_authority(certificate_pem: bytes, key_pem: bytes) -> Authority:
    """An authority from its two files.

    Raises:
        ValueError: One is not PEM, or the key is of another kind.
    """
    key = serialization.load_pem_private_key(key_pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the authority's key is not elliptic")
    return Authority(x509.load_pem_x509_certificate(certificate_pem), key)


def signed(
    authority: Authority,
    name: str,
    hosts: tuple[str, ...],
    now: datetime,
    lifetime: timedelta = timedelta(days=CERTIFICATE_DAYS),
    *,
    is_client: bool = False,
) -> bytes:
    """A new key with its certificate for a server at ``hosts``, and the authority's: one PEM file.

    Args:
        authority: Who signs.
        name: Common name; Kafka knows a client by it as ``CN=name``.
        hosts: Names and addresses under which clients reach it.
        now: The certificate holds from here on.
        lifetime: How long it holds.
        is_client: Whether it also proves who a client is.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, *([ExtendedKeyUsageOID.CLIENT_AUTH] if is_client else [])]
    draft = _draft(_named(name), authority.certificate.subject, key, now, lifetime)
    draft = draft.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    draft = draft.add_extension(_usage(digital_signature=True), critical=True)
    draft = draft.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    draft = draft.add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
    certificate = draft.sign(authority.key, hashes.SHA256())
    return _key_pem(key) + certificate.public_bytes(serialization.Encoding.PEM) + authority.certificate_pem


def read_certificate(pem: bytes) -> x509.Certificate:
    """The first certificate of a PEM file, which may hold a key before it.

    Raises:
        ValueError: There is none.
    """
    return x509.load_pem_x509_certificates(pem)[0]


def hosts_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Names and addresses that it is for; none for an authority."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in names)


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate, as openssl prints it."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _draft(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + lifetime)
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
