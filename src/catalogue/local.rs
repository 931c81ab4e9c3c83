//! What a policy, the program or its configuration forbids.

use std::sync::Arc;

use super::{Row, rows, text};
use crate::error::{ApiMisuse as M, ConfigError as F, Error, PolicyRefusal as R};
use crate::identity::{Provenance, ReferenceError, UntrustworthyReference};
use crate::name::{Host, HostName, InvalidName};
use crate::policy::{Aspect, Indicator, Unmet as U};
use crate::registry::{CipherSuite, NamedGroup};
use crate::service::{Service, TlsMode};
use crate::testing::NOW;
use crate::verify::dane::{DaneNotApplied, DaneRefusal as D, TlsaName, TlsaSetTooLarge};

pub(super) fn rows() -> Vec<Row> {
    let host = || Host::parse("imap.example.org").unwrap();
    let tlsa = || TlsaName::tcp(993, HostName::parse("imap.example.org").unwrap()).unwrap();
    let group = NamedGroup::from_code_point(0x001d);
    let mut rows = rows!("policy", R:
        R::StaleConnector { .. } => [R::StaleConnector { made: 1, current: 2 }], "program", "Nothing: the program makes a new connector and goes on.";
        R::AlpnNotSelected { .. } => [R::AlpnNotSelected { required: "imap" }], "server's operator", "The server does not say which protocol it speaks, and the settings require it. Ask the provider, or no longer require it.";
        R::ServerNameNotServed { .. } => [R::ServerNameNotServed { name: "imap.example.net".into() }], "user of the client", "For the server's log: the client has the wrong host name, or a certificate is missing here.";
        R::AlpnNotOffered { .. } => [R::AlpnNotOffered { required: Some("imap") }], "user of the client", "For the server's log: a client of another protocol came to this port.";
        R::RefusedByAnswer => [R::RefusedByAnswer], "program", "For the server's log: the program itself refused the client.";
        R::InheritedAuthenticationExpired => [R::InheritedAuthenticationExpired], "nobody", "Nothing: connect anew; the certificate is then looked at again.";
        R::Dane(_) => [D::LookupFailed { name: tlsa() }.into()], "see the next rows", "";
        R::BelowMinimum { .. } => [R::BelowMinimum { unmet: U::Tls13 }], "server's operator", "The connection is less protected than this account requires; nothing was sent. Ask the provider. The settings can require less, after a warning.";
    );
    rows.retain(|row| row.whose != "see the next rows");
    rows.extend(rows!("policy", D:
        D::Bogus { .. } => [D::Bogus { name: tlsa() }], "network, or the domain's operator", "Somebody may be forging DNS. Try another network, and tell the provider.";
        D::LookupFailed { .. } => [D::LookupFailed { name: tlsa() }], "network", "Try again, or on another network.";
        D::Required { .. } => [
            D::Required { name: tlsa(), reason: DaneNotApplied::NoRecords },
            D::Required { name: tlsa(), reason: DaneNotApplied::Insecure },
            D::Required { name: tlsa(), reason: DaneNotApplied::NoUsableRecord },
            D::Required { name: tlsa(), reason: DaneNotApplied::UntrustworthyHost }
        ], "domain's operator", "The settings require records in DNS that vouch for the server, and there are none that count. Ask the provider, or no longer require them.";
        D::Expired { .. } => [D::Expired { name: tlsa(), valid_until: NOW }], "program", "Nothing: the program has to look the records up again.";
    ));
    rows.extend(rows!("unmet", U:
        U::NoTls => [U::NoTls], "server's operator", "Nothing may be sent here.";
        U::Pinned => [U::Pinned], "user", "The user trusts this server by their own choice; it is never shown as confidential.";
        U::Tls13 => [U::Tls13], "server's operator", "The server is too old for what this account requires.";
        U::PostQuantum { .. } => [U::PostQuantum { group: Some(group) }, U::PostQuantum { group: None }], "server's operator", "The server is too old for what this account requires.";
        U::Group { .. } => [U::Group { group }], "user, or the server's operator", "The settings exclude what the server chose.";
        U::Suite { .. } => [U::Suite { suite: CipherSuite::from_code_point(0x1301) }], "user, or the server's operator", "The settings exclude what the server chose.";
        U::UnknownSuite => [U::UnknownSuite], "program", "The program uses a provider of cryptography whose suites have no registered name.";
    ));
    rows.extend(rows!("indicator", Indicator:
        Indicator::Confidential {} => [Indicator::Confidential {}], "nobody", "Show it, with a lock if there is one.";
        Indicator::BelowMinimum { .. } => [Indicator::BelowMinimum { unmet: U::Pinned }], "user, or the server's operator", "Show it, without a lock.";
        Indicator::Cleartext => [Indicator::Cleartext], "user, or the server's operator", "Show it, without a lock.";
        Indicator::NotConnected => [Indicator::NotConnected], "nobody", "Show nothing, or that there is no connection.";
    ));
    rows.extend(rows!("aspect", Aspect:
        Aspect::Verified => [Aspect::Verified], "network, or the server's operator", "Warn: the connection had this before.";
        Aspect::ImplicitTls => [Aspect::ImplicitTls], "network, or the server's operator", "Warn: the connection had this before.";
        Aspect::Tls13 => [Aspect::Tls13], "network, or the server's operator", "Warn: the connection had this before.";
        Aspect::PostQuantum => [Aspect::PostQuantum], "network, or the server's operator", "Warn: the connection had this before.";
        Aspect::Dane => [Aspect::Dane], "network, or the server's operator", "Warn: the connection had this before.";
    ));
    rows.extend(rows!("program", M:
        M::SendBeforeEstablished => [M::SendBeforeEstablished], "program", "A mistake in the program: report it to its author.";
        M::SendAfterClose => [M::SendAfterClose], "program", "A mistake in the program: report it to its author.";
        M::InputAfterEnd => [M::InputAfterEnd], "program", "A mistake in the program: report it to its author.";
        M::AnswerNotAwaited => [M::AnswerNotAwaited], "program", "A mistake in the program: report it to its author.";
        M::AnswerMissing => [M::AnswerMissing], "program", "A mistake in the program: report it to its author.";
        M::NoClientIdentity => [M::NoClientIdentity], "program", "A mistake in the program: report it to its author.";
        M::AcceptorOfOtherMode => [M::AcceptorOfOtherMode], "program", "A mistake in the program: report it to its author.";
        M::NoClientCertificate => [M::NoClientCertificate], "program", "A mistake in the program: report it to its author.";
        M::NotEstablished => [M::NotEstablished], "program", "A mistake in the program: report it to its author.";
        M::ForeignSession => [M::ForeignSession], "program", "A mistake in the program: report it to its author.";
        M::PlaintextPhaseMissing => [M::PlaintextPhaseMissing], "program", "A mistake in the program: report it to its author.";
        M::NoPlaintextPhase => [M::NoPlaintextPhase], "program", "A mistake in the program: report it to its author.";
        M::ForeignPermit => [M::ForeignPermit], "program", "A mistake in the program: report it to its author.";
    ));
    let untrustworthy = || UntrustworthyReference {
        host: host(),
        provenance: Provenance::SrvInsecure,
    };
    let invalid = InvalidName::Whitespace {
        input: text("imap example.org"),
    };
    let mut configuration = rows!("program", F:
        F::NoCryptoProvider => [F::NoCryptoProvider], "program", "The program was built without cryptography: report it to its author.";
        F::UnusableProvider { .. } => [F::UnusableProvider { reason: "no usable cipher suites configured".into() }], "program", "The program's cryptography does not fit its settings: report it to its author.";
        F::NoTrustAnchors => [F::NoTrustAnchors], "program", "The program trusts nobody, so that it could verify no server: report it to its author.";
        F::VerifierNotAlone => [F::VerifierNotAlone], "program", "A mistake in the program: report it to its author.";
        F::InvalidHost(_) => [F::InvalidHost(invalid)], "see names", "";
        F::UntrustworthyHost(_) => [F::UntrustworthyHost(untrustworthy())], "program", "Ask the user whether the server is the right one, before it is connected to.";
        F::NoReference(_) => [
            F::NoReference(ReferenceError::NoneLeft { host: host() }),
            F::NoReference(ReferenceError::CommonNameInStrictMode)
        ], "administrator of the client", "The settings on names in certificates leave nothing to verify the server by.";
        F::NoDefaultPort { .. } => [F::NoDefaultPort { service: Service::Lmtp, mode: TlsMode::Implicit }], "user", "Give the port.";
        F::NoAlpnRegistered { .. } => [F::NoAlpnRegistered { service: Service::Lmtp }], "administrator", "No longer require ALPN for this service.";
        F::TlsaOfOtherEndpoint { .. } => [F::TlsaOfOtherEndpoint { tlsa: Box::new(tlsa()), host: host(), port: 143 }], "program", "A mistake in the program: report it to its author.";
        F::TlsaSetTooLarge(_) => [F::TlsaSetTooLarge(TlsaSetTooLarge { name: tlsa(), count: 33, bytes: 1155 })], "domain's operator", "The domain publishes far more than it should. Tell the provider.";
        F::MinimumOutOfReach { .. } => [F::MinimumOutOfReach { required: "TLS 1.3", reason: "it is switched off" }], "program, or user", "The account requires what this program cannot do: change one of the two.";
        F::NoCertificate => [F::NoCertificate], "administrator of the server", "Configure a certificate and its key.";
        F::UnusableCertificate { .. } => [
            F::UnusableCertificate { names: vec!["imap.example.org".into(), "mail.example.org".into()], reason: "its private key belongs to another certificate".into() }
        ], "administrator of the server", "Correct the file. After a renewal the old certificate stays in use until then.";
    );
    configuration.retain(|row| row.whose != "see names");
    let crypto = Error::Crypto(Arc::from("its source of randomness gives none"));
    configuration.push(Row {
        table: "program",
        code: crypto.code(),
        example: crypto.to_string(),
        whose: "this machine",
        tell: "The machine cannot do cryptography at present. Try again; then ask its administrator.",
    });
    rows.extend(configuration);
    rows
}
