//! Every bound in one place, each with its reason.

use std::time::Duration;

/// How long a session may take until it is established, unless [`Limits`] says otherwise.
///
/// A handshake takes two round trips; thirty seconds let the slowest mobile network pass, and
/// keep a peer that never answers from being waited for as long as SMTP's greeting may take (five
/// minutes, RFC 5321 §4.5.3.2).
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(30);

/// Bytes that the peer may send until the session is established, unless [`Limits`] says
/// otherwise.
///
/// A handshake message may have 64 KiB, a certificate chain included; the other messages of a
/// flight and the framing of many small records fit into as much again.
pub const HANDSHAKE_BYTES: usize = 128 * 1024;

/// Bytes that a client reads until the server's first message, which is its ServerHello or its
/// HelloRetryRequest.
///
/// A kilobyte is much for either, but with TLS 1.2 the certificates may share its record, of 16 KiB. The
/// cookie of the latter has to be sent back (RFC 8446 §4.2.2), in a ClientHello that has 64 KiB for it and
/// for a [ticket](BYTES_UP_TO_TICKET) together.
pub const SERVER_HELLO_BYTES: usize = 17 * 1024;

/// Records that the peer may send one after the other without plaintext in them: tickets, key
/// updates, empty records.
///
/// Servers send at most a handful of tickets after a handshake; a peer that sends more of such
/// records makes work without doing any.
pub const RECORDS_WITHOUT_PROGRESS: usize = 64;

/// What a session leaves in `incoming` after it has asked for more: less than one record with its
/// header, of the greatest size that TLS 1.2 allows (RFC 5246 §6.2.3).
pub const INCOMING_LEFTOVER: usize = MAX_RECORD;

/// Plaintext that [`queue`](crate::ClientSession::queue) gathers before it encrypts a record: the
/// plaintext that one record can hold (RFC 8446 §5.1).
pub const QUEUED_PLAINTEXT: usize = 16 * 1024;

/// Characters of a plaintext peer's first line that an error shows, escaped.
///
/// A greeting with its host name fits; a peer that never ends its line is recognised by as much.
pub const EXCERPT: usize = 120;

/// Bytes of text that the recording of one session may have; what comes later is not recorded.
///
/// Two megabytes of plaintext fit, fed, told and decrypted. A fault that takes more to be seen is
/// no report that anybody reads.
#[cfg(feature = "recorder")]
pub const RECORDING: usize = 16 * 1024 * 1024;

/// Recordings that a recorder keeps: the newest. An MUA opens a handful of connections at once.
#[cfg(feature = "recorder")]
pub const RECORDINGS: usize = 16;

/// Tickets that a connector keeps for resumption.
///
/// Mail clients hold a handful of connections to one server; each new one uses up a ticket.
pub const TICKETS: usize = 8;

/// Verdicts on certificate chains that a connector remembers: a server behind a load balancer shows
/// two or three, an attacker could show any number.
pub const REMEMBERED_VERDICTS: usize = 4;

/// How long a verdict on a certificate chain is remembered at most. What an hour brings in
/// revocations a session that stays open for an hour does not see either.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(60 * 60);

/// Sessions that a server remembers where the provider of cryptography has nothing to seal
/// tickets with.
pub const REMEMBERED_SESSIONS: usize = 1024;

/// Bytes that a server may send in the plaintext dialog before TLS.
///
/// Capabilities and a greeting of many lines take a few kilobytes; nothing else has to be said.
pub const DIALOG_BYTES: usize = 64 * 1024;

/// Lines that a server may send in the plaintext dialog before TLS, untagged responses of IMAP
/// that are dropped included.
pub const DIALOG_LINES: usize = 256;

/// Octets of one literal in the plaintext dialog before TLS. Those of ManageSieve's capabilities
/// have 1024 at most (RFC 5804 §1.7).
pub const DIALOG_LITERAL: usize = 4096;

/// Bytes of a Received field that [`recorded_tls`](crate::received::recorded_tls) reads.
///
/// Real ones have a few hundred; a line may have 998 (RFC 5322 §2.1.1), and one field is not
/// folded over more than a dozen.
pub const RECEIVED_FIELD: usize = 16 * 1024;

/// Bytes of an authorisation identity in SASL EXTERNAL.
///
/// Identities are names of users and addresses, and those have 254 octets at most
/// (RFC 5321 §4.5.3.1.3).
pub const AUTHORIZATION_IDENTITY: usize = 1024;

/// Certificates that a peer may send, its own included.
///
/// A path has at most six intermediates (rustls-webpki's own bound). Real servers add the root, a
/// cross-signed twin or what was left over from the last renewal; GnuTLS looks at 16 as well.
pub const CHAIN_CERTIFICATES: usize = 16;

/// Intermediates up to which their names do not matter.
///
/// A path is searched, not followed: among certificates that all have one name and different keys
/// the search tries every order. Of five these are 120; nine took 180 ms where a handshake takes
/// 0.3 ms.
pub const INTERMEDIATES_OF_ANY_NAME: usize = 5;

