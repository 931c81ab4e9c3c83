//! Every bound of the crate, each with its reason.

/// Certificates that a peer may send, its own included.
///
/// A path has at most six intermediates (rustls-webpki's own bound). Real servers add the root, a
/// cross-signed twin or what was left over from the last renewal; GnuTLS looks at 16 as well.
pub(crate) const CHAIN_CERTIFICATES: usize = 16;

/// Intermediates up to which their names do not matter.
///
/// A path is searched, not followed: among certificates that all have one name and different keys
/// the search tries every order. Of five these are 120; nine took 180 ms where a handshake takes
/// 0.3 ms.
pub(crate) const INTERMEDIATES_OF_ANY_NAME: usize = 5;

/// Certificates of the same subject in a longer chain.
///
/// An authority that renewed its key and one that is cross-signed have two each; with three the
/// search has at most 3^6 paths to try.
pub(crate) const NAMESAKES: usize = 3;

/// Bytes in all certificates of a chain together.
///
/// A TLS certificate message may be 16 MiB; rustls takes 64 KiB of it. The bound is said again
/// here because [`evaluate`](crate::verify::evaluate) also takes chains that no handshake carried.
pub(crate) const CHAIN_BYTES: usize = 0x1_0000;

/// Names (expected, presented, constraints, purposes) listed in a rejection.
///
/// A hosting provider's certificate holds a hundred names and nobody reads them; what did not fit
/// is counted.
pub(crate) const REPORTED_NAMES: usize = 20;

/// Bytes of one text from a certificate that a rejection keeps.
///
/// The longest host name has 253 (RFC 1034 §3.1), and a distinguished name seldom has more.
pub(crate) const REPORTED_TEXT: usize = 256;

/// Bits of the shortest RSA key accepted in a certificate: RFC 9325 §4.5.
pub(crate) const RSA_BITS: usize = 2048;

/// Trust anchors in one set.
///
/// The largest public root stores hold about 400; a file with more than this is not a root store,
/// and every path search compares with each anchor.
pub(crate) const TRUST_ANCHORS: usize = 4096;

/// Octets of a domain name in text form: RFC 1034 §3.1, 255 on the wire.
pub(crate) const DNS_NAME: usize = 253;

/// Octets of one label: RFC 1034 §3.1.
pub(crate) const DNS_LABEL: usize = 63;
