"""Python's mail libraries over implicit TLS, verifying.

client.py PROTOCOL HOST PORT CA VERSION
PROTOCOL is `imap`, `pop3`, `smtp` or `pyopenssl` (one line sent and one read, with the wheel's
OpenSSL). Prints what was negotiated and exchanged; a failure is an exception and status 1.
"""

import socket
import ssl
import sys

protocol, host, port, ca, version = sys.argv[1:]
port = int(port)
USER = PASSWORD = "test"

context = ssl.create_default_context(cafile=ca)
context.minimum_version = context.maximum_version = ssl.TLSVersion[f"TLSv{version.replace('.', '_')}"]


def show(connection):
    print("negotiated", connection.version(), connection.cipher()[0])


def imap():
    import imaplib

    with imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=20) as client:
        show(client.sock)
        print("greeting", client.welcome.decode())
        print("login", *client.login(USER, PASSWORD))
        print("select", *client.select("INBOX"))


def pop3():
    import poplib

    client = poplib.POP3_SSL(host, port, context=context, timeout=20)
    show(client.sock)
    print("greeting", client.getwelcome().decode())
    client.user(USER)
    print("login", client.pass_(PASSWORD).decode())
    print("stat", *client.stat())
    print("quit", client.quit().decode())


def smtp():
    import smtplib

    with smtplib.SMTP_SSL(host, port, context=context, timeout=20, local_hostname="client.example") as client:
        show(client.sock)
        print("ehlo", client.ehlo_resp.decode() if client.ehlo_resp else client.ehlo())
        message = "From: <a@example.org>\r\nTo: <b@example.org>\r\nSubject: hello from smtplib\r\n\r\ntext\r\n"
        print("refused", client.sendmail("a@example.org", ["b@example.org"], message))


def pyopenssl():
    from OpenSSL import SSL

    wheel = SSL.Context(SSL.TLS_CLIENT_METHOD)
    wheel.load_verify_locations(ca)
    wheel.set_verify(SSL.VERIFY_PEER)
    number = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}[version]
    wheel.set_min_proto_version(number)
    wheel.set_max_proto_version(number)
    raw = socket.create_connection((host, port), timeout=20)
    raw.setblocking(True)
    connection = SSL.Connection(wheel, raw)
    connection.set_tlsext_host_name(b"localhost")
    connection.set_connect_state()
    connection.do_handshake()
    print(
        "negotiated",
        connection.get_protocol_version_name(),
        connection.get_cipher_name(),
        connection.get_group_name(),
    )
    # RFC 9266 §2: with an empty context.
    print("exporter", connection.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"").hex())
    print("greeting", connection.recv(4096).decode().strip())
    connection.sendall(b"quit\r\n")
    print("answer", connection.recv(4096).decode().strip())
    connection.shutdown()


{"imap": imap, "pop3": pop3, "smtp": smtp, "pyopenssl": pyopenssl}[protocol]()
