#!/usr/bin/env python3
"""Runs cases.json against OpenSSL: an example of how to run it against any other code.

    python3 tests/identity/run_openssl.py [the program openssl]

Needs nothing but Python and the program. OpenSSL knows no SRV-IDs, so that the cases of services
are left out. It falls back on a common name where there is no DNS-ID, as it always has. Where it
differs from the RFCs, the difference stands below; any other one fails the run.
"""

import base64
import ipaddress
import json
import pathlib
import subprocess
import sys
import tempfile

CASES = pathlib.Path(__file__).with_name("cases.json")

# What OpenSSL 3 decides otherwise by default, and why.
PARTIAL = "a star may stand for a part of a label, without X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS"
BESIDE = "it seeks the common name wherever there is no DNS-ID, whatever else there is"
SEVERAL = "it takes any of several common names"
DIFFERENT = {
    "foo.example.com and *oo.example.com": PARTIAL,
    "foo.example.com and foo*.example.com": PARTIAL,
    "baz1.example.net and baz*.example.net": PARTIAL,
    "foobaz.example.net and *baz.example.net": PARTIAL,
    "with a wildcard within a label": PARTIAL,
    "as a BMPString": "it converts the string to UTF-8",
    "the first of two": SEVERAL,
    "the second of two": SEVERAL,
    "beside a service": BESIDE,
    "beside a URI": BESIDE,
    "beside an address": BESIDE,
}


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "openssl"
    cases = json.loads(CASES.read_text(encoding="utf-8"))
    asked = [case for case in cases if case["group"] != "services"]
    wrong, different = 0, 0
    for case in asked:
        matches = decide(program, case["reference"], base64.b64decode(case["certificate"]))
        expected = case.get("match_with_common_names", case["match"])
        if matches == expected:
            continue
        if case["name"] in DIFFERENT:
            different += 1
            print(f"as known: {case['name']}: {DIFFERENT[case['name']]}")
            continue
        wrong += 1
        print(f"{case['name']}: {'match' if matches else 'no match'} ({case['source']})")
    print(
        f"{len(asked)} cases of {len(cases)} asked, {len(asked) - different - wrong} as expected, "
        f"{different} different as known, {wrong} wrong"
    )
    sys.exit(1 if wrong else 0)


def decide(program, reference, certificate):
    """Whether the certificate is one for the host or address that the user has typed."""
    try:
        ipaddress.ip_address(reference.strip("[]"))
        check = ["-checkip", reference.strip("[]")]
    except ValueError:
        # The root's dot is the caller's to take off, as RFC 6066 section 3 has it for SNI.
        check = ["-checkhost", reference.removesuffix(".")]
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate)
        file.flush()
        command = [program, "x509", "-inform", "DER", "-in", file.name, "-noout", *check]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    if "does match certificate" in done.stdout:
        return True
    if "does NOT match certificate" in done.stdout:
        return False
    raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
