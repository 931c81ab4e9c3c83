//! Our client with TLS servers of other makes: every kind of key, groups, resumption, and the ways
//! in which a connection ends.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::dovecot::Dovecot;
use crate::our_client::{Ours, Us, dial, log_in_and_out, submit};
use crate::postfix::Postfix;
use crate::process::LOOPBACK;
use crate::tls_servers::{self, End, Engine};
use mail_tls::{Connector, EndOfInput, Error, Negotiated, PolicyRefusal, Service, TlsMode};
use std::net::SocketAddr;

const CUT: EndOfInput = EndOfInput::Truncated {
    in_record: false,
    is_established: true,
};

fn version(tls: Tls) -> Negotiated {
    match tls {
        Tls::V12 => Negotiated::Tls12,
        Tls::V13 => Negotiated::Tls13,
    }
}

/// A line for `openssl s_server -rev` and its end.
fn reverse(ours: &mut Ours) -> Result<EndOfInput, Error> {
    ours.establish()?;
    assert_eq!(ours.ask("stressed\n", |_| true)?, ["desserts"]);
    ours.send("CLOSE\n")?;
    let end = ours.drain()?;
    // It waits for an answer before it serves the next client.
    ours.close_own_half();
    Ok(end)
}

/// A line for `gnutls-serv`, which does not close first.
fn echo(ours: &mut Ours) -> Result<EndOfInput, Error> {
    ours.establish()?;
    assert_eq!(ours.ask("echo this\n", |_| true)?, ["echo this"]);
    ours.close()
}

/// The conversation with `server.py`.
fn greet(ours: &mut Ours) -> Result<EndOfInput, Error> {
    ours.establish()?;
    assert_eq!(ours.line()?, "* OK ready");
    assert_eq!(ours.ask("quit\r\n", |_| true)?, ["quit"]);
    ours.drain()
}

#[test]
#[ignore = "needs OpenSSL, GnuTLS and Python; run by .ci/run"]
fn every_make_with_every_key() {
    for key in Key::ALL {
        let certificates = Certificates::good(key);
        let us = Us::trusting(&certificates);
        for tls in Tls::BOTH {
            for address in LOOPBACK {
                let server = tls_servers::openssl(&certificates, tls, address, &[]);
                let mut ours = us.dial(Service::Imap, server.address);
                assert_eq!(reverse(&mut ours), Ok(EndOfInput::Clean), "{key:?} {tls:?}");
                assert_eq!(ours.session.info().unwrap().version(), version(tls));
                assert_eq!(ours.session.peer_chain().len(), 2);

                let server = tls_servers::gnutls(&certificates, tls, address, &[]);
                let mut ours = us.dial(Service::Imap, server.address);
                assert_eq!(echo(&mut ours), Ok(EndOfInput::Clean), "{key:?} {tls:?}");
                assert_eq!(ours.session.info().unwrap().version(), version(tls));
            }
        }
        for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
            let engine = Engine::Ssl;
            let server = tls_servers::python(&certificates, tls, address, engine, End::Notify);
            let mut ours = us.dial(Service::Imap, server.address);
            assert_eq!(greet(&mut ours), Ok(EndOfInput::Clean), "{key:?} {tls:?}");
            assert_eq!(ours.session.info().unwrap().version(), version(tls));
        }
    }
}

/// The hybrid group is the first that the client offers, and is taken by a server that has it.
#[test]
#[ignore = "needs pyOpenSSL and OpenSSL; run by .ci/run"]
#[cfg(feature = "aws-lc-rs")]
fn the_hybrid_group_where_the_server_has_it() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let us = Us::trusting(&certificates);
    for address in LOOPBACK {
        let engine = Engine::PyOpenSsl;
        let server = tls_servers::python(&certificates, Tls::V13, address, engine, End::Notify);
        let mut ours = us.dial(Service::Imap, server.address);
        assert_eq!(greet(&mut ours), Ok(EndOfInput::Clean));
        let group = ours.session.info().unwrap().group().unwrap();
        assert_eq!(group.name(), Some("X25519MLKEM768"));
        assert!(server.server.logs("X25519MLKEM768"));

        // Debian's OpenSSL does not have it, and takes the next.
        let server = tls_servers::openssl(&certificates, Tls::V13, address, &[]);
        let mut ours = us.dial(Service::Imap, server.address);
        assert_eq!(reverse(&mut ours), Ok(EndOfInput::Clean));
        let group = ours.session.info().unwrap().group().unwrap();
        assert_eq!(group.name(), Some("x25519"));
    }
}

/// Two connections of one connector, and whether the second resumes the first.
#[track_caller]
fn assert_second_resumes(
    connector: &Connector,
    address: SocketAddr,
    resumes: bool,
    talk: impl Fn(&mut Ours) -> Result<EndOfInput, Error>,
) {
    for is_resumed in [false, resumes] {
        let mut ours = dial(connector, address);
        assert_eq!(talk(&mut ours), Ok(EndOfInput::Clean));
        let info = ours.session.info().unwrap();
        assert_eq!(info.is_resumed(), is_resumed, "{info}");
        // Inherited, it is still there.
        let name = info.verification().unwrap().presented_name();
        assert_eq!(name, Some("localhost"));
        assert_eq!(ours.session.peer_chain().len(), 2);
    }
}

