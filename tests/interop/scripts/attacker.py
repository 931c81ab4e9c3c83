"""A peer that misbehaves in one way, with tlslite-ng.

attacker.py server CASE VERSION ADDRESS PORT CHAIN KEY
attacker.py client CASE VERSION ADDRESS PORT

What the other side made of it is printed as `peer: alert NAME`, `peer: close_notify`, `peer: closed`,
`peer: data`, or `peer: unheard` where the attacker's own code gave up.
"""

import socket
import sys

from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
from tlslite.constants import AlertDescription, ContentType, HandshakeType
from tlslite.errors import TLSAbruptCloseError, TLSRemoteAlert
from tlslite.extensions import TLSExtension
from tlslite.messages import ApplicationData, ChangeCipherSpec, HelloRequest, Message

role, case, version, address, port = sys.argv[1:6]
SENTINEL = bytearray(b"DOWNGRD\x01")
LINE = bytearray(b"* OK ready\r\n" if role == "server" else b"a LOGOUT\r\n")


class Attacker(TLSConnection):
    """A connection whose handshake messages are changed before they are hashed and sent."""

    held = None

    def mangled(self, msg):
        kind = getattr(msg, "handshakeType", None)
        if kind == HandshakeType.server_hello:
            if case == "sentinel":
                msg.random[-8:] = SENTINEL
            elif case == "suite":
                msg.cipher_suite = 0x002F
            elif case == "session-id":
                msg.session_id = bytearray(b"other" * 6)
            elif case == "compression":
                msg.compression_method = 1
            elif case == "group":
                for extension in msg.extensions:
                    if extension.extType == 51:
                        extension.server_share.group = 24
            elif case == "key-share":
                for extension in msg.extensions:
                    if extension.extType == 51:
                        extension.server_share.key_exchange = extension.server_share.key_exchange[:-1]
            elif case == "hello-extension":
                unknown = TLSExtension(extType=0xFAFA).create(bytearray(2))
                msg.extensions = (msg.extensions or []) + [unknown]
            elif case == "hello-twice":
                return [msg, msg]
        if kind == HandshakeType.encrypted_extensions and case == "extension":
            msg.extensions.append(TLSExtension(extType=0xFAFA).create(bytearray(2)))
        if kind == HandshakeType.client_hello:
            if case == "compression":
                msg.compression_methods = [1]
            elif case == "key-share":
                for extension in msg.extensions:
                    if extension.extType == 51:
                        for share in extension.client_shares:
                            share.key_exchange = share.key_exchange[:-1]
            elif case == "hello-twice":
                return [msg, msg]
        if kind == HandshakeType.certificate and case == "certificate-twice":
            return [msg, msg]
        if kind == HandshakeType.certificate_verify:
            if case == "no-verify":
                return []
            if case == "order":
                self.held = msg
                return []
            if case == "signature":
                msg.signature[-1] ^= 1
        if kind == HandshakeType.server_key_exchange and case == "signature":
            msg.signature[-1] ^= 1
        if kind == HandshakeType.client_key_exchange:
            if case == "early-ccs":
                return [ChangeCipherSpec().create(), msg]
            if case == "point":
                msg.ecdh_Yc = msg.ecdh_Yc[:-1]
        if kind == HandshakeType.finished:
            if case == "finished":
                msg.verify_data[0] ^= 1
            elif case == "early-data":
                return [ApplicationData().create(bytearray(b"early")), msg]
            elif case == "no-finished":
                return [ApplicationData().create(bytearray(b"early"))]
            elif case == "order" and self.held is not None:
                return [msg, self.held]
            elif case == "handshake-mac":
                self.break_seal()
        return [msg]

    def _sendMsg(self, msg, *options, **named):
        if isinstance(msg, Message):
            yield from super()._sendMsg(msg, *options, **named)
            return
        for one in self.mangled(msg):
            yield from super()._sendMsg(one, *options, **named)

    def _queue_message(self, msg):
        for one in self.mangled(msg):
            if one.contentType == ContentType.handshake:
                super()._queue_message(one)
            else:
                # Other content cannot wait with it.
                for _ in self._queue_flush():
                    pass
                for _ in super()._sendMsg(one):
                    pass

    def break_seal(self):
        """The next records do not decrypt."""
        seal = self._recordLayer._encryptThenSeal

        def broken(data, kind):
            sealed = bytearray(seal(data, kind))
            sealed[-1] ^= 1
            return sealed

        self._recordLayer._encryptThenSeal = broken

    def say(self, msg):
        for _ in super()._sendMsg(msg):
            pass

    def afterwards(self):
        """What is said after the handshake."""
        if case == "mac":
            self.break_seal()
        if case in ("mac", "nothing"):
            self.write(LINE)
        if case == "padding":
            self._recordLayer.padding_cb = lambda length, kind, most: 300
            self.write(LINE)
        if case == "no-type":
            self.say(Message(0, bytearray(20)))
        if case == "heartbeat":
            self.say(Message(24, bytearray([1, 0x40, 0])))
        if case == "hello-request":
            self.say(HelloRequest().create())
            self.write(LINE)
        if case == "hello-again":
            self.say(Message(ContentType.handshake, bytearray([1, 0, 0, 40]) + bytearray([3, 3]) + bytearray(38)))
        if case == "server-hello-again":
            self.say(Message(ContentType.handshake, bytearray([2, 0, 0, 40]) + bytearray([3, 3]) + bytearray(38)))
        if case == "certificate-request":
            self.say(Message(ContentType.handshake, bytearray([13, 0, 0, 3, 0, 0, 0])))
        if case == "key-updates":
            for _ in range(200):
                for _ in self.send_keyupdate_request(0):
                    pass
        if case == "empty-records":
            for _ in range(5000):
                self.say(Message(ContentType.application_data, bytearray()))
        if case == "warnings":
            for _ in range(100):
                self.say(Message(ContentType.alert, bytearray([1, 90])))
        if case == "cut":
            self.sock.close()


def talk(raw):
    settings = HandshakeSettings()
    number = {"1.1": (3, 2), "1.2": (3, 3), "1.3": (3, 4)}[version]
    settings.minVersion = settings.maxVersion = number
    connection = Attacker(raw)
    connection.closeSocket = True
    try:
        if role == "server":
            with open(sys.argv[6]) as file:
                chain = X509CertChain()
                chain.parsePemList(file.read())
            with open(sys.argv[7]) as file:
                key = parsePEMKey(file.read(), private=True)
            connection.handshakeServer(certChain=chain, privateKey=key, settings=settings)
        else:
            connection.handshakeClientCert(settings=settings, serverName="localhost")
        print("established", flush=True)
        connection.afterwards()
        connection.ignoreAbruptClose = False
        data = connection.read(max=4096)
        # What a server greets with is no verdict yet.
        while data and role == "client":
            data = connection.read(max=4096)
        print("peer: data" if data else "peer: close_notify", flush=True)
    except TLSRemoteAlert as alert:
        print("peer: alert", AlertDescription.toStr(alert.description), flush=True)
    except (TLSAbruptCloseError, ConnectionError, BrokenPipeError) as error:
        print("peer: closed", repr(error), flush=True)
    except Exception as error:
        print("peer: unheard", repr(error), flush=True)


if role == "client":
    with socket.create_connection((address, int(port)), timeout=5) as raw:
        talk(raw)
else:
    with socket.create_server((address, int(port))) as listener:
        while True:
            raw, _ = listener.accept()
            raw.settimeout(5)
            talk(raw)
