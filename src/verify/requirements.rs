//! What `evaluate` is asked: the evidence on one side, the requirements on the other.

use std::sync::Arc;

use pki_types::CertificateDer;
use rustls::crypto::WebPkiSupportedAlgorithms;

use crate::identity::{ReferenceId, ReferenceIds, ReferenceName};
use crate::verify::dane::{Dane, TlsaName};
use crate::verify::revocation::RevocationCheck;
use crate::verify::{Purpose, RevocationLists, RevocationPolicy, ServerVerifier, TrustAnchors};

/// What a peer presented.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    pub(super) end_entity: Option<&'a CertificateDer<'a>>,
    pub(super) intermediates: &'a [CertificateDer<'a>],
    ocsp_response: &'a [u8],
}

impl<'a> Evidence<'a> {
    /// The peer's own certificate, and what else it sent, in any order.
    #[must_use]
    pub const fn new(
        end_entity: &'a CertificateDer<'a>,
        intermediates: &'a [CertificateDer<'a>],
    ) -> Self {
        Self {
            end_entity: Some(end_entity),
            intermediates,
            ocsp_response: &[],
        }
    }

    /// A chain as TLS and PEM files have it: the peer's own certificate comes first
    /// (RFC 8446 §4.4.2). An empty chain is refused when it is evaluated.
    #[must_use]
    pub const fn from_chain(chain: &'a [CertificateDer<'a>]) -> Self {
        match chain.split_first() {
            Some((end_entity, intermediates)) => Self::new(end_entity, intermediates),
            None => Self {
                end_entity: None,
                intermediates: &[],
                ocsp_response: &[],
            },
        }
    }

    /// Adds the OCSP response that was stapled (RFC 6066 §8). It is carried, not interpreted.
    #[must_use]
    pub const fn with_ocsp_response(self, ocsp_response: &'a [u8]) -> Self {
        Self {
            ocsp_response,
            ..self
        }
    }

    /// The stapled OCSP response; empty if there was none.
    #[must_use]
    pub const fn ocsp_response(&self) -> &'a [u8] {
        self.ocsp_response
    }

    pub(super) const fn end_entity(&self) -> Option<&'a CertificateDer<'a>> {
        self.end_entity
    }

    /// All certificates, the peer's own first.
    pub(super) fn certificates(&self) -> impl Iterator<Item = &'a CertificateDer<'a>> + use<'a> {
        self.end_entity.into_iter().chain(self.intermediates)
    }
}

/// What a certificate must satisfy. Made once per endpoint or listener; cheap to clone.
#[derive(Debug, Clone)]
pub struct Requirements {
    pub(super) anchors: TrustAnchors,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    pub(super) peer: Peer,
    pub(super) dane: Option<Dane>,
    pub(super) revocation: Option<RevocationCheck>,
    /// Who checks a server's path in place of the anchors, which are none then.
    pub(super) verifier: Option<Arc<dyn ServerVerifier>>,
}

/// TLSA records are of another host than the one that is to be verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the TLSA records at {name} are not those of the host that is to be verified; look those up"
)]
#[non_exhaustive]
pub struct UnrelatedTlsa {
    /// Where the records are.
    pub name: TlsaName,
}

impl UnrelatedTlsa {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "tlsa-of-other-host"
    }
}

/// Which end the peer is, and who it has to be.
#[derive(Debug, Clone)]
pub(super) enum Peer {
    Server(ReferenceIds),
    /// Who the client is, is the application's to say: its certificate's names are only data.
    Client,
}

