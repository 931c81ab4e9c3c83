//! The manual, chapter by chapter. The same pages are in `docs/manual/` and `docs/`.
//!
//! | to begin with | |
//! |---|---|
//! | [`client`] | a mail client, from the first line to what its user is shown |
//! | [`server`] | a listener, many domains, STARTTLS, whom to let log in |
//! | [`adapters`] | a session as a stream, blocking or on tokio |
//! | [`migration`] | what replaces what, for a program that uses another library |
//!
//! | one thing at a time | |
//! |---|---|
//! | [`starttls`] | the dialogs before TLS, and what attackers try in them |
//! | [`account_setup`] | from an address to a connection: discovery, the plan, the permit |
//! | [`discovery`] | for whoever asks DNS: which questions, what an answer has to say, DNSSEC |
//! | [`pins`] | a certificate that nobody vouches for |
//! | [`dane`] | certificates by DNSSEC |
//! | [`certificates`], [`providers`] | renewal, databases, ACME; cryptography and keys in hardware |
//! | [`client_certificates`] | users who come by certificate, on both sides |
//! | [`tickets`] | resumption, and a fleet that shares it |
//! | [`received`] | what a server writes down of TLS |
//! | [`audit`] | an operator's check of certificates and DNS |
//! | [`recorder`] | a user's report becomes a test |
//! | [`probe`] | the same from outside: a site as its clients see it, for a monitor too |
//! | [`errors`] | every sentence that a user may be shown, and what to tell them |
//!
//! | to decide by | |
//! |---|---|
//! | [`comparison`] | beside what is in use today |
//! | [`threat_model`] | what is protected against whom, and what is not |
//! | [`policy`] | the rules for connecting, sending and showing |
//! | [`conformance`] | requirement by requirement, with code and tests |
//! | [`performance`], [`reliability`] | what was measured, and how to repeat it |
//! | [`dependencies`] | what is linked, and why |
//!
//! | to work on it | |
//! |---|---|
//! | [`house`] | the rooms of the house, and where to begin reading |

macro_rules! chapters {
    ($($name:ident = $file:literal,)*) => {$(
        #[doc = include_str!($file)]
        pub mod $name {}
    )*};
}

chapters! {
    client = "../docs/manual/client.md",
    server = "../docs/manual/server.md",
    adapters = "../docs/manual/adapters.md",
    migration = "../docs/manual/migration.md",
    starttls = "../docs/manual/starttls.md",
    account_setup = "../docs/manual/account_setup.md",
    discovery = "../docs/manual/discovery.md",
    pins = "../docs/manual/pins.md",
    dane = "../docs/manual/dane.md",
    certificates = "../docs/manual/certificates.md",
    providers = "../docs/manual/providers.md",
    client_certificates = "../docs/manual/client_certificates.md",
    tickets = "../docs/manual/tickets.md",
    received = "../docs/manual/received.md",
    audit = "../docs/manual/audit.md",
    recorder = "../docs/manual/recorder.md",
    probe = "../docs/manual/probe.md",
    errors = "../docs/manual/errors.md",
    comparison = "../docs/manual/comparison.md",
    threat_model = "../docs/threat-model.md",
    policy = "../docs/policy.md",
    conformance = "../docs/conformance.md",
    performance = "../docs/performance.md",
    reliability = "../docs/reliability.md",
    dependencies = "../docs/dependencies.md",
    house = "../docs/manual/house.md",
}
