"""Received fields as Python's email package reads them.

Standard input holds fields, each ended by an empty line. For each one line is printed: its words
up to the semicolon, comments and folding left out, then `;` and the date in ISO 8601. A field that
is not one header field, has a line of more than 78 characters, or does not parse is an exception.
"""

import sys
from email import _header_value_parser as parser
from email import policy
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime


def words(value):
    while value and value[0] != ";":
        if value[0] in parser.CFWS_LEADER:
            _, value = parser.get_cfws(value)
        elif value[0] == "<":
            token, value = parser.get_angle_addr(value)
            yield "<" + token.addr_spec + ">"
        elif value[0] == "[":
            token, value = parser.get_domain_literal(value)
            yield token.value
        else:
            token, value = parser.get_dot_atom_text(value)
            yield token.value
    yield ";"
    yield parsedate_to_datetime(value[1:]).isoformat()


for field in sys.stdin.buffer.read().split(b"\r\n\r\n"):
    if not field:
        continue
    lines = field.split(b"\r\n")
    assert all(len(line) <= 78 for line in lines), lines
    message = BytesHeaderParser(policy=policy.SMTP).parsebytes(field + b"\r\n\r\n")
    assert message.keys() == ["Received"], message.keys()
    assert not message.defects, message.defects
    received = message["Received"]
    assert not received.defects, received.defects
    print(*words(str(received)))