#[test]
#[ignore = "needs OpenSSL, GnuTLS, Postfix and Dovecot; run by .ci/run"]
fn tickets_are_used() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let us = Us::trusting(&certificates);
    let imap = |address: SocketAddr| {
        us.connector(
            Service::Imap,
            TlsMode::Implicit,
            "localhost",
            address.port(),
        )
    };
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let server = tls_servers::openssl(&certificates, tls, address, &[]);
        assert_second_resumes(&imap(server.address), server.address, true, reverse);

        let server = tls_servers::gnutls(&certificates, tls, address, &[]);
        assert_second_resumes(&imap(server.address), server.address, true, echo);

        let postfix = Postfix::start(&certificates, tls);
        let at = SocketAddr::new(address, postfix.submissions);
        let connector = us.connector(
            Service::Submission,
            TlsMode::Implicit,
            "localhost",
            at.port(),
        );
        assert_second_resumes(&connector, at, true, |ours| submit(ours, "resumed"));

        // Each of Dovecot's login processes has keys of its own, so that no ticket is good later.
        let dovecot = Dovecot::start(&certificates, tls);
        let at = SocketAddr::new(address, dovecot.imaps);
        assert_second_resumes(&imap(at), at, false, log_in_and_out);
    }
}

/// RFC 8446 §6.1: neither side has to wait for the other's close_notify, and after sending its own
/// a client may go on reading.
#[test]
#[ignore = "needs GnuTLS; run by .ci/run"]
fn half_close() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let us = Us::trusting(&certificates);
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let server = tls_servers::gnutls(&certificates, tls, address, &[]);
        let mut ours = us.dial(Service::Imap, server.address);
        ours.establish().unwrap();
        ours.send("said before closing\n").unwrap();
        ours.close_own_half();
        assert!(ours.send("said after closing\n").is_err());
        assert_eq!(ours.line().unwrap(), "said before closing");
        assert_eq!(ours.drain(), Ok(EndOfInput::Clean));
        assert!(ours.peer_has_closed && ours.received.is_empty());
    }
}

#[test]
#[ignore = "needs Python and pyOpenSSL; run by .ci/run"]
fn a_peer_that_drops() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let us = Us::trusting(&certificates);
    for engine in [Engine::Ssl, Engine::PyOpenSsl] {
        for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
            let server = tls_servers::python(&certificates, tls, address, engine, End::Drop);
            let mut ours = us.dial(Service::Imap, server.address);
            assert_eq!(greet(&mut ours), Ok(CUT), "{engine:?} {tls:?}");
            assert!(!ours.peer_has_closed && ours.session.info().is_some());
        }
    }
}

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn alpn_with_a_server_that_has_it_and_one_that_has_not() {
    use mail_tls::{ClientAlpn, Endpoint, Host, Provenance};

    let certificates = Certificates::good(Key::EcdsaP256);
    let us = Us::trusting(&certificates);
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let connect = |to: SocketAddr, alpn| {
            let host = Host::parse("localhost").unwrap();
            let mode = TlsMode::Implicit;
            let endpoint = Endpoint::new(Service::Imap, mode, host, to.port(), Provenance::Typed);
            let endpoint = endpoint.with_alpn(alpn);
            dial(&us.client.connector(&us.account, endpoint).unwrap(), to)
        };
        let has = tls_servers::openssl(&certificates, tls, address, &["-alpn", "imap"]);
        for (alpn, agreed) in [
            (ClientAlpn::Off, None),
            (ClientAlpn::Offer, Some(&b"imap"[..])),
            (ClientAlpn::Require, Some(&b"imap"[..])),
        ] {
            let mut ours = connect(has.address, alpn);
            assert_eq!(reverse(&mut ours), Ok(EndOfInput::Clean));
            assert_eq!(ours.session.info().unwrap().alpn(), agreed);
        }
        let has_not = tls_servers::openssl(&certificates, tls, address, &[]);
        let mut ours = connect(has_not.address, ClientAlpn::Offer);
        assert_eq!(reverse(&mut ours), Ok(EndOfInput::Clean));
        match connect(has_not.address, ClientAlpn::Require).establish() {
            Err(Error::Policy(refusal)) => assert!(matches!(
                *refusal,
                PolicyRefusal::AlpnNotSelected {
                    required: "imap",
                    ..
                }
            )),
            other => panic!("{other:?}"),
        }
        let other = tls_servers::openssl(&certificates, tls, address, &["-alpn", "pop3"]);
        let Err(Error::Protocol(error)) = connect(other.address, ClientAlpn::Offer).establish()
        else {
            panic!("agreed on another protocol")
        };
        assert_eq!(
            error.to_string(),
            "the peer refused with the TLS alert no_application_protocol; \
             possible cause: it does not accept the application protocol (ALPN)"
        );
    }
}
