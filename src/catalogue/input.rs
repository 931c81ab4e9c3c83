//! What is handed to the program (files, records, keys, tables), and the dialogs of SASL.

use super::{Row, rows, text};
use crate::audit::InventoryFull;
use crate::channel_binding::ChannelBindingError as B;
use crate::client_identity::{IdentitySource, InvalidMapping as M, Unmapped};
use crate::error::{ApiMisuse, Error};
use crate::name::HostName;
use crate::policy::server::InvalidSchedule;
use crate::sasl_external::{
    ExternalFault as X, InvalidIdentity as I, InvalidTag, UnexpectedChallenge,
};
use crate::ticket_keys::InvalidTicketKeys as K;
use crate::verify::dane::{InvalidTlsaRecord as T, TlsaField, TlsaName, TlsaSetTooLarge};
use crate::verify::{
    Fingerprint, InvalidFingerprint as F, InvalidPin, PemProblem, RevocationListsError as L,
    TrustAnchorsError as A, UnrelatedTlsa,
};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = input();
    rows.extend(sasl());
    rows
}

fn input() -> Vec<Row> {
    let name = || TlsaName::tcp(993, HostName::parse("imap.example.org").unwrap()).unwrap();
    let fingerprint = Fingerprint::of(b"a certificate");
    let mut rows = rows!("input", A:
        A::Empty => [A::Empty], "administrator", "Give the file with the certificates of the authorities.";
        A::TooMany { .. } => [A::TooMany { count: 4097, limit: 4096 }], "administrator", "Give the file with the certificates of the authorities.";
        A::BadCertificate { .. } => [A::BadCertificate { index: 0 }], "administrator", "Show the sentence: it says which certificate.";
        A::BadPem { .. } => [
            A::BadPem { index: 1, problem: PemProblem::NoEnd },
            A::BadPem { index: 1, problem: PemProblem::BadBase64 }
        ], "administrator", "Show the sentence: it says which section. Copy the file again.";
        A::PrivateKey { .. } => [A::PrivateKey { index: 0 }], "administrator", "A key is where it should not be. Show the sentence.";
    );
    rows.extend(rows!("input", L:
        L::Empty => [L::Empty], "administrator", "Give the file with the revocation lists.";
        L::TooMany { .. } => [L::TooMany { count: 4097, limit: 4096 }], "administrator", "Give fewer lists.";
        L::BadList { .. } => [L::BadList { index: 0 }], "administrator, or certification authority", "Show the sentence: it says which list.";
        L::BadPem { .. } => [L::BadPem { index: 1, problem: PemProblem::NoEnd }], "administrator", "Show the sentence: it says which section. Fetch the list again.";
    ));
    rows.extend(rows!("input", F:
        F::Character { .. } => [F::Character { character: 'x' }], "user", "Show the sentence beside the field.";
        F::OtherHash { .. } => [F::OtherHash { digits: 40 }, F::OtherHash { digits: 32 }], "user, or the server's operator", "Show the sentence beside the field.";
        F::Length { .. } => [F::Length { digits: 63 }], "user", "Show the sentence beside the field.";
        F::Pem => [F::Pem], "user", "Show the sentence beside the field.";
    ));
    rows.extend(rows!("input", InvalidPin:
        InvalidPin { .. } => [InvalidPin { field: "host" }], "program", "What was stored of the account is damaged. Set it up again; nothing is trusted until then.";
    ));
    rows.extend(rows!("input", T:
        T::Truncated { .. } => [T::Truncated { length: 2 }], "domain's operator, or resolver", "The domain publishes something that is no such record. Tell the provider.";
        T::TooLong => [T::TooLong], "domain's operator, or resolver", "The domain publishes something that is no such record. Tell the provider.";
        T::Missing { .. } => [T::Missing { field: TlsaField::Selector }], "who typed it", "Show the sentence beside the field.";
        T::BadField { .. } => [T::BadField { field: TlsaField::Usage, text: text("DANE") }], "who typed it", "Show the sentence beside the field.";
        T::BadHex { .. } => [T::BadHex { text: text("9f8g") }], "who typed it", "Show the sentence beside the field.";
        T::OddHex { .. } => [T::OddHex { digits: 63 }], "who typed it", "Show the sentence beside the field.";
        T::Parentheses => [T::Parentheses], "who typed it", "Show the sentence beside the field.";
    ));
    rows.extend(rows!("input", TlsaSetTooLarge:
        TlsaSetTooLarge { .. } => [TlsaSetTooLarge { name: name(), count: 33, bytes: 1155 }], "domain's operator", "The domain publishes far more than it should. Tell the provider.";
    ));
    rows.extend(rows!("input", UnrelatedTlsa:
        UnrelatedTlsa { .. } => [UnrelatedTlsa { name: name() }], "program", "A mistake in the program: report it to its author.";
    ));
    rows.extend(rows!("input", M:
        M::Empty => [M::Empty], "administrator of the server", "Fill the table, or ask for no certificates.";
        M::TwoUsers { .. } => [M::TwoUsers { fingerprint }], "administrator of the server", "Show the sentence: it says which entry.";
        M::BadUser { .. } => [M::BadUser { fingerprint, user: text("ann\n") }], "administrator of the server", "Show the sentence: it says which entry.";
    ));
    rows.extend(rows!("input", K:
        K::Length { .. } => [K::Length { length: 32 }], "administrator of the server", "Make the key anew, on one machine, and give it to the others.";
        K::NotRandom => [K::NotRandom], "administrator of the server", "Make the key anew, on one machine, and give it to the others.";
        K::EndsBeforeItBegins => [K::EndsBeforeItBegins], "administrator of the server", "Correct the times.";
        K::None => [K::None], "administrator of the server", "Give a key, or none of this setting.";
        K::TooMany { .. } => [K::TooMany { count: 65 }], "administrator of the server", "Leave out the old ones.";
        K::SameName => [K::SameName], "administrator of the server", "Make one of them anew.";
        K::NoSealer => [K::NoSealer], "program", "The program was built without cryptography: report it to its author.";
    ));
    rows.extend(rows!("input", InvalidSchedule:
        InvalidSchedule => [InvalidSchedule], "administrator of the server", "Correct the days.";
    ));
    rows.extend(rows!("input", InventoryFull:
        InventoryFull { .. } => [InventoryFull { what: "domains", limit: 1024 }], "administrator", "Audit in parts.";
    ));
    rows
}

