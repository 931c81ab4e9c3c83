"""What Python's mail libraries may do before they have logged in.

preauth.py imap|imap-starttls|pop3 HOST PORT CA VERSION [CHAIN KEY]
With CHAIN and KEY they show that certificate, and say EXTERNAL where they are not logged in by it.
"""

import ssl
import sys

protocol, host, port, ca, version, *client_certificate = sys.argv[1:]
port = int(port)
context = ssl.create_default_context(cafile=ca)
context.minimum_version = context.maximum_version = ssl.TLSVersion[f"TLSv{version.replace('.', '_')}"]
if client_certificate:
    context.load_cert_chain(*client_certificate)


def imap():
    import imaplib

    def show():
        print("state", client.state)

    def select():
        # imaplib itself knows in which state SELECT may be said; the server is asked all the same.
        imaplib.Commands["SELECT"] = ("NONAUTH", "AUTH", "SELECTED")
        kind, _ = client._simple_command("SELECT", "INBOX")
        print("select", "OK" if kind == "OK" else "refused")

    if protocol == "imap":
        client = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=20)
    else:
        client = imaplib.IMAP4(host, port, timeout=20)
        client.starttls(context)
    show()
    print("capabilities", *client.capabilities)
    select()
    if client_certificate and client.state == "NONAUTH" and "AUTH=EXTERNAL" in client.capabilities:
        print("external", client.authenticate("EXTERNAL", lambda challenge: b"")[0])
        show()
        select()
    client.logout()


def pop3():
    import poplib

    def stat():
        try:
            print("stat", *client.stat())
        except poplib.error_proto:
            print("stat refused")

    client = poplib.POP3_SSL(host, port, context=context, timeout=20)
    print("greeting", client.getwelcome().decode())
    print("mechanisms", *client.capa()["SASL"])
    stat()
    if client_certificate:
        print("external", client._shortcmd("AUTH EXTERNAL =").decode())
        stat()
    client.quit()


{"imap": imap, "imap-starttls": imap, "pop3": pop3}[protocol]()
