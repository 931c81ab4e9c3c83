#!/usr/bin/env python3
"""Writes the certificates of cases.json anew from what the cases say of them.

Needs the package `cryptography`. The same cases give the same certificates, byte for byte: the key
is fixed, and a signature with Ed25519 needs no randomness. `--check` compares instead of writing.
"""

import base64
import json
import pathlib
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FILE = pathlib.Path(__file__).with_name("cases.json")
# Not a secret: it protects nothing.
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ED25519 = bytes.fromhex("06032b6570")
ORGANISATION, COMMON_NAME = bytes.fromhex("060355040a"), bytes.fromhex("0603550403")
SUBJECT_ALT_NAME = bytes.fromhex("0603551d11")
ON_DNS_SRV = bytes.fromhex("06082b06010505070807")
UTF8, PRINTABLE, BMP = 0x0C, 0x13, 0x1E


def main():
    text = FILE.read_text(encoding="utf-8")
    cases = json.loads(text)
    for case in cases:
        case["certificate"] = base64.b64encode(certificate(case)).decode()
    written = "[\n" + ",\n".join(map(lines, cases)) + "\n]\n"
    if "--check" not in sys.argv[1:]:
        FILE.write_text(written, encoding="utf-8")
    elif written != text:
        sys.exit(f"{FILE} is not what make.py makes of it: run it")


def lines(case):
    pairs = (
        f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in case.items()
    )
    return " {\n" + ",\n".join(pairs) + "\n }"


def certificate(case):
    """RFC 5280 section 4.1. From 2020 to 2049, signed by itself."""
    version, serial = der(0xA0, der(2, b"\x02")), der(2, b"\x01")
    algorithm = der(0x30, ED25519)
    validity = der(0x30, der(0x17, b"200101000000Z"), der(0x17, b"491231235959Z"))
    name = subject(case.get("common_names", []))
    key = KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    parts = [version, serial, algorithm, name, validity, name, key]
    if case["presented"]:
        names = der(0x30, *map(general_name, case["presented"]))
        parts.append(der(0xA3, der(0x30, der(0x30, SUBJECT_ALT_NAME, der(4, names)))))
    to_be_signed = der(0x30, *parts)
    return der(0x30, to_be_signed, algorithm, der(3, b"\x00" + KEY.sign(to_be_signed)))


def subject(common_names):
    """An organisation that is named like the server, which says nothing, and the common names."""
    attributes = [(ORGANISATION, der(UTF8, b"imap.example.org"))]
    for value in common_names:
        ((kind, text),) = value.items()
        if kind == "utf8":
            attributes.append((COMMON_NAME, der(UTF8, text.encode())))
        elif kind == "printable":
            attributes.append((COMMON_NAME, der(PRINTABLE, text.encode())))
        elif kind == "bmp":
            attributes.append((COMMON_NAME, der(BMP, text.encode("utf-16-be"))))
        else:
            raise ValueError(kind)
    return der(0x30, *(der(0x31, der(0x30, kind, value)) for kind, value in attributes))


def general_name(name):
    """RFC 5280 section 4.2.1.6, RFC 4985 section 2."""
    ((kind, value),) = name.items()
    if kind == "dns":
        return der(0x82, value.encode("latin-1"))
    if kind == "uri":
        return der(0x86, value.encode("latin-1"))
    if kind == "ip":
        return der(0x87, bytes.fromhex(value))
    if kind == "srv":
        return der(0xA0, ON_DNS_SRV, der(0xA0, der(0x16, value.encode("latin-1"))))
    if kind == "der":
        return bytes.fromhex(value)
    raise ValueError(kind)


def der(tag, *content):
    content = b"".join(content)
    length = len(content)
    if length < 0x80:
        head = bytes([tag, length])
    elif length < 0x100:
        head = bytes([tag, 0x81, length])
    else:
        head = bytes([tag, 0x82]) + length.to_bytes(2, "big")
    return head + content


if __name__ == "__main__":
    main()
