"""Python's mail libraries over STARTTLS, verifying.

starttls.py PROTOCOL HOST PORT CA VERSION
PROTOCOL is `imap`, `pop3`, `smtp` or `lmtp`. Each asks for the capabilities, starts TLS, asks again and
says goodbye. A failure is an exception and status 1.
"""

import ssl
import sys

protocol, host, port, ca, version = sys.argv[1:]
port = int(port)
context = ssl.create_default_context(cafile=ca)
context.minimum_version = context.maximum_version = ssl.TLSVersion[f"TLSv{version.replace('.', '_')}"]


def imap():
    import imaplib

    client = imaplib.IMAP4(host, port, timeout=20)
    print("before", *client.capabilities)
    print("starttls", *client.starttls(context))
    print("after", *client.capabilities)
    print("negotiated", client.sock.version())
    print("login", *client.login("test", "test"))
    client.logout()


def pop3():
    import poplib

    client = poplib.POP3(host, port, timeout=20)
    print("before", *client.capa())
    print("starttls", client.stls(context).decode())
    print("after", *client.capa())
    print("negotiated", client.sock.version())
    client.user("test")
    print("login", client.pass_("test").decode())
    client.quit()


def smtp(library, hello):
    client = library(host, port, "client.example")
    getattr(client, hello)()
    print("before", *client.esmtp_features)
    code, text = client.docmd("MAIL FROM:<a@example.org>")
    print("refused", code, text.decode())
    if hello == "lhlo":
        # smtplib insists on EHLO here.
        client.ehlo_or_helo_if_needed = lambda: None
    print("starttls", *client.starttls(context=context))
    getattr(client, hello)()
    print("after", *client.esmtp_features)
    print("negotiated", client.sock.version())
    print("login", *client.docmd("AUTH", "PLAIN AHRlc3QAdGVzdA=="))
    client.quit()


def main():
    import smtplib

    class Lmtp(smtplib.SMTP):
        ehlo_msg = "lhlo"

        def lhlo(self):
            return self.ehlo()

    run = {
        "imap": imap,
        "pop3": pop3,
        "smtp": lambda: smtp(smtplib.SMTP, "ehlo"),
        "lmtp": lambda: smtp(Lmtp, "lhlo"),
    }
    run[protocol]()


main()
