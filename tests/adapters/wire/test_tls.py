"""TLS: only to whom the certificate names, and whom a trusted authority vouches for."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.contracts.errors import Unreachable
from adapters.http import HttpClient
from tests.adapters.wire.peer import ok, peer

pytestmark = pytest.mark.anyio


def certificate(folder: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a new certificate for ``host``, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / f"{host}.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    trusting = ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
    return server, trusting


async def test_over_tls(tmp_path: Path) -> None:
    server_tls, trusting = certificate(tmp_path, "localhost")
    body = b"x" * 300_000
    async with peer(ok(body), tls=server_tls) as server:
        http = HttpClient(server.url, tls=trusting)
        for _ in range(3):
            assert (await http.send("GET", "/")).body == body
        await http.aclose()
    assert server.connections == 1


async def test_an_authority_that_nobody_knows(tmp_path: Path) -> None:
    server_tls, _ = certificate(tmp_path, "localhost")
    async with peer(ok(), tls=server_tls) as server:
        http = HttpClient(server.url)
        with pytest.raises(Unreachable, match="SSLCertVerificationError"):
            await http.send("GET", "/")
        await http.aclose()
    assert server.heard == []


async def test_a_certificate_for_another_host(tmp_path: Path) -> None:
    server_tls, trusting = certificate(tmp_path, "elsewhere.example")
    async with peer(ok(), tls=server_tls) as server:
        http = HttpClient(server.url, tls=trusting)
        with pytest.raises(Unreachable, match="SSLCertVerificationError"):
            await http.send("GET", "/")
        await http.aclose()
    assert server.heard == []


async def test_a_server_that_speaks_no_tls() -> None:
    async with peer(ok()) as server:
        http = HttpClient(server.url.replace("http:", "https:"), timeout_s=5)
        with pytest.raises(Unreachable):
            await http.send("GET", "/")
        await http.aclose()