/// Certificates of the same subject in a longer chain.
///
/// An authority that renewed its key and one that is cross-signed have two each; with three the
/// search has at most 3^6 paths to try.
pub const NAMESAKES: usize = 3;

/// Bytes in all certificates of a chain together.
///
/// A TLS certificate message may be 16 MiB; rustls takes 64 KiB of it. The bound is said again
/// here because [`evaluate`](crate::verify::evaluate) also takes chains that no handshake carried.
pub const CHAIN_BYTES: usize = 0x1_0000;

/// Names (expected, presented, constraints, purposes) listed in a rejection.
///
/// A hosting provider's certificate holds a hundred names and nobody reads them; what did not fit
/// is counted.
pub const REPORTED_NAMES: usize = 20;

/// Bytes of one text from a certificate that a rejection keeps.
///
/// The longest host name has 253 (RFC 1034 §3.1), and a distinguished name seldom has more.
pub const REPORTED_TEXT: usize = 256;

/// Bits of the shortest RSA key accepted in a certificate: RFC 9325 §4.5.
pub const RSA_BITS: usize = 2048;

/// Octets of the authorities' names by which a server tells clients whose certificates it takes. With
/// more it names none, which stands for all of them (RFC 8446 §4.2.4, RFC 5246 §7.4.4).
///
/// The list has room for 64 KiB, its names with their lengths, and a client whose buffers are smaller
/// cannot connect: Schannel's own servers stop at this.
pub const AUTHORITY_NAMES: usize = 16 * 1024;

/// Trust anchors in one set.
///
/// The largest public root stores hold about 400; a file with more than this is not a root store,
/// and every path search compares with each anchor.
pub const TRUST_ANCHORS: usize = 4096;

/// TLSA records in one set.
///
/// A change of keys doubles what is published (RFC 7671 §8), and nobody publishes more than a few
/// combinations; each record is compared with each certificate of the chain.
pub const TLSA_RECORDS: usize = 32;

/// Octets in all TLSA records of a set together: a DNS message has no more.
pub const TLSA_BYTES: usize = 0xFFFF;

/// Octets in one TLSA record, RFC 1035 §3.2.1.
pub const TLSA_RDATA: usize = 0xFFFF;

/// Authorities from TLSA records alone, not sent by the server, whose key is tried on the chain.
///
/// Each is tried on every certificate that may be signed with it; servers have one, or two while
/// they change it.
pub const TLSA_KEYS_FROM_DNS: usize = 8;

/// The shortest time for which TLSA records count.
///
/// A time to live of zero lets them be used for the transaction in progress (RFC 1035 §3.2.1), and
/// that is the connection: with several addresses to try it takes more than one handshake's time.
pub const TLSA_SHORTEST: Duration = Duration::from_secs(60);

/// The longest time for which TLSA records count.
///
/// A record that is withdrawn is a revoked one; resolvers keep nothing longer than a day either.
pub const TLSA_LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Revocation lists in one set.
///
/// Each authority has one or, where it splits them, some dozens; a set serves all authorities of a
/// program, and each certificate is looked up in every list of its issuer.
pub const REVOCATION_LISTS: usize = 4096;

/// Octets of a domain name in text form: RFC 1034 §3.1, 255 on the wire.
pub const DNS_NAME: usize = 253;

/// Octets of one label: RFC 1034 §3.1.
pub const DNS_LABEL: usize = 63;

/// SRV records in one answer. A DNS message of 64 KiB holds 3449 of the shortest; all of them are
/// looked at (RFC 2782, "Usage rules"), and what claims to be more is no answer.
pub const SRV_RECORDS: usize = 3449;

/// Servers that are kept of one SRV answer, the first in RFC 2782's order.
///
/// Each may need three more lookups. The largest providers publish five; who cannot reach one of
/// sixteen will not reach the next.
pub const SRV_TARGETS: usize = 16;

/// Octets of all TLSA records in one answer, with one for each record: a DNS message of 64 KiB
/// holds no more.
pub const TLSA_ANSWER: usize = 64 * 1024;

/// Links in a chain of aliases (CNAME, DNAME) to an answer. Resolvers follow between eight and
/// sixteen.
pub const ALIASES: usize = 16;

/// Candidates from sources other than DNS in one discovery. A document that configures a mail
/// client lists a handful.
pub const CANDIDATES: usize = 64;

/// Mail domains in one audit. A hoster with more audits them in parts.
pub const AUDIT_DOMAINS: usize = 1024;

/// Servers (ports) in one audit: four services with two ports each, at some sites.
pub const AUDIT_LISTENERS: usize = 64;

/// Certificate chains of one server in an audit: one for each domain, with an ECDSA and an RSA key.
pub const AUDIT_CHAINS: usize = 2048;

/// Pinned fingerprints in an audit.
pub const AUDIT_PINS: usize = 1024;

