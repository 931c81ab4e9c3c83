//! What comes up while an account is set up: names, discovery, the plan, advice.

use super::{Row, rows, text};
use crate::discovery::{
    Advice, DnsFailure as N, Finding, Ignored as I, MailServer, Question, Reason, Transport,
};
use crate::identity::Provenance;
use crate::name::{Host, HostName, InvalidEmailAddress as A, InvalidName as V};
use crate::policy::{AttemptOutcome, PinNotAccepted};
use crate::service::{Service, TlsMode};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = names();
    rows.extend(discovery());
    rows.extend(plan());
    rows
}

fn names() -> Vec<Row> {
    let input = text;
    let mut rows = rows!("names", V:
        V::Empty => [V::Empty], "user", "Show the sentence beside the field.";
        V::Whitespace { .. } => [V::Whitespace { input: input("imap example.org") }], "user", "Show the sentence beside the field.";
        V::Url { .. } => [V::Url { input: input("https://example.org/mail") }], "user", "Show the sentence beside the field.";
        V::Port { .. } => [V::Port { input: input("imap.example.org:993") }], "user", "Show the sentence beside the field.";
        V::EmailAddress { .. } => [V::EmailAddress { input: input("ann@example.org") }], "user", "Show the sentence beside the field.";
        V::IpAddress { .. } => [V::IpAddress { input: input("192.0.2.1") }], "user", "Show the sentence beside the field.";
        V::ZoneId { .. } => [V::ZoneId { input: input("fe80:0:0:0:0:0:0:1%eth0") }], "user", "Show the sentence beside the field.";
        V::MalformedIpAddress { .. } => [V::MalformedIpAddress { input: input("192.0.2") }], "user", "Show the sentence beside the field.";
        V::TooLong { .. } => [V::TooLong { length: 300 }], "user", "Show the sentence beside the field.";
        V::EmptyLabel { .. } => [V::EmptyLabel { name: text(".example.org") }], "user", "Show the sentence beside the field.";
        V::LabelTooLong { .. } => [V::LabelTooLong { label: text("a-very-long-label") }], "user", "Show the sentence beside the field.";
        V::Character { .. } => [V::Character { label: text("im,ap"), character: ',' }], "user", "Show the sentence beside the field.";
        V::Hyphen { .. } => [V::Hyphen { label: text("-imap") }], "user", "Show the sentence beside the field.";
        V::ReservedLabel { .. } => [V::ReservedLabel { label: text("ab--c") }], "user", "Show the sentence beside the field.";
        V::InvalidALabel { .. } => [V::InvalidALabel { name: text("xn--a.example") }], "user", "Show the sentence beside the field.";
        V::NeedsIdna { .. } => [V::NeedsIdna { name: text("bücher.example") }], "user", "Show the sentence beside the field. The feature `idna` makes it unnecessary.";
        V::NotAHostName { .. } => [V::NotAHostName { name: text("imap\u{202e}.example") }], "user", "Show the sentence beside the field.";
    );
    rows.extend(rows!("names", A:
        A::Empty => [A::Empty], "user", "Show the sentence beside the field.";
        A::DisplayName { .. } => [A::DisplayName { input: input("Ann <ann@example.org>") }], "user", "Show the sentence beside the field.";
        A::Url { .. } => [A::Url { input: input("mailto:ann@example.org") }], "user", "Show the sentence beside the field.";
        A::MissingAt { .. } => [A::MissingAt { input: input("ann") }], "user", "Show the sentence beside the field.";
        A::LocalPart { .. } => [A::LocalPart { local_part: text("an n") }, A::LocalPart { local_part: text("") }], "user", "Show the sentence beside the field.";
        A::LocalPartTooLong { .. } => [A::LocalPartTooLong { length: 80 }], "user", "Show the sentence beside the field.";
        A::TooLong { .. } => [A::TooLong { length: 300 }], "user", "Show the sentence beside the field.";
        A::AddressLiteral { .. } => [A::AddressLiteral { literal: text("[192.0.2]") }], "user", "Show the sentence beside the field.";
        A::Domain(_) => [A::Domain(V::Empty)], "user", "Show the sentence beside the field.";
    ));
    rows.extend(rows!("pin", PinNotAccepted:
        PinNotAccepted::OtherAccount => [PinNotAccepted::OtherAccount], "program", "Connect with this account, and ask again.";
        PinNotAccepted::NotInSetup => [PinNotAccepted::NotInSetup], "program", "An account that works is never asked about a certificate. Set it up anew.";
    ));
    rows
}

