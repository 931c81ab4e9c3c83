//! The code of each kind of finding, and the clause that it rests on.

use super::finding::Problem;
use crate::verify::{Check, CheckFailure};

impl Problem {
    pub(super) const fn code_and_clause(&self) -> (&'static str, &'static str) {
        match self {
            Self::Certificate(failure) => (failure.code(), clause_of(failure)),
            Self::Expiring { .. } => ("expiring", "RFC 8314 §4.4"),
            Self::WrongOrder { .. } => ("wrong-order", "RFC 5246 §7.4.2; RFC 8446 §4.4.2"),
            Self::ExtraCertificates { .. } => ("extra-certificates", "RFC 8446 §4.4.2"),
            Self::RootSent { .. } => ("root-sent", "RFC 8446 §4.4.2"),
            Self::MalformedName { .. } => ("malformed-name", "RFC 5280 §4.2.1.6; RFC 9525 §6"),
            Self::HostNotNamed { .. } => ("host-not-named", "RFC 7817 §5 (1); RFC 8314 §4.4"),
            Self::CommonNameOnly { .. } => ("common-name-only", "RFC 9525 §2; RFC 7817 §5 (1)"),
            Self::WildcardOnly { .. } => ("wildcard-only", "RFC 7817 §5 (4); RFC 9525 §7.1"),
            Self::SourceDomainNotNamed { .. } => ("source-domain-not-named", "RFC 6186 §5"),
            Self::DomainNotNamed { .. } => ("domain-not-named", "RFC 7817 §5 (1)"),
            Self::ServiceNotNamed { .. } => ("srv-id-missing", "RFC 7817 §5 (2)"),
            Self::DomainUncovered { .. } => ("domain-uncovered", "RFC 7817 §5.1; RFC 6186 §5"),
            Self::DnsFailed { .. } => ("dns-failed", "RFC 7673 §3"),
            Self::Unsigned { .. } => ("records-unsigned", "RFC 8314 §4.5.3"),
            Self::NotAdvertised { .. } => ("not-advertised", "RFC 8314 §4.5.2; RFC 6186 §5"),
            Self::ImplicitNotPreferred { .. } => ("implicit-not-preferred", "RFC 8314 §4.5.2"),
            Self::CleartextPreferred { .. } => ("cleartext-preferred", "RFC 8314 §4.5.2"),
            Self::NoAccessPreference { .. } => ("no-access-preference", "RFC 6186 §3.4"),
            Self::DenialAmongTargets => ("denial-among-targets", "RFC 2782; RFC 6186 §3.4"),
            Self::BadTarget { .. } => ("srv-bad-target", "RFC 2782"),
            Self::TargetIsAlias { .. } => ("srv-target-alias", "RFC 2782"),
            Self::TargetWithoutAddress { .. } => ("srv-target-without-address", "RFC 2782"),
            Self::WrongPort { .. } => ("srv-wrong-port", "RFC 8314 §3"),
            Self::UnusualPort { .. } => ("srv-unusual-port", "RFC 8314 §3"),
            Self::NoSuchServer { .. } => ("srv-no-such-server", "RFC 6186 §5"),
            Self::TlsaUnsigned => ("tlsa-unsigned", "RFC 8314 §4.5.4"),
            Self::TlsaMissing => ("tlsa-missing", "RFC 8314 §4.5.4; RFC 7673 §6"),
            Self::TlsaUnreachable { .. } => ("tlsa-unreachable", "RFC 7673 §6"),
            Self::TlsaTooMany => ("tlsa-too-many", "RFC 7671 §10.1"),
            Self::TlsaMismatch { .. } => ("tlsa-mismatch", "RFC 7671 §8; RFC 7673 §6"),
            Self::TlsaRefused { .. } => ("tlsa-refused", "RFC 7673 §6; RFC 7671 §5.2"),
            Self::TlsaCombination { .. } => ("tlsa-combination", "RFC 7671 §8"),
            Self::TlsaAnchorNotSent { .. } => ("tlsa-anchor-not-sent", "RFC 7671 §5.2.1"),
            Self::TlsaLeftOver { .. } => ("tlsa-left-over", "RFC 7671 §8.4"),
            Self::TlsaUnusable { .. } => ("tlsa-unusable", "RFC 6698 §4.1"),
            Self::TlsaOnlySha512 => ("tlsa-only-sha512", "RFC 7671 §2"),
            Self::TlsaFull { .. } => ("tlsa-full", "RFC 7671 §10.1"),
            Self::TlsaPkixUsage { .. } => ("tlsa-pkix-usage", "RFC 7671 §4"),
            Self::TlsaNotRecommended => ("tlsa-not-recommended", "RFC 7671 §5.1"),
            Self::TlsaAnchorByKey => ("tlsa-anchor-by-key", "RFC 7671 §5.2.1"),
            Self::TlsaLongTtl { .. } => ("tlsa-long-ttl", "RFC 7671 §13"),
            Self::TlsaLongSignature { .. } => ("tlsa-long-signature", "RFC 7671 §13"),
            Self::NoTls { .. } => ("no-tls", "RFC 8314 §4"),
            Self::Cleartext => ("cleartext", "RFC 8314 §4, §4.1"),
            Self::NoImplicitTls { .. } => ("no-implicit-tls", "RFC 8314 §4"),
            Self::NoStartTls { .. } => ("no-starttls", "RFC 8314 §4"),
            Self::OldVersion { .. } => ("old-tls-version", "RFC 8314 §4; RFC 8997; RFC 8996"),
            Self::NoModernVersion => ("no-modern-tls", "RFC 8314 §4; RFC 8997"),
            Self::NoTls13 => ("no-tls13", "RFC 9325 §3.1.1"),
            Self::VersionRegression { .. } => ("version-regression", "RFC 8314 §4.6"),
            Self::StartTlsNotOffered => ("starttls-not-offered", "RFC 8314 §4"),
            Self::LoginBeforeTls => ("login-before-tls", "RFC 8314 §4.1"),
            Self::ClientBreaks { .. } => ("client-breaks", "RFC 8314 §4.4"),
            Self::PinBreaks { .. } => ("pin-breaks", "RFC 8314 §5.4"),
            Self::TlsaToPublish { .. } => ("tlsa-to-publish", "RFC 7671 §8.1, §8.4"),
            Self::TlsaTooYoung { .. } => ("tlsa-too-young", "RFC 7671 §8.1"),
        }
    }
}

const fn clause_of(failure: &CheckFailure) -> &'static str {
    match failure.check() {
        Check::Form => "RFC 8314 §4.4; RFC 8446 §4.4.2",
        Check::Path => "RFC 8314 §4.4; RFC 5280 §6",
        Check::Key => "RFC 8314 §4.4; RFC 9325 §4.5",
        Check::Purpose => "RFC 8314 §4.4; RFC 5280 §4.2.1.12",
        Check::Validity => "RFC 8314 §4.4; RFC 5280 §4.1.2.5",
        Check::Identity => "RFC 8314 §4.4; RFC 7817 §3",
        Check::Dane => "RFC 6698 §4.1",
        Check::Revocation => "RFC 8314 §4.4; RFC 5280 §6.3",
        Check::Pin => "RFC 8314 §5.4",
    }
}
