//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use mail_tls::{EmailAddress, HostName, Service, TlsMode};

/// What is looked at unless something else is asked for.
pub(crate) const LABELS: [&str; 7] = [
    "imaps",
    "imap",
    "pop3s",
    "pop3",
    "submissions",
    "submission",
    "sieve",
];

/// Looks at the mail servers of a domain or at one host, as their clients see them, and says what is
/// wrong, by which clause, and what to do.
#[derive(Debug, Parser)]
#[command(
    name = "mail-tls-probe",
    after_help = "Exit status: 0 nothing is wrong, 1 there are warnings, 2 something is critical, \
                  3 nothing could be looked at.\n\n\
                  Nothing is sent that is worth hiding, and nobody logs in. Look at servers that are \
                  yours: a full look makes some fifty connections to each port, which a server that \
                  counts them may take amiss; --quick makes one or two."
)]
pub(crate) struct Options {
    /// A mail address, whose servers its domain's SRV records name; or the name of a host
    #[arg(value_name = "ADDRESS|HOST", value_parser = Subject::parse)]
    pub(crate) subject: Subject,

    /// Look at this service alone, on this port; may be repeated
    ///
    /// imaps, pop3s and submissions are with implicit TLS, imap, pop3, submission and sieve with
    /// STARTTLS.
    #[arg(short, long = "service", value_name = "NAME[:PORT]", value_parser = Wanted::parse)]
    pub(crate) services: Vec<Wanted>,

    /// A mail domain that the host serves; may be repeated
    #[arg(short, long = "domain", value_name = "DOMAIN")]
    pub(crate) domains: Vec<HostName>,

    /// Connect to this address instead of where DNS says; may be repeated
    #[arg(long = "address", value_name = "IP")]
    pub(crate) addresses: Vec<IpAddr>,

    /// IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,

    /// IPv6 only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,

    /// Whom to ask about names: the system's name servers, nobody, or this one
    ///
    /// DNSSEC is validated here, whoever is asked. With "none" there are no SRV and no TLSA records,
    /// and the system finds the addresses.
    #[arg(long, value_name = "system|none|IP[:PORT]", default_value = "system",
          value_parser = AskWhom::parse)]
    pub(crate) dns: AskWhom,

    /// Keys to trust in place of those of the DNS root (DNSKEY records)
    #[arg(long, value_name = "FILE")]
    pub(crate) trust_anchor: Option<PathBuf>,

    /// Authorities to trust in place of Mozilla's (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// Leave out which versions, suites, groups and protocols there are, and what is smuggled in
    /// behind STARTTLS
    #[arg(short, long)]
    pub(crate) quick: bool,

    /// For one connection, from its first packet to its last
    #[arg(short, long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) timeout: Duration,

    /// Warn so long before a certificate ends
    #[arg(long, value_name = "DAYS", default_value = "21")]
    pub(crate) expiry: u32,

    /// Leave out findings of this code, for a monitor that should not repeat them; may be repeated
    #[arg(long, value_name = "CODE")]
    pub(crate) ignore: Vec<String>,

    /// Report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is to be looked at.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// The domain of a mail address.
    Domain(HostName),
    Host(HostName),
}

/// A service that was asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) service: Service,
    pub(crate) mode: TlsMode,
    pub(crate) port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskWhom {
    System,
    Nobody,
    Server(SocketAddr),
}

impl Subject {
    fn parse(text: &str) -> Result<Self, String> {
        if text.contains('@') {
            let address = EmailAddress::parse(text).map_err(|error| error.to_string())?;
            let domain = address.domain().cloned();
            let wrong = "an address with an IP address has no SRV records";
            return Ok(Self::Domain(domain.ok_or(wrong)?));
        }
        if text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            let advice = "name the host, and say where it is with --address";
            return Err(format!("certificates are for names: {advice} {text}"));
        }
        let host = HostName::parse(text).map_err(|error| error.to_string())?;
        Ok(Self::Host(host))
    }
}

impl Wanted {
    /// On its registered port.
    pub(crate) fn by_label(label: &str) -> Option<Self> {
        let all = Service::ALL.into_iter().flat_map(|service| {
            [TlsMode::Implicit, TlsMode::StartTls].map(move |mode| (service, mode))
        });
        let mut found = all.filter(|(service, mode)| service.srv_label(*mode) == Some(label));
        let (service, mode) = found.next()?;
        let port = service.default_port(mode)?;
        Some(Self {
            service,
            mode,
            port,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (label, port) = match text.split_once(':') {
            Some((label, port)) => (label, Some(port)),
            None => (text, None),
        };
        let unknown = || format!("it is none of {}", LABELS.join(", "));
        let known = Self::by_label(label).ok_or_else(unknown)?;
        match port.map(str::parse) {
            None => Ok(known),
            Some(Ok(port)) if port > 0 => Ok(Self { port, ..known }),
            Some(_) => Err("the port is a number from 1 to 65535".to_owned()),
        }
    }
}

impl AskWhom {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "system" => Ok(Self::System),
            "none" => Ok(Self::Nobody),
            _ => {
                let address = text.parse().map(|ip: IpAddr| SocketAddr::new(ip, 53));
                let address = address.or_else(|_| text.parse());
                let wrong = |_| "it is neither system nor none nor the address of a name server";
                Ok(Self::Server(address.map_err(wrong)?))
            }
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=300) => Ok(Duration::from_secs(seconds)),
        _ => Err("it is a number from 1 to 300".to_owned()),
    }
}