fn discovery() -> Vec<Row> {
    let domain = HostName::parse("example.org").unwrap();
    let question = || Question::srv(Service::Imap, TlsMode::Implicit, &domain).unwrap();
    let server = || {
        let host = Host::parse("imap.example.org").unwrap();
        MailServer::new(
            Service::Imap,
            Transport::Cleartext,
            host,
            143,
            Provenance::SrvInsecure,
        )
    };
    let mut rows = rows!("finding", Finding:
        Finding::NoRecords { .. } => [Finding::NoRecords { question: question() }], "nobody", "For the report: where to look is not said in DNS.";
        Finding::NotOffered { .. } => [Finding::NotOffered { question: question() }], "domain's operator", "The domain says that it does not have this. It may have it in another mode.";
        Finding::LookupFailed { .. } => [Finding::LookupFailed { question: question(), failure: N::TimedOut }], "network", "Try again, or on another network.";
        Finding::InvalidRecord { .. } => [Finding::InvalidRecord { question: question(), target: text("-bad") }], "domain's operator", "A record in DNS is wrong. Tell the provider.";
        Finding::Ignored { .. } => [Finding::Ignored { server: server(), reason: I::CleartextWhereTlsMayBe }], "nobody", "For the report: why a server was left out.";
    );
    rows.extend(rows!("ignored", I:
        I::CleartextWhereTlsMayBe => [I::CleartextWhereTlsMayBe], "nobody", "Why a server was left out.";
        I::TlsRequiredByDns => [I::TlsRequiredByDns], "nobody", "Why a server was left out.";
        I::BetterSource => [I::BetterSource], "nobody", "Why a server was left out.";
        I::LookupFailed => [I::LookupFailed], "network", "Why a server was left out. Try again, or on another network.";
        I::NoAddress => [I::NoAddress], "domain's operator", "Why a server was left out. Tell the provider.";
        I::Failed(_) => [I::Failed(N::Bogus)], "network, or the domain's operator", "Why a server was left out; the rows of DNS follow.";
        I::RejectedByUser => [I::RejectedByUser], "user", "Why a server was left out.";
    ));
    rows.retain(|row| !(row.table == "ignored" && row.code == N::Bogus.code()));
    rows.extend(rows!("ignored", N:
        N::ServerFailure => [N::ServerFailure], "network, or the domain's operator", "Try again; then ask the provider, or on another network.";
        N::TimedOut => [N::TimedOut], "network", "Try again, or on another network.";
        N::Refused => [N::Refused], "network", "Check the connection; try another network.";
        N::Malformed => [N::Malformed], "network", "Try another network.";
        N::Bogus => [N::Bogus], "network, or the domain's operator", "Somebody may be forging DNS. Try another network, and tell the provider.";
        N::Indeterminate => [N::Indeterminate], "network", "Try another network.";
        N::TooLarge => [N::TooLarge], "domain's operator", "The domain publishes far more than it should. Tell the provider.";
    ));
    rows
}

fn plan() -> Vec<Row> {
    let other_mode = |registered_port| Advice::OtherMode {
        mode: TlsMode::StartTls,
        registered_port,
    };
    let mut rows = rows!("plan", Reason:
        Reason::Preferred => [Reason::Preferred], "nobody", "For the report.";
        Reason::After(_) => [Reason::After(AttemptOutcome::TimedOut), Reason::After(AttemptOutcome::NoStartTls)], "nobody", "For the report.";
        Reason::NotWeakerThanRejected => [Reason::NotWeakerThanRejected], "nobody", "For the report.";
        Reason::NotWeakerThanTampered => [Reason::NotWeakerThanTampered], "network, or the server's operator", "For the report; show the error of the attempt that was tampered with.";
        Reason::CleartextAsLowered => [Reason::CleartextAsLowered], "user", "Show that nothing is encrypted.";
        Reason::Established => [Reason::Established], "nobody", "For the report.";
        Reason::StrongerWayRejected => [Reason::StrongerWayRejected], "server's operator", "Show the error of the attempt that was rejected.";
        Reason::MinimumRaised => [Reason::MinimumRaised], "nobody", "For the report.";
        Reason::OthersRun => [Reason::OthersRun], "nobody", "For the report.";
        Reason::Rejected => [Reason::Rejected], "server's operator", "Show the error of the attempt that was rejected.";
        Reason::Tampered => [Reason::Tampered], "network, or the server's operator", "Somebody on the way may be attacking the connection. Show the error; try another network.";
        Reason::Unreachable => [Reason::Unreachable], "network", "Try again later.";
        Reason::NoTls => [Reason::NoTls], "server's operator", "Show the errors of the attempts, with the advice on them.";
        Reason::LocalFault => [Reason::LocalFault], "program", "Show the error of the attempt.";
        Reason::NoServer => [Reason::NoServer], "user", "Ask for the server's name.";
        Reason::Over => [Reason::Over], "program", "A mistake in the program: make a new plan.";
    );
    rows.extend(rows!("advice", Advice:
        Advice::WithoutAlpn => [Advice::WithoutAlpn], "user", "Show it beside the error.";
        Advice::OtherMode { .. } => [other_mode(Some(993)), other_mode(None)], "user", "Show it beside the error.";
        Advice::CheckHostAndPort => [Advice::CheckHostAndPort], "user", "Show it beside the error.";
        Advice::CheckClock => [Advice::CheckClock], "user", "Show it beside the error.";
        Advice::UseImplicitTls => [Advice::UseImplicitTls], "user", "Show it beside the error.";
        Advice::CaptivePortalLikely => [Advice::CaptivePortalLikely], "user", "Show it beside the error.";
        Advice::InterceptionPossible => [Advice::InterceptionPossible], "user", "Show it beside the error.";
        Advice::ServerTooOldPossible => [Advice::ServerTooOldPossible], "user", "Show it beside the error.";
        Advice::TryLater => [Advice::TryLater], "user", "Show it beside the error.";
        Advice::AskProvider => [Advice::AskProvider], "user", "Show it beside the error.";
    ));
    rows
}
