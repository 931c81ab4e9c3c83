//! What is wrong with a certificate.

use std::time::Duration;

use pki_types::{CertificateDer, UnixTime};

use super::{Row, rows_and_examples, text};
use crate::identity::{NameKind, Provenance, ReferenceIds};
use crate::name::{Host, HostName};
use crate::testing::NOW;
use crate::verify::dane::TlsaName;
use crate::verify::{
    CertificateLabel, CheckFailure as C, Fingerprint, NameMismatch, NearMiss, PinnedPart,
    PresentedName, Purpose, RevocationCause, RevocationGap, VerifierRefusal,
};

const DAY: u64 = 86_400;

pub(super) fn rows() -> Vec<Row> {
    rows_and_examples().0
}

pub(super) fn rows_and_examples() -> (Vec<Row>, Vec<C>) {
    let own = || CertificateLabel {
        position: Some(0),
        subject: text("CN=imap.example.org"),
    };
    let authority = || CertificateLabel {
        position: Some(1),
        subject: text("CN=Example CA"),
    };
    let ago =
        |days: u64| UnixTime::since_unix_epoch(Duration::from_secs(NOW.as_secs() - days * DAY));
    let tlsa = || TlsaName::tcp(993, HostName::parse("imap.example.org").unwrap()).unwrap();
    let mismatch = |host: &str, presented: &[&str], near_miss| {
        let host = Host::parse(host).unwrap();
        let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
        C::NameMismatch(NameMismatch {
            expected: references.iter().cloned().collect(),
            presented: presented
                .iter()
                .map(|name| PresentedName {
                    kind: NameKind::Dns,
                    text: text(name),
                    malformed: None,
                })
                .collect(),
            not_shown: 0,
            near_miss,
        })
    };
    let gap = |outdated_since| {
        C::RevocationUnknown(RevocationGap {
            certificate: Some(own()),
            issuer: text("CN=Example CA"),
            outdated_since,
        })
    };
    let fingerprint = |byte| Fingerprint::of_certificate(&CertificateDer::from(vec![byte]));
    rows_and_examples!("certificate", C:
        C::NoCertificate => [C::NoCertificate], "peer's operator", "The server is not set up for TLS. Ask the provider.";
        C::TooManyCertificates { .. } => [C::TooManyCertificates { count: 40, limit: 16 }], "server's operator", "The server sends far more than it should. Ask the provider.";
        C::ChainTooLarge { .. } => [C::ChainTooLarge { bytes: 200_000, limit: 65536 }], "server's operator", "The server sends far more than it should. Ask the provider.";
        C::Unreadable { .. } => [C::Unreadable { certificate: own() }], "server's operator", "The server's certificate is broken. Ask the provider.";
        C::OldVersion { .. } => [C::OldVersion { certificate: own(), version: 1 }], "server's operator", "The server's certificate was made with software that is too old. Ask the provider for a new one.";
        C::CriticalExtension { .. } => [C::CriticalExtension { certificate: Some(own()), extension: Some(text("1.2.3.4")) }], "server's operator", "The certificate has a condition that this program cannot check. Ask the provider.";
        C::SelfSigned => [C::SelfSigned], "server's operator", "Nobody vouches for this server. While an account is set up, its user may be asked (pins); otherwise stop.";
        C::MissingIntermediate { .. } => [C::MissingIntermediate { issuer: text("CN=Example CA R3") }], "server's operator", "The server does not send its whole chain, or its authority is one of its own, which has to be installed here. Tell the provider: other programs may work by luck, because they have seen the missing certificate elsewhere.";
        C::UnknownAuthority { .. } => [C::UnknownAuthority { authority: text("CN=Example Root"), sent: true, is_namesake: false }, C::UnknownAuthority { authority: text("CN=Example Root"), sent: false, is_namesake: true }], "server's operator, or this machine's administrator", "Whoever vouches for this server is not trusted here: a company's own authority that has to be installed, a virus scanner, or an attacker.";
        C::AuthorityAsPeer => [C::AuthorityAsPeer], "server's operator", "The server uses its authority's certificate as its own. Ask the provider for a certificate of the server.";
        C::NotAnAuthority { .. } => [C::NotAnAuthority { certificate: Some(authority()) }], "nobody to be trusted", "Somebody may be attacking the connection. Stop; try another network; tell the provider.";
        C::PathLength { .. } => [C::PathLength { certificate: Some(authority()) }], "certification authority", "An authority vouches for more than it may. Ask the provider.";
        C::NameConstraint { .. } => [C::NameConstraint { authority: Some(authority()), constraints: vec![text("only the hosts of example.net")] }], "certification authority", "An authority vouches for a name that it may not vouch for. Ask the provider.";
        C::BadSignature { .. } => [C::BadSignature { certificate: Some(own()) }], "nobody to be trusted", "The certificate was changed or forged. Stop; try another network; tell the provider.";
        C::UnsupportedSignature { .. } => [C::UnsupportedSignature { certificate: Some(own()), algorithm: text("SHA-1 with RSA") }], "server's operator", "The certificate is signed in a way that is no longer safe. Ask the provider for a new one.";
        C::Distrusted => [C::Distrusted], "server's operator", "Others know the server's key. Stop; the provider needs a new certificate with a new key.";
        C::PathTooComplex => [C::PathTooComplex], "server's operator", "The server sends a chain that cannot be followed. Ask the provider.";
        C::NoPath => [C::NoPath], "server's operator", "Nobody who is trusted vouches for this server. Ask the provider.";
        C::WeakKey { .. } => [C::WeakKey { certificate: own(), bits: 1024, minimum: 2048 }], "server's operator", "The server's key can be broken. Ask the provider for a new certificate.";
        C::UnsupportedKey { .. } => [C::UnsupportedKey { certificate: own(), algorithm: text("DSA") }], "server's operator", "The server's key is of a kind that is not used for TLS any more, or not yet. Ask the provider.";
        C::WrongPurpose { .. } => [C::WrongPurpose { certificate: Some(own()), required: Purpose::ServerAuthentication, presented: vec![text("email protection")] }], "server's operator", "The certificate was issued for something else. Ask the provider.";
        C::Expired { .. } => [C::Expired { certificate: Some(own()), not_after: ago(3), by: Duration::from_secs(3 * DAY) }], "server's operator, or this machine's clock", "The provider forgot to renew the certificate, or the date of this machine is wrong: check it first.";
        C::NotYetValid { .. } => [C::NotYetValid { certificate: Some(own()), not_before: NOW, by: Duration::from_secs(5 * DAY) }], "this machine's clock, or the server's operator", "The date of this machine is probably wrong: check it first.";
        C::BadDates { .. } => [C::BadDates { certificate: Some(own()) }], "server's operator", "The server's certificate is broken. Ask the provider.";
        C::NameMismatch(_) => [
            mismatch("imap.example.org", &["mail.example.net"], None),
            mismatch("imap.example.org", &["*.mail.example.org"], None),
            mismatch("imap.mail.example.org", &["*.example.org"], Some(NearMiss::WildcardOneLabel { presented: text("*.example.org") })),
            mismatch("imap.example.org", &[], Some(NearMiss::OnlyCommonName { common_name: text("imap.example.org") }))
        ], "user, or the server's operator", "The server is another one than the one that was asked for. Check the host name: the sentence says for which names the certificate is.";
        C::TlsaMismatch { .. } => [C::TlsaMismatch { name: tlsa(), usable: 2, near_miss: None }], "server's operator, or network", "The domain says in DNS which certificate is right, and this is another. An attacker, or a certificate that was renewed without the records. Tell the provider.";
        C::TlsaExpired { .. } => [C::TlsaExpired { name: tlsa() }], "program", "Nothing: the program has to look the records up again.";
        C::Revoked { .. } => [C::Revoked { certificate: Some(own()), cause: RevocationCause::KeyCompromise, since: ago(9) }], "server's operator", "The certificate was withdrawn by those who issued it. Stop, and tell the provider.";
        C::RevocationUnknown(_) => [gap(None), gap(Some(ago(2)))], "this machine's administrator", "The program requires to know whether the certificate was withdrawn, and cannot find out. New revocation lists are needed.";
        C::PinMismatch { .. } => [C::PinMismatch { part: PinnedPart::Certificate, pinned: fingerprint(1), presented: fingerprint(2), is_same_key: false }], "server's operator, or network", "The certificate is not the one that the user chose to trust. Stop. Only if its operator confirms the change: remove the pin and set the account up anew.";
        C::RefusedByVerifier { .. } => [
            C::RefusedByVerifier { refusal: VerifierRefusal::UntrustedChain },
            C::RefusedByVerifier { refusal: VerifierRefusal::other("policy of the company") }
        ], "this machine's administrator, or the server's operator", "The system's own certificate check refuses the server. Show the sentence to the administrator.";
        C::UnsupportedByVerifier { .. } => [C::UnsupportedByVerifier { presented: text("_imaps.example.org") }], "server's operator", "The system's own certificate check does not know this kind of name. Ask the provider for a certificate with the host's name.";
    )
}
