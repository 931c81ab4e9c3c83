#!/bin/sh
# Makes the certificates in this folder that rcgen does not make: keys and signatures too weak for
# today, version 1, a curve that providers do not verify with. Needs OpenSSL 3. The keys are thrown
# away, so a second run gives other certificates of the same kinds.
set -eu
cd "$(dirname "$0")"
keys=$(mktemp -d)
trap 'rm -rf "$keys"' EXIT

# make NAME SUBJECT ISSUER EXTENSIONS KEY-OPTIONS... ; DIGEST and VERSION1 from the environment.
make() {
    name=$1 subject=$2 issuer=$3 extensions=$4
    shift 4
    openssl genpkey -quiet "$@" -out "$keys/$name.key"
    openssl req -new -key "$keys/$name.key" -subj "/CN=$subject" -out "$keys/$name.csr"
    printf '%s\n' "$extensions" >"$keys/$name.ext"
    if [ "$issuer" = "$name" ]; then
        signer="-key $keys/$name.key"
    else
        signer="-CA $keys/$issuer.pem -CAkey $keys/$issuer.key -CAcreateserial"
    fi
    extfile="-extfile $keys/$name.ext"
    [ -z "${VERSION1:-}" ] || extfile=
    # shellcheck disable=SC2086
    openssl x509 -req -in "$keys/$name.csr" $signer $extfile "-${DIGEST:-sha256}" \
        -days 36500 -out "$keys/$name.pem" 2>/dev/null
    openssl x509 -in "$keys/$name.pem" -outform DER -out "$name.der"
}

p256='-algorithm EC -pkeyopt ec_paramgen_curve:P-256'
ca='basicConstraints=critical,CA:TRUE'
leaf='subjectAltName=DNS:mail.example.net'

# shellcheck disable=SC2086
{
    make ca 'Test Root' ca "$ca" $p256
    make rsa1024 mail.example.net ca "$leaf" -algorithm RSA -pkeyopt rsa_keygen_bits:1024
    DIGEST=sha1 make sha1 mail.example.net ca "$leaf" $p256
    VERSION1=1 make version1 mail.example.net ca '' $p256
    make secp224r1 mail.example.net ca "$leaf" -algorithm EC -pkeyopt ec_paramgen_curve:secp224r1
    make weak-intermediate 'Weak Intermediate' ca "$ca" \
        -algorithm RSA -pkeyopt rsa_keygen_bits:1024
    make below-weak mail.example.net weak-intermediate "$leaf" $p256
}