/// DNS answers in an audit: what [`AUDIT_DOMAINS`] with all their SRV records lead to, and some
/// more.
pub const AUDIT_ANSWERS: usize = 0x1_0000;

/// Findings of an audit. Nobody reads more; what did not fit is counted.
pub const AUDIT_FINDINGS: usize = 4096;

/// Names that an audit lists of one certificate; public authorities allow a hundred.
pub const AUDIT_NAMES: usize = 1024;

/// The greatest record with its header (RFC 5246 §6.2.3).
pub(crate) const MAX_RECORD: usize = RECORD_HEADER + MAX_RECORD_PAYLOAD;
/// The greatest payload of an encrypted record: 2^14 and 2048 for the expansion (RFC 5246 §6.2.3).
pub(crate) const MAX_RECORD_PAYLOAD: usize = 16 * 1024 + 2048;
pub(crate) const RECORD_HEADER: usize = 5;

/// How long a ticket that was sealed with [`TicketKeys`](crate::ticket_keys::TicketKeys) is taken.
///
/// As long as a mail client is away overnight; RFC 8446 §4.6.1 allows seven days, and what is sealed
/// is lost with the key (RFC 9325 §3.4).
pub const TICKET_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// How long after its last full handshake a session may be resumed, with tickets of tickets too.
///
/// RFC 8446 §4.6.1 takes no single ticket that is older, and recommends a bound on the whole, since
/// nobody has shown his key since. With TLS 1.2 a server lets it go on for [`TICKET_LIFETIME`] alone:
/// there all of it has one secret, and whoever gets a key of the last ticket could read the first
/// session.
pub const RESUMPTION_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Bytes that a server may send, with no data among them, until a ticket that its client keeps.
///
/// The handshake is among them with TLS 1.2, and a ticket of up to 64 KiB: one that long has no room in the
/// next ClientHello (RFC 8446 §4.2.11, RFC 5077 §3.2), which no server but a hostile one wants.
pub const BYTES_UP_TO_TICKET: usize = 40 * 1024;
const _: () = assert!(
    SERVER_HELLO_BYTES + BYTES_UP_TO_TICKET <= 57 * 1024,
    "a cookie and a ticket leave 7 KiB for the rest of a ClientHello"
);

/// Octets of a server's session in a ticket, before they are sealed. A session of which there is more is
/// not resumed.
///
/// Nearly all of it is the client's certificates, of which a client may send as many as a handshake has
/// room for: a ticket with them all would fit neither into its message nor into the next ClientHello
/// (RFC 8446 §4.6.1, §4.2.11: 64 KiB). Three of a post-quantum authority's certificates go in.
pub const TICKET_CONTENT: usize = 16 * 1024;

/// For how long an acceptor seals tickets with a key of its own, and for how long that key opens them
/// afterwards (RFC 9325 §3.4).
///
/// So its tickets are good for six hours at least and for twelve at most.
pub const OWN_TICKET_KEY_LIFETIME: Duration = Duration::from_secs(6 * 60 * 60);

/// How far the clocks of two machines that share ticket keys may be apart.
///
/// A ticket from further in the future than this is not taken: one of the clocks is wrong.
pub const TICKET_CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// Tickets that one process seals with one key.
///
/// Nonces of 96 random bits: sixteen machines that each reach it have used 2^32, after which two
/// are the same with a probability of 2^-33 (NIST SP 800-38D §8.3). It is a margin, not a meter: the
/// count begins anew with each process and with each [`TicketKeys`](crate::ticket_keys::TicketKeys)
/// that is made of the same octets, and sixteen times as many tickets, 2^36, still leave 2^-25.
pub const TICKETS_PER_KEY: u64 = 1 << 28;

/// Ticket keys in one set: those of the next days and of those that are past.
pub const TICKET_KEYS: usize = 64;

/// The bounds that an embedder may change, on [`Client`](crate::Client) and
/// [`Server`](crate::Server).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub(crate) handshake_time: Duration,
    pub(crate) handshake_bytes: usize,
}

impl Limits {
    /// How long a session may take until it is established.
    pub fn handshake_time(&self) -> Duration {
        self.handshake_time
    }

    /// How many bytes the peer may send until the session is established.
    pub fn handshake_bytes(&self) -> usize {
        self.handshake_bytes
    }

    /// How long a session may take until it is established. Default: [`HANDSHAKE_TIME`].
    #[must_use]
    pub fn with_handshake_time(mut self, time: Duration) -> Self {
        self.handshake_time = time;
        self
    }

    /// How many bytes the peer may send until the session is established. Default:
    /// [`HANDSHAKE_BYTES`].
    #[must_use]
    pub fn with_handshake_bytes(mut self, bytes: usize) -> Self {
        self.handshake_bytes = bytes;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_time: HANDSHAKE_TIME,
            handshake_bytes: HANDSHAKE_BYTES,
        }
    }
}
