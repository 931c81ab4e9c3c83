"""A line server over TLS: sends a greeting, then echoes lines; `quit` ends the connection.

server.py ENGINE END ADDRESS PORT CHAIN KEY VERSION
ENGINE is `ssl` (Python's own, with the system's OpenSSL) or `pyopenssl` (with the wheel's).
END is `notify` (close_notify, as it should be) or `drop` (the connection ends without it).
Each connection's version, cipher suite and group are printed.
"""

import socket
import ssl
import sys

engine, end, address, port, chain, key, version = sys.argv[1:]
GREETING = b"* OK ready\r\n"


def serve(connection):
    """The conversation; the same for both engines."""
    connection.sendall(GREETING)
    pending = b""
    while b"quit\r\n" not in pending:
        received = connection.recv(4096)
        if not received:
            return
        connection.sendall(received)
        pending = (pending + received)[-6:]


def with_ssl(raw):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[f"TLSv{version.replace('.', '_')}"]
    with context.wrap_socket(raw, server_side=True) as connection:
        print("negotiated", connection.version(), connection.cipher()[0], flush=True)
        serve(connection)
        if end == "notify":
            connection.unwrap()


def with_pyopenssl(raw):
    from OpenSSL import SSL

    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_chain_file(chain)
    context.use_privatekey_file(key)
    number = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}[version]
    context.set_min_proto_version(number)
    context.set_max_proto_version(number)
    connection = SSL.Connection(context, raw)
    connection.set_accept_state()
    connection.do_handshake()
    print(
        "negotiated",
        connection.get_protocol_version_name(),
        connection.get_cipher_name(),
        connection.get_group_name(),
        flush=True,
    )
    try:
        serve(connection)
    except SSL.ZeroReturnError:
        pass
    if end == "notify":
        connection.shutdown()
    raw.close()


family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.create_server((address, int(port)), family=family) as listener:
    while True:
        raw, _ = listener.accept()
        try:
            {"ssl": with_ssl, "pyopenssl": with_pyopenssl}[engine](raw)
        except Exception as error:  # the next connection must still be served
            print("failed", type(error).__name__, error, flush=True)
            raw.close()
