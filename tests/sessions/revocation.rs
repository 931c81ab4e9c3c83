//! Revoked certificates, on both sides (RFC 5280 §6.3, RFC 9325 §7.5).

use mail_tls::{
    AcceptorBuilder, Account, Certificates, CertifiedChain, Client, Endpoint, Error, Revocation,
    RevocationLists, RevocationPolicy, Server, Service, TlsMode, TlsVersions, TrustAnchors,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::crypto::CryptoProvider;

use crate::support::{HOST, Pair, Told, VERSIONS, clock, providers};

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    anchors: TrustAnchors,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Authority");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            anchors: TrustAnchors::from_pem(pem.as_bytes()).unwrap(),
            issuer: Issuer::new(params, key),
        }
    }

    fn issue(&self, serial: u64) -> CertifiedChain {
        let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from(serial));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        CertifiedChain::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
            .unwrap()
    }

    /// A list, good for long, in the PEM form in which authorities publish it.
    fn lists(&self, revoked: &[u64]) -> RevocationLists {
        let entry = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2999, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let pem = list.signed_by(&self.issuer).unwrap().pem().unwrap();
        RevocationLists::from_pem(pem.as_bytes()).unwrap()
    }

    fn client(
        &self,
        provider: &CryptoProvider,
        versions: TlsVersions,
        lists: Option<(RevocationLists, RevocationPolicy)>,
    ) -> Client {
        let mut builder = Client::builder()
            .trust_anchors(self.anchors.clone())
            .crypto_provider(provider.clone().into())
            .versions(versions)
            .clock(clock());
        if let Some((lists, policy)) = lists {
            builder = builder.revocation_lists(lists, policy);
        }
        builder.build().unwrap()
    }

    fn acceptor(&self, serial: u64) -> AcceptorBuilder {
        let certificates = Certificates::new(self.issue(serial));
        let server = Server::builder().clock(clock()).build().unwrap();
        server.acceptor(Service::Imap, TlsMode::Implicit, certificates)
    }
}

fn pair(client: &Client, account: &Account, acceptor: AcceptorBuilder) -> Pair {
    let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, HOST).unwrap();
    let connector = client.connector(account, endpoint).unwrap();
    let mut pair = Pair::new(&connector, &acceptor.build().unwrap());
    pair.run();
    pair
}

fn code(told: &[Told]) -> &'static str {
    match told.last() {
        Some(Told::Established) => "established",
        Some(Told::Failed(error)) => error.code(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_refuses_a_revoked_server() {
    use RevocationPolicy::{AcceptUnknown, RequireKnown};
    let authority = Authority::new();
    let stranger = Authority::new();
    for provider in providers() {
        for versions in VERSIONS {
            let rows = [
                (None, "established", Revocation::NotAsked),
                (
                    Some((authority.lists(&[]), RequireKnown)),
                    "established",
                    Revocation::NotRevoked,
                ),
                (
                    Some((authority.lists(&[8]), RequireKnown)),
                    "established",
                    Revocation::NotRevoked,
                ),
                (
                    Some((authority.lists(&[7]), AcceptUnknown)),
                    "revoked",
                    Revocation::NotAsked,
                ),
                (
                    Some((stranger.lists(&[7]), RequireKnown)),
                    "revocation-unknown",
                    Revocation::NotAsked,
                ),
            ];
            for (lists, expected, revocation) in rows {
                let client = authority.client(&provider, versions, lists);
                let mut pair = pair(&client, &Account::configured(), authority.acceptor(7));
                assert_eq!(code(&pair.client_trace()), expected);
                if expected == "established" {
                    let info = pair.client.info().unwrap();
                    assert_eq!(*info.verification().unwrap().revocation(), revocation);
                    continue;
                }
                // RFC 8446 §6.2: the server hears why.
                let [.., Told::Failed(Error::Protocol(heard))] = &pair.server_trace()[..] else {
                    panic!("{:?}", pair.server_told);
                };
                let alert = if expected == "revoked" {
                    "revoked"
                } else {
                    "unknown"
                };
                assert!(
                    format!("{heard:?}").to_lowercase().contains(alert),
                    "{heard:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_unknown_is_told_and_accepted() {
    let authority = Authority::new();
    let lists = (Authority::new().lists(&[]), RevocationPolicy::AcceptUnknown);
    let client = authority.client(&providers()[0], TlsVersions::default(), Some(lists));
    let pair = pair(&client, &Account::configured(), authority.acceptor(7));
    let info = pair.client.info().unwrap();
    let Revocation::Unknown(gap) = info.verification().unwrap().revocation() else {
        panic!("{:?}", info.verification());
    };
    assert_eq!(gap.outdated_since, None);
    assert_eq!(gap.certificate.as_ref().unwrap().position, Some(0));
}

#[test]
fn a_server_refuses_a_revoked_client() {
    let authority = Authority::new();
    for versions in VERSIONS {
        for (revoked, expected) in [(&[][..], "established"), (&[9][..], "revoked")] {
            let account = Account::configured();
            account.authorise_client_certificate_with_tls12(authority.issue(9));
            let client = authority.client(&providers()[0], versions, None);
            let acceptor = authority
                .acceptor(7)
                .require_client_certificates(
                    authority.anchors.clone(),
                    mail_tls::client_identity::IdentityMapping::key(),
                )
                .client_revocation_lists(authority.lists(revoked), RevocationPolicy::RequireKnown);
            let mut pair = pair(&client, &account, acceptor);
            assert_eq!(code(&pair.server_trace()), expected, "{versions:?}");
        }
    }
}
