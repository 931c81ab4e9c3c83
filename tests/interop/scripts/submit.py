"""Two messages by Python's smtplib: to two recipients, and with SMTPUTF8.

submit.py PORT CA implicit|starttls
"""

import smtplib
import ssl
import sys

port, ca, mode = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
arguments = dict(timeout=20, local_hostname="client.example.org")
if mode == "implicit":
    client = smtplib.SMTP_SSL("localhost", int(port), context=context, **arguments)
else:
    client = smtplib.SMTP("localhost", int(port), **arguments)
    client.ehlo()
    assert not client.has_extn("auth"), client.ehlo_resp
    client.starttls(context=context)
with client:
    client.login("test", "test")
    assert not client.has_extn("starttls"), client.ehlo_resp
    sender, two = "a@example.org", ["b@example.org", "c@example.org"]
    assert client.sendmail(sender, two, "Subject: to two\r\n\r\ntext\r\n") == {}
    options = ["SMTPUTF8", "BODY=8BITMIME"]
    utf8 = "Subject: für eine\r\n\r\ntext\r\n".encode()
    assert client.sendmail(sender, ["jürgen@example.org"], utf8, mail_options=options) == {}