fn sasl() -> Vec<Row> {
    let mut rows = rows!("sasl", B:
        B::NotEstablished => [B::NotEstablished], "program", "A mistake in the program: report it to its author.";
        B::Dead(_) => [B::Dead(Error::Misuse(ApiMisuse::InputAfterEnd))], "see the error", "";
        B::AlreadyTaken => [B::AlreadyTaken], "program", "Nothing: the program connects anew for another login.";
        B::TlsUniqueUnsupported => [B::TlsUniqueUnsupported], "server's operator", "The server knows an outdated binding only. Log in by a mechanism without -PLUS, or ask the provider.";
        B::EndPointUndefined => [B::EndPointUndefined], "server's operator", "Log in with the other binding, or by a mechanism without -PLUS.";
    );
    rows.retain(|row| row.whose != "see the error");
    rows.extend(rows!("sasl", I:
        I::ContainsNul => [I::ContainsNul], "user", "Show the sentence beside the field.";
        I::TooLong => [I::TooLong], "user", "Show the sentence beside the field.";
    ));
    rows.extend(rows!("sasl", InvalidTag:
        InvalidTag => [InvalidTag], "program", "A mistake in the program: report it to its author.";
    ));
    rows.extend(rows!("sasl", UnexpectedChallenge:
        UnexpectedChallenge => [UnexpectedChallenge], "server's operator", "The server does not log in by certificate as it should. Ask the provider, or use a password.";
    ));
    rows.extend(rows!("sasl", X:
        X::Cancelled => [X::Cancelled], "user of the client", "For the server's log.";
        X::NotBase64 => [X::NotBase64], "client's author", "For the server's log.";
        X::NotText => [X::NotText], "client's author", "For the server's log.";
        X::TooLong => [X::TooLong], "client's author", "For the server's log.";
        X::NotAuthenticated => [X::NotAuthenticated], "user of the client", "For the server's log; the client hears no more than that (RFC 4422 appendix A.1).";
    ));
    rows.extend(rows!("sasl", Unmapped:
        Unmapped::NoName => [Unmapped::NoName], "administrator of the server", "For the server's log: the user has to log in with a password, or needs another certificate.";
        Unmapped::Ambiguous { .. } => [Unmapped::Ambiguous { first: text("ann@example.org"), second: text("bob@example.org") }], "administrator of the server", "For the server's log: the user has to log in with a password, or needs another certificate.";
        Unmapped::Malformed { .. } => [Unmapped::Malformed { place: IdentitySource::Rfc822Name, text: text("ann@") }], "administrator of the server", "For the server's log: the user has to log in with a password, or needs another certificate.";
        Unmapped::Constrained { .. } => [Unmapped::Constrained { place: IdentitySource::SmtpUtf8Mailbox }], "administrator of the server", "For the server's log: the user has to log in with a password, or needs another certificate.";
        Unmapped::Unreadable => [Unmapped::Unreadable], "administrator of the server", "For the server's log: the user has to log in with a password, or needs another certificate.";
    ));
    rows
}
