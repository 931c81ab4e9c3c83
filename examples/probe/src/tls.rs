//! A whole handshake with whoever it is, to see the certificates and to speak behind TLS.
//!
//! mail-tls itself speaks with nobody whom it cannot verify, and is right to. A probe has to look at
//! those as well: it asks for capabilities and says nothing that is worth hiding. What clients make
//! of the certificates, `mail_tls::verify::evaluate` says afterwards.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use mail_tls::HostName;
use pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, DigitallySignedStruct, Error,
    SignatureScheme, Stream,
};

use crate::wire::{Failure, Lines, Wire, take_line};

/// What a handshake has shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    pub(crate) version: Option<u16>,
    pub(crate) suite: Option<u16>,
    pub(crate) group: Option<u16>,
    pub(crate) alpn: Option<String>,
    pub(crate) chain: Vec<CertificateDer<'static>>,
}

/// What became of it. The certificates are there even if it failed behind them.
pub(crate) struct Handshake {
    pub(crate) shown: Shown,
    pub(crate) result: Result<Encrypted, Failure>,
    /// It ended with the alert no_application_protocol (RFC 7301 §3.2).
    pub(crate) refuses_protocol: bool,
}

/// A connection under TLS.
pub(crate) struct Encrypted {
    session: ClientConnection,
    wire: Wire,
    received: Vec<u8>,
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    #[cfg(feature = "aws-lc-rs")]
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    #[cfg(not(feature = "aws-lc-rs"))]
    let provider = rustls::crypto::ring::default_provider();
    provider.into()
}

pub(crate) fn shake_hands(mut wire: Wire, host: &HostName, alpn: Option<&str>) -> Handshake {
    let witness = Arc::new(Witness {
        provider: provider(),
        chain: Mutex::default(),
    });
    let mut refuses_protocol = false;
    let session = session(&witness, host, alpn);
    let result = session.and_then(|mut session| {
        while session.is_handshaking() {
            if let Err(error) = session.complete_io(&mut wire) {
                let inner = error
                    .get_ref()
                    .and_then(|inner| inner.downcast_ref::<Error>());
                let no_protocol = Error::AlertReceived(AlertDescription::NoApplicationProtocol);
                refuses_protocol = inner == Some(&no_protocol);
                return Err(match inner {
                    Some(error) => Failure::Tls(error.to_string()),
                    None => wire.failure(&error, "its part of the TLS handshake"),
                });
            }
        }
        Ok(Encrypted {
            session,
            wire,
            received: Vec::new(),
        })
    });
    let chain = witness.chain.lock().unwrap_or_else(PoisonError::into_inner);
    let mut shown = Shown {
        chain: chain.clone(),
        ..Shown::default()
    };
    if let Ok(encrypted) = &result {
        let session = &encrypted.session;
        shown.version = session.protocol_version().map(u16::from);
        let suite = session.negotiated_cipher_suite();
        shown.suite = suite.map(|suite| suite.suite().into());
        let group = session.negotiated_key_exchange_group();
        shown.group = group.map(|group| group.name().into());
        let alpn = session.alpn_protocol();
        shown.alpn = alpn.map(|id| String::from_utf8_lossy(id).into_owned());
    }
    Handshake {
        shown,
        result,
        refuses_protocol,
    }
}

fn session(
    witness: &Arc<Witness>,
    host: &HostName,
    alpn: Option<&str>,
) -> Result<ClientConnection, Failure> {
    let wrong = |error: &dyn std::error::Error| Failure::Tls(error.to_string());
    let config = ClientConfig::builder_with_provider(Arc::clone(&witness.provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?;
    let verifier = Arc::clone(witness);
    let mut config = config
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|id| id.as_bytes().to_vec()).collect();
    let name = ServerName::try_from(host.to_string()).map_err(|error| wrong(&error))?;
    ClientConnection::new(config.into(), name).map_err(|error| wrong(&error))
}

impl Encrypted {
    /// Ends it as TLS does, and TCP.
    pub(crate) fn close(mut self) {
        self.session.send_close_notify();
        let _ = self.session.write_tls(&mut self.wire);
        self.wire.hang_up();
    }
}

impl Lines for Encrypted {
    fn say(&mut self, text: &str) -> Result<(), Failure> {
        let mut stream = Stream::new(&mut self.session, &mut self.wire);
        let said = stream
            .write_all(text.as_bytes())
            .and_then(|()| stream.flush());
        said.map_err(|error| self.wire.failure(&error, "what was sent to be taken"))
    }

    fn line(&mut self, wait: &'static str) -> Result<String, Failure> {
        loop {
            if let Some(line) = take_line(&mut self.received)? {
                return Ok(line);
            }
            let mut chunk = [0; 4096];
            let read = Stream::new(&mut self.session, &mut self.wire).read(&mut chunk);
            match read {
                Ok(0) => return Err(Failure::Closed(wait)),
                Ok(n) => self.received.extend(chunk.iter().take(n)),
                Err(error) => {
                    let inner = error
                        .get_ref()
                        .and_then(|inner| inner.downcast_ref::<Error>());
                    return Err(match inner {
                        Some(error) => Failure::Tls(error.to_string()),
                        None => self.wire.failure(&error, wait),
                    });
                }
            }
        }
    }
}

/// Keeps the certificates, and lets everybody in who has the key of the first.
#[derive(Debug)]
struct Witness {
    provider: Arc<CryptoProvider>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let all = std::iter::once(end_entity).chain(intermediates);
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        *chain = all.map(|one| one.clone().into_owned()).collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
