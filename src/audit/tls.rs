//! TLS as it is offered (RFC 8314 §4, §4.1 and §4.6; RFC 8997).

use super::inventory::{Listener, TlsVersion};
use super::{Audit, Level, Problem, Subject};
use crate::discovery::Transport;
use crate::service::{Service, TlsMode};
use crate::starttls::offers;

impl Audit<'_> {
    pub(super) fn check_tls(&mut self) {
        for service in Service::ALL {
            self.check_modes(service);
        }
        for listener in &self.inventory.listeners {
            self.check_versions(listener);
            self.check_capabilities(listener);
        }
    }

    /// RFC 8314 §4: TLS, with implicit TLS and, in the near term, with STARTTLS.
    fn check_modes(&mut self, service: Service) {
        // Between mail servers other rules hold; they are not for users to log in.
        match service {
            Service::Imap | Service::Pop3 | Service::Submission | Service::ManageSieve => {}
            Service::Lmtp | Service::SmtpRelay => return,
        }
        let listeners = &self.inventory.listeners;
        let of_service: Vec<&Listener> = listeners
            .iter()
            .filter(|listener| listener.service == service)
            .collect();
        let Some(first) = of_service.first() else {
            return;
        };
        let has = |mode| of_service.iter().any(|one| one.mode() == Some(mode));
        let (implicit, starttls) = (has(TlsMode::Implicit), has(TlsMode::StartTls));
        let subject = Subject::server(first);
        if !implicit && !starttls {
            self.find(Level::Error, subject, Problem::NoTls { service });
            return;
        }
        for listener in &of_service {
            if listener.transport == Transport::Cleartext {
                self.find(
                    Level::Warning,
                    Subject::server(listener),
                    Problem::Cleartext,
                );
            }
        }
        if !implicit && service.default_port(TlsMode::Implicit).is_some() {
            let problem = Problem::NoImplicitTls { service };
            self.find(Level::Warning, subject, problem);
        } else if !starttls {
            self.find(Level::Advice, subject, Problem::NoStartTls { service });
        }
    }

    /// RFC 8314 §4 and RFC 8997: TLS 1.2 or later. RFC 8314 §4.6: no older one than before.
    fn check_versions(&mut self, listener: &Listener) {
        let subject = || Subject::server(listener);
        let Some(best) = listener.versions.last().copied() else {
            return;
        };
        for version in listener.versions.iter().copied() {
            if version < TlsVersion::Tls12 {
                self.find(Level::Error, subject(), Problem::OldVersion { version });
            }
        }
        if best < TlsVersion::Tls12 {
            self.find(Level::Error, subject(), Problem::NoModernVersion);
        } else if best < TlsVersion::Tls13 {
            self.find(Level::Warning, subject(), Problem::NoTls13);
        }
        let before = self
            .inventory
            .previous
            .iter()
            .filter(|previous| previous.is_at(listener))
            .filter_map(|previous| previous.versions.last().copied())
            .max();
        if let Some(before) = before.filter(|before| *before > best) {
            let problem = Problem::VersionRegression { before, now: best };
            self.find(Level::Error, subject(), problem);
        }
    }

    /// RFC 8314 §4.1: no login before TLS, and the way to TLS is open.
    fn check_capabilities(&mut self, listener: &Listener) {
        let Some(items) = &listener.capabilities else {
            return;
        };
        let is_starttls = match listener.transport {
            Transport::StartTls => true,
            Transport::Cleartext => false,
            // Everything is listed behind TLS there.
            Transport::Implicit => return,
        };
        let items = items.iter().map(AsRef::as_ref);
        let (starttls, login) = offers(listener.service, items);
        if is_starttls && !starttls {
            let subject = Subject::server(listener);
            self.find(Level::Error, subject, Problem::StartTlsNotOffered);
        }
        if login {
            let subject = Subject::server(listener);
            self.find(Level::Error, subject, Problem::LoginBeforeTls);
        }
    }
}