impl Requirements {
    /// For a server's certificate: a path to one of `anchors`, good for server authentication, and
    /// a name that matches one of `references` (RFC 7817 §3).
    ///
    /// `algorithms` is the provider's
    /// [`signature_verification_algorithms`](rustls::crypto::CryptoProvider::signature_verification_algorithms).
    #[must_use]
    pub const fn server(
        anchors: TrustAnchors,
        references: ReferenceIds,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Self {
        Self {
            anchors,
            algorithms,
            peer: Peer::Server(references),
            dane: None,
            revocation: None,
            verifier: None,
        }
    }

    /// For a server's certificate that somebody else verifies: the platform, or another library.
    /// Its word counts for a name only that the certificate has by the rules of RFC 7817 as well.
    ///
    /// Revocation is the verifier's affair too. Which path it found is not told, so that lists say
    /// nothing about it: with them revocation is unknown, and the certificate is refused where it
    /// [must be known](RevocationPolicy::RequireKnown).
    #[must_use]
    pub fn server_verified_by(
        verifier: Arc<dyn ServerVerifier>,
        references: ReferenceIds,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Self {
        Self {
            verifier: Some(verifier),
            ..Self::server(TrustAnchors::none(), references, algorithms)
        }
    }

    /// For a client's certificate: a path to one of `anchors`, good for client authentication. No
    /// name is compared: mapping the certificate to a user is the application's part.
    #[must_use]
    pub const fn client(anchors: TrustAnchors, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self {
            anchors,
            algorithms,
            peer: Peer::Client,
            dane: None,
            revocation: None,
            verifier: None,
        }
    }

    /// Adds what DNS says about the server (RFC 7671, RFC 7673). Records that are applied decide
    /// alone, and their base domain becomes the first reference; of others the reason is reported.
    ///
    /// # Errors
    ///
    /// [`UnrelatedTlsa`] if no reference is the host that the records are of, by itself or through
    /// secure CNAMEs: such records would authenticate another server. For a client there are none.
    pub fn with_dane(self, dane: Dane) -> Result<Self, UnrelatedTlsa> {
        let Some(set) = dane.set_in_force() else {
            return Ok(Self {
                dane: Some(dane),
                ..self
            });
        };
        let is_of = |id: &ReferenceId| match id.name() {
            ReferenceName::Dns(host) => set.name().is_of(host),
            ReferenceName::Srv { .. } | ReferenceName::Ip(_) | ReferenceName::CommonName(_) => {
                false
            }
        };
        match &self.peer {
            Peer::Server(references) if references.iter().any(is_of) => {
                Ok(self.with_dane_of_endpoint(dane))
            }
            Peer::Server(_) | Peer::Client => Err(UnrelatedTlsa {
                name: set.name().clone(),
            }),
        }
    }

    /// The same for records of which it is known that they are those of the host that is connected
    /// to, whichever names it is verified by otherwise.
    pub(crate) fn with_dane_of_endpoint(self, dane: Dane) -> Self {
        let peer = match (self.peer, dane.set_in_force()) {
            (Peer::Server(references), Some(set)) => {
                Peer::Server(references.with_tlsa_base_domain(set))
            }
            (peer @ (Peer::Server(_) | Peer::Client), _) => peer,
        };
        Self {
            peer,
            dane: Some(dane),
            ..self
        }
    }

    /// For a report: the published authorities in place of the trusted ones.
    pub(super) fn for_published_anchors(&self, anchors: TrustAnchors) -> Self {
        Self {
            anchors,
            algorithms: self.algorithms,
            peer: self.peer.clone(),
            dane: self.dane.clone(),
            // RFC 9325 §7.5: not with DANE.
            revocation: None,
            verifier: None,
        }
    }

    /// The name that the peer has if TLSA records name its own certificate.
    pub(super) fn primary_reference(&self) -> Option<&ReferenceId> {
        match &self.peer {
            Peer::Server(references) => references.iter().next(),
            Peer::Client => None,
        }
    }

    /// Looks up each certificate of the path in these lists (RFC 5280 §6.3).
    #[must_use]
    pub fn with_revocation_lists(self, lists: RevocationLists, policy: RevocationPolicy) -> Self {
        Self {
            revocation: Some(RevocationCheck { lists, policy }),
            ..self
        }
    }

    pub(crate) const fn anchors(&self) -> &TrustAnchors {
        &self.anchors
    }

    pub(super) const fn purpose(&self) -> Purpose {
        match self.peer {
            Peer::Server(_) => Purpose::ServerAuthentication,
            Peer::Client => Purpose::ClientAuthentication,
        }
    }
}
