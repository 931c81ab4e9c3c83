"""smtplib logs in with SCRAM-SHA-256-PLUS of `scramp`, bound to tls-server-end-point.

scramp_smtp.py PORT CA 1.2|1.3
"""

import smtplib
import ssl
import sys

from scramp import ScramClient

port, ca, version = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.minimum_version = context.maximum_version = ssl.TLSVersion[f"TLSv{version.replace('.', '_')}"]
MECHANISM = "SCRAM-SHA-256-PLUS"

with smtplib.SMTP("localhost", int(port), timeout=20, local_hostname="client.example") as client:
    client.starttls(context=context)
    client.ehlo()
    assert MECHANISM in client.esmtp_features["auth"].split(), client.esmtp_features
    binding = ("tls-server-end-point", client.sock)
    scram = ScramClient([MECHANISM], "test", "test", channel_binding=binding)

    def first(_):
        return scram.get_client_first()

    def last(challenge):
        scram.set_server_first(challenge.decode())
        return scram.get_client_final()

    def verify(challenge):
        scram.set_server_final(challenge.decode())
        print("server trusted")
        return ""

    steps = iter([first, last, verify])
    client.auth(MECHANISM, lambda challenge: next(steps)(challenge), initial_response_ok=False)
