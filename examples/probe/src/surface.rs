//! What a server would agree to: versions, suites and groups, one question a connection.
//!
//! Suites and groups are found by taking away what was chosen until nothing is: as many connections
//! as there are, and one. Before TLS 1.3 the curve of the certificate's key has to be among the
//! groups as well (RFC 8422 §5.1), so that those may not all be found that another client would get.

use mail_tls::audit::TlsVersion;
use mail_tls::{CipherSuite, HostName, NamedGroup, Recommendation};

use crate::hello::{Answer, Choice, Hello, code_point, is_dhe, is_ecdhe};
use crate::wire::{Failure, Wire};

/// No server has more that it is worth to go on.
const MOST: usize = 64;
const VERSIONS: [TlsVersion; 5] = [
    TlsVersion::Tls13,
    TlsVersion::Tls12,
    TlsVersion::Tls11,
    TlsVersion::Tls10,
    TlsVersion::Ssl3,
];

/// What a server agrees to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Surface {
    pub(crate) versions: Vec<TlsVersion>,
    pub(crate) suites: Vec<(TlsVersion, CipherSuite)>,
    pub(crate) groups: Vec<(TlsVersion, NamedGroup)>,
    pub(crate) dh_bits: Option<usize>,
    pub(crate) compresses: bool,
    /// Why the rest is not known.
    pub(crate) gave_up: Option<Failure>,
}

impl Surface {
    /// Looks at all of it. `open` gives connections on which TLS begins.
    pub(crate) fn of(
        host: &HostName,
        open: &dyn Fn() -> Result<Wire, Failure>,
        tell: &dyn Fn(&str),
    ) -> Self {
        let mut surface = Self::default();
        surface.gave_up = surface.look(host, open, tell).err();
        surface.versions.reverse();
        surface
    }

    fn look(
        &mut self,
        host: &HostName,
        open: &dyn Fn() -> Result<Wire, Failure>,
        tell: &dyn Fn(&str),
    ) -> Result<(), Failure> {
        let ask = |version, suites: &[u16], groups: &[u16]| {
            let hello = Hello {
                version,
                suites,
                groups,
                server_name: host.as_str(),
            };
            let answer = hello.ask(&mut open()?)?;
            Ok::<_, Failure>(match answer {
                Answer::Chosen(choice) if choice.version == code_point(version) => Some(choice),
                Answer::Chosen(_) | Answer::Refused(_) => None,
            })
        };
        tell("versions");
        for version in VERSIONS {
            if let Some(choice) = ask(version, &suites(version), &groups(version))? {
                self.versions.push(version);
                self.compresses |= choice.compresses;
            }
        }
        for version in [TlsVersion::Tls13, TlsVersion::Tls12] {
            if !self.versions.contains(&version) {
                continue;
            }
            tell(&format!("suites of {version}"));
            let ask_suites = |left: &[u16]| ask(version, left, &groups(version));
            for family in families(version) {
                for suite in chosen(family, &ask_suites, &|choice| Some(choice.suite))? {
                    let suite = CipherSuite::from_code_point(suite);
                    self.suites.push((version, suite));
                }
            }
            tell(&format!("groups of {version}"));
            let mut offered = suites(version);
            offered.retain(|suite| version == TlsVersion::Tls13 || is_ecdhe(*suite));
            let ask_groups = |left: &[u16]| ask(version, &offered, left);
            for group in chosen(groups(version), &ask_groups, &|choice| choice.group)? {
                self.groups
                    .push((version, NamedGroup::from_code_point(group)));
            }
        }
        let is_dhe = |(_, suite): &(_, CipherSuite)| is_dhe(suite.code_point());
        if self.suites.iter().any(is_dhe) {
            let mut offered = suites(TlsVersion::Tls12);
            offered.retain(|suite| crate::hello::is_dhe(*suite));
            let choice = ask(TlsVersion::Tls12, &offered, &[])?;
            self.dh_bits = choice.and_then(|choice| choice.dh_bits);
        }
        Ok(())
    }
}

type Ask<'a> = dyn Fn(&[u16]) -> Result<Option<Choice>, Failure> + 'a;

/// What is chosen from all, then from the rest, and so on.
fn chosen(
    mut left: Vec<u16>,
    ask: &Ask<'_>,
    part: &dyn Fn(&Choice) -> Option<u16>,
) -> Result<Vec<u16>, Failure> {
    let mut found = Vec::new();
    while found.len() < MOST && !left.is_empty() {
        let Some(one) = ask(&left)?.as_ref().and_then(part) else {
            break;
        };
        let before = left.len();
        left.retain(|other| *other != one);
        if left.len() == before {
            break; // it was not offered
        }
        found.push(one);
    }
    Ok(found)
}

/// Every registered suite of a version, the good ones first, as a client would offer them.
fn suites(version: TlsVersion) -> Vec<u16> {
    let all = (0..=u16::MAX).filter(|code_point| {
        let name = CipherSuite::from_code_point(*code_point).name();
        // RFC 8446 §B.4 has no key exchange in their names; SCSVs are signals.
        let is_13 = name.is_some_and(|name| !name.contains("_WITH_"));
        let is_signal = name.is_some_and(|name| name.ends_with("SCSV"));
        name.is_some() && !is_signal && is_13 == (version == TlsVersion::Tls13)
    });
    let rank = |suite: &u16| match CipherSuite::from_code_point(*suite).recommendation() {
        Recommendation::Recommended => 0,
        Recommendation::Acceptable => 1,
        Recommendation::NotRecommended => 2,
        _ => 3,
    };
    let mut all: Vec<u16> = all.collect();
    all.sort_by_key(rank);
    all
}

/// By key exchange: a server that fails at one, such as for want of Diffie-Hellman parameters, may
/// get on with the others.
fn families(version: TlsVersion) -> Vec<Vec<u16>> {
    if version == TlsVersion::Tls13 {
        return vec![suites(version)];
    }
    let (ecdhe, rest): (Vec<_>, Vec<_>) =
        suites(version).into_iter().partition(|one| is_ecdhe(*one));
    let (dhe, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|one| is_dhe(*one));
    vec![ecdhe, others, dhe]
}

fn groups(version: TlsVersion) -> Vec<u16> {
    const CURVES: [u16; 6] = [0x001D, 0x0017, 0x0018, 0x0019, 0x001E, 0x0029];
    let hybrid_or_dh = (0x11EB..=0x11ED)
        .chain(0x0200..=0x0202)
        .chain(0x0100..=0x0104);
    match version {
        TlsVersion::Tls13 => {
            let brainpool = 0x001F..=0x0021;
            let all = hybrid_or_dh.chain(brainpool);
            [0x11EC]
                .into_iter()
                .chain(CURVES)
                .chain(all.filter(|one| *one != 0x11EC))
                .collect()
        }
        TlsVersion::Ssl3 => Vec::new(),
        _ => {
            let old = (0x0001..=0x001C).filter(|one| !CURVES.contains(one));
            CURVES.into_iter().chain(old).collect()
        }
    }
}
