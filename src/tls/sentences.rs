//! What rustls found wrong with the peer, in words that follow "it did this: ".
//!
//! rustls may add findings at any time. Such a one has a sentence for its kind: nothing is decided
//! here.

use std::borrow::Cow;

use rustls::{ContentType, HandshakeType, InvalidMessage, PeerIncompatible, PeerMisbehaved};

const MISBEHAVED: &str = "it did something that TLS does not allow";
const MALFORMED: &str = "a message cannot be read";
const INCOMPATIBLE: &str = "a feature of TLS that one side needs";

/// A breach of the protocol (RFC 8446, RFC 5246): what the peer did.
pub(super) fn of_misbehaviour(what: &PeerMisbehaved) -> &'static str {
    use PeerMisbehaved as P;
    match what {
        P::AttemptedDowngradeToTls12WhenTls13IsSupported => {
            "it chose TLS 1.2 although both sides know TLS 1.3, as if somebody on the way had changed \
             the offer"
        }
        P::BadCertChainExtensions => {
            "a certificate came with an extension that is not allowed there"
        }
        P::CipherSuiteDifferedOnRetry | P::SelectedDifferentCipherSuiteAfterRetry => {
            "it changed the cipher suite after it had asked for a second hello"
        }
        P::DisallowedEncryptedExtension => "it encrypted an extension that must not be",
        P::DuplicateClientHelloExtensions
        | P::DuplicateEncryptedExtensions
        | P::DuplicateHelloRetryRequestExtensions
        | P::DuplicateNewSessionTicketExtensions
        | P::DuplicateServerHelloExtensions => "it sent an extension twice in one message",
        P::DuplicateServerNameTypes => "it asked for two server names of one type",
        P::EarlyDataAttemptedInSecondClientHello => "it offered early data in its second hello",
        P::EarlyDataExtensionWithoutResumption => {
            "it accepted early data without resuming a session"
        }
        P::EarlyDataOfferedWithVariedCipherSuite => {
            "it offered early data under another cipher suite than that of the session"
        }
        P::EchAcceptanceVariedAfterRetry => {
            "it accepted the encrypted hello in one of its answers only"
        }
        P::HandshakeHashVariedAfterRetry => {
            "it changed the handshake's hash after it had asked for a second hello"
        }
        P::IllegalHelloRetryRequestWithEmptyCookie => {
            "its request for a second hello has an empty cookie"
        }
        P::IllegalHelloRetryRequestWithNoChanges => {
            "its request for a second hello asks for no change"
        }
        P::IllegalHelloRetryRequestWithOfferedGroup => {
            "its request for a second hello asks for a key that it had been sent"
        }
        P::IllegalHelloRetryRequestWithUnofferedCipherSuite => {
            "its request for a second hello names a cipher suite that was not offered"
        }
        P::IllegalHelloRetryRequestWithUnofferedNamedGroup => {
            "its request for a second hello names a group that was not offered"
        }
        P::IllegalHelloRetryRequestWithUnsupportedVersion => {
            "its request for a second hello is for a version of TLS that has none"
        }
        P::IllegalHelloRetryRequestWithWrongSessionId => {
            "its request for a second hello has another session's identifier"
        }
        P::IllegalHelloRetryRequestWithInvalidEch => {
            "its request for a second hello has a wrong confirmation of the encrypted hello"
        }
        P::IllegalMiddleboxChangeCipherSpec => {
            "it sent change_cipher_spec where not even compatibility allows it"
        }
        P::IllegalTlsInnerPlaintext => "an encrypted record has no type inside",
        P::IncorrectBinder => {
            "it could not prove that it knows the session that it wants to resume"
        }
        P::InvalidCertCompression => "its compressed certificate cannot be unpacked",
        P::InvalidMaxEarlyDataSize => "it allows an amount of early data that cannot be",
        P::InvalidKeyShare => "its key for the key exchange is not a valid one",
        P::KeyEpochWithPendingFragment => "a message goes on across a change of keys",
        P::KeyUpdateReceivedInQuicConnection => "it changed keys in a way that QUIC does not know",
        P::MessageInterleavedWithHandshakeMessage => {
            "it put another message in the middle of a handshake message"
        }
        P::MissingBinderInPskExtension => {
            "it offered to resume a session without proof that it knows it"
        }
        P::MissingKeyShare => "it sent no key for the key exchange",
        P::MissingPskExtensionInSecondClientHello => {
            "its second hello no longer offers the session that its first one did"
        }
        P::MissingPskModesExtension => "it offered to resume a session without saying in which way",
        P::MissingQuicTransportParameters => "it sent no transport parameters of QUIC",
        P::OfferedDuplicateCertificateCompressions => {
            "it offered a way to compress certificates twice"
        }
        P::OfferedDuplicateKeyShares => "it sent two keys of one group",
        P::OfferedEarlyDataWithOldProtocolVersion => {
            "it offered early data with a version of TLS that has none"
        }
        P::OfferedEmptyApplicationProtocol => "it offered an application protocol without a name",
        P::OfferedIncorrectCompressions => "it did not offer to leave records uncompressed",
        P::PskExtensionMustBeLast => "the extension with its sessions is not the last one",
        P::PskExtensionWithMismatchedIdsAndBinders => {
            "it offered more sessions than proofs that it knows them, or fewer"
        }
        P::RefusedToFollowHelloRetryRequest => {
            "its second hello does not do what it had been asked for"
        }
        P::RejectedEarlyDataInterleavedWithHandshakeMessage => {
            "it put early data in the middle of a handshake message"
        }
        P::ResumptionAttemptedWithVariedEms | P::ResumptionOfferedWithVariedEms => {
            "it resumed a session with another use of the extended master secret"
        }
        P::ResumptionOfferedWithVariedCipherSuite => {
            "it resumed a session with another cipher suite"
        }
        P::ResumptionOfferedWithIncompatibleCipherSuite => {
            "it resumed a session with a cipher suite that does not fit it"
        }
        P::SelectedInvalidPsk | P::SelectedUnofferedPsk => {
            "it resumed a session that was not offered"
        }
        P::SelectedTls12UsingTls13VersionExtension => {
            "it chose TLS 1.2 in the place that is for TLS 1.3"
        }
        P::SelectedUnofferedApplicationProtocol => {
            "it chose an application protocol that was not offered"
        }
        P::SelectedUnofferedCertCompression => {
            "it compressed its certificate in a way that was not offered"
        }
        P::SelectedUnofferedCipherSuite => "it chose a cipher suite that was not offered",
        P::SelectedUnofferedCompression => "it chose to compress records, which was not offered",
        P::SelectedUnofferedKxGroup => "it chose a key exchange group that was not offered",
        P::SelectedUnusableCipherSuiteForVersion => {
            "it chose a cipher suite that the version of TLS does not have"
        }
        P::ServerEchoedCompatibilitySessionId => {
            "it claims to resume a session that is only there for compatibility"
        }
        P::ServerHelloMustOfferUncompressedEcPoints => {
            "it does not take keys in the form that everybody has to"
        }
        P::ServerNameDifferedOnRetry => "its second hello asks for another server name",
        P::ServerNameMustContainOneHostName => "it asked for no server name, or for several",
        P::SignedKxWithWrongAlgorithm => {
            "it signed its key with an algorithm that does not fit its certificate or the suite"
        }
        P::SignedHandshakeWithUnadvertisedSigScheme => {
            "it signed the handshake with an algorithm that was not offered"
        }
        P::TooManyEmptyFragments => "it sent too many empty records",
        P::TooManyKeyUpdateRequests => "it changed keys too often",
        P::TooManyRenegotiationRequests => "it asked for renegotiation too often",
        P::TooManyWarningAlertsReceived => "it sent too many warnings",
        P::TooMuchEarlyDataReceived => "it sent more early data than is allowed",
        P::UnexpectedCleartextExtension => "it sent an extension in clear that must be encrypted",
        P::UnsolicitedCertExtension
        | P::UnsolicitedEncryptedExtension
        | P::UnsolicitedServerHelloExtension => {
            "it answered with an extension that was not offered"
        }
        P::UnsolicitedSctList => "it sent proofs of transparency that were not asked for",
        P::UnsolicitedEchExtension => "it answered an encrypted hello that there was not",
        P::WrongGroupForKeyShare => "its key is of another group than the one that was agreed on",
        _ => MISBEHAVED,
    }
}

/// A message that cannot be read (RFC 8446 §6.2, decode_error and its like): what is wrong with it.
/// What stands in parentheses is the part that was being read, in the words of RFC 8446.
pub(super) fn of_malformed(what: &InvalidMessage) -> Cow<'static, str> {
    use InvalidMessage as M;
    Cow::Borrowed(match what {
        M::MissingData(part) => return format!("a part is missing ({})", in_rfc(part)).into(),
        M::TrailingData(part) => {
            return format!("something follows its end ({})", in_rfc(part)).into();
        }
        M::UnexpectedMessage(part) => {
            let part = in_rfc(part);
            return format!("a message of this type does not belong there ({part})").into();
        }
        M::IllegalEmptyList(part) => {
            return format!("a list is empty that must not be ({})", in_rfc(part)).into();
        }
        M::DuplicateExtension(number) => {
            return format!("the extension with the number {number} is in it twice").into();
        }
        M::UnsupportedKeyExchangeAlgorithm(_) => "the key exchange is of a kind that is not known",
        M::CertificatePayloadTooLarge => "the certificates are larger than 64 KiB",
        M::HandshakePayloadTooLarge => "a handshake message is larger than any that is known",
        M::InvalidCcs => "its change_cipher_spec has the wrong content",
        M::InvalidContentType => "a record is of a type that does not exist",
        M::InvalidCertificateStatusType => "the stapled status is of a type that is not known",
        M::InvalidCertRequest => "its request for a certificate belongs to no handshake",
        M::InvalidDhParams => "its Diffie-Hellman parameters are not valid",
        M::InvalidEmptyPayload => "a record is empty that must not be",
        M::InvalidKeyUpdate => "its change of keys says neither yes nor no",
        M::InvalidServerName => "the server name is not a host name",
        M::MessageTooLarge => "a record is longer than the protocol allows",
        M::MessageTooShort => "a message is shorter than it says",
        M::MissingKeyExchange => "it names no key exchange",
        M::NoSignatureSchemes => "it names no signature algorithm",
        M::UnknownProtocolVersion => "a record is of a version of TLS that does not exist",
        M::UnsupportedCompression => "it compresses records",
        M::UnsupportedCurveType => "its elliptic curve is of a kind that is not known",
        M::EmptyTicketValue => "it gave a ticket without content",
        M::IllegalEmptyValue => "a value is empty that must not be",
        M::PreSharedKeyIsNotFinalExtension => "the extension with its sessions is not the last one",
        M::UnknownHelloRetryRequestExtension => {
            "its request for a second hello has an extension that is not known"
        }
        M::UnknownCertificateExtension => "a certificate came with an extension that is not known",
        _ => MALFORMED,
    })
}

/// The name that RFC 8446 has for a part, where rustls has another.
fn in_rfc(part: &str) -> Cow<'_, str> {
    if let Some(Ok(bits)) = part.strip_prefix('u').map(str::parse::<u8>) {
        return format!("uint{bits}").into();
    }
    match part {
        "HandshakeMessagePayload" => "Handshake".into(),
        "SingleProtocolName" => "ProtocolName".into(),
        "ClientExtensions" => "the extensions of ClientHello".into(),
        "ServerExtensions" => "the extensions of ServerHello".into(),
        "CertificateExtensions" => "the extensions of Certificate".into(),
        "CertificateRequestExtensions" => "the extensions of CertificateRequest".into(),
        "NewSessionTicketExtensions" => "the extensions of NewSessionTicket".into(),
        "PayloadU8" | "PayloadU16" | "PayloadU24" => "opaque".into(),
        _ => part.strip_suffix("Payload").unwrap_or(part).into(),
    }
}

/// A record of a type that is not due (RFC 8446 §6.2, unexpected_message): what the peer did.
pub(super) fn of_record(got: ContentType) -> Cow<'static, str> {
    Cow::Borrowed(match got {
        ContentType::ChangeCipherSpec => "it sent change_cipher_spec when that was not due",
        ContentType::Alert => "it sent an alert when none was due",
        ContentType::Handshake => "it sent a handshake message when none was due",
        ContentType::ApplicationData => "it sent application data when none was due",
        ContentType::Heartbeat => "it sent a heartbeat, which was not agreed on",
        other => {
            let number = u8::from(other);
            return format!("it sent a record of the unknown type {number}").into();
        }
    })
}

/// The same for a handshake message.
pub(super) fn of_handshake_message(got: HandshakeType) -> Cow<'static, str> {
    match got.as_str() {
        Some(name) => format!("it sent the handshake message {name} when that was not due").into(),
        None => {
            let number = u8::from(got);
            format!("it sent a handshake message of the unknown type {number}").into()
        }
    }
}

/// What the two sides have not got in common, after "cannot agree with us on the parameters of TLS,
/// for lack of ".
/// Versions, which are reported on their own, are here for completeness.
pub(super) fn of_incompatibility(what: &PeerIncompatible) -> &'static str {
    use PeerIncompatible as P;
    match what {
        P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled
        | P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::SupportedVersionsExtensionRequired => "a version of TLS in common",
        P::NoCipherSuitesInCommon => "a cipher suite in common",
        P::NoKxGroupsInCommon | P::NamedGroupsExtensionRequired => "a key exchange group in common",
        P::NoSignatureSchemesInCommon
        | P::NoCertificateRequestSignatureSchemesInCommon
        | P::SignatureAlgorithmsExtensionRequired => "a signature algorithm in common",
        P::ExtendedMasterSecretExtensionRequired => {
            "the extended master secret (RFC 7627) that TLS 1.2 needs to be safe"
        }
        P::KeyShareExtensionRequired => "the peer's key for the key exchange of TLS 1.3",
        P::EcPointsExtensionRequired
        | P::NoEcPointFormatsInCommon
        | P::UncompressedEcPointsRequired => {
            "a form in common in which keys on elliptic curves are sent"
        }
        P::NullCompressionRequired => "records without compression",
        P::IncorrectCertificateTypeExtension | P::UnsolicitedCertificateTypeExtension => {
            "a type of certificate in common (RFC 7250)"
        }
        P::ServerSentHelloRetryRequestWithUnknownExtension => {
            "knowledge of an extension with which the peer asks for a second hello"
        }
        P::Tls13RequiredForQuic => "TLS 1.3",
        P::ServerRejectedEncryptedClientHello(_) => "a key for the encrypted hello",
        _ => INCOMPATIBLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sentences, and the names of what they are about.
    macro_rules! sentences {
        ($of:ident, $kind:ident: $($variant:ident $(($($argument:expr),+))?)+) => {
            vec![$({
                let what = $kind::$variant $(($($argument),+))?;
                (stringify!($variant), String::from($of(&what)))
            }),+]
        };
    }

    #[track_caller]
    fn assert_plain(sentences: &[(&str, String)], generic: &str) {
        for (name, sentence) in sentences {
            assert_ne!(sentence, generic, "{name} has none of its own");
            assert!(!sentence.contains(name), "{name}: {sentence}");
            assert!(
                sentence.contains(' ') || sentence == "TLS 1.3",
                "{sentence}"
            );
            let first = sentence.chars().next().unwrap();
            assert!(
                first.is_lowercase() || sentence.starts_with("TLS"),
                "{sentence}"
            );
            assert!(!sentence.ends_with(['.', ' ']), "{sentence}");
            assert!(!sentence.contains("  "), "{sentence}");
        }
    }

    /// Every finding that rustls 0.23 knows.
    #[test]
    fn every_misbehaviour_has_its_sentence() {
        let all = sentences!(of_misbehaviour, PeerMisbehaved:
            AttemptedDowngradeToTls12WhenTls13IsSupported BadCertChainExtensions
            CipherSuiteDifferedOnRetry DisallowedEncryptedExtension DuplicateClientHelloExtensions
            DuplicateEncryptedExtensions DuplicateHelloRetryRequestExtensions
            DuplicateNewSessionTicketExtensions DuplicateServerHelloExtensions
            DuplicateServerNameTypes EarlyDataAttemptedInSecondClientHello
            EarlyDataExtensionWithoutResumption EarlyDataOfferedWithVariedCipherSuite
            EchAcceptanceVariedAfterRetry HandshakeHashVariedAfterRetry
            IllegalHelloRetryRequestWithEmptyCookie IllegalHelloRetryRequestWithNoChanges
            IllegalHelloRetryRequestWithOfferedGroup
            IllegalHelloRetryRequestWithUnofferedCipherSuite
            IllegalHelloRetryRequestWithUnofferedNamedGroup
            IllegalHelloRetryRequestWithUnsupportedVersion
            IllegalHelloRetryRequestWithWrongSessionId IllegalHelloRetryRequestWithInvalidEch
            IllegalMiddleboxChangeCipherSpec IllegalTlsInnerPlaintext IncorrectBinder
            InvalidCertCompression InvalidMaxEarlyDataSize InvalidKeyShare
            KeyEpochWithPendingFragment KeyUpdateReceivedInQuicConnection
            MessageInterleavedWithHandshakeMessage MissingBinderInPskExtension MissingKeyShare
            MissingPskExtensionInSecondClientHello MissingPskModesExtension
            MissingQuicTransportParameters OfferedDuplicateCertificateCompressions
            OfferedDuplicateKeyShares OfferedEarlyDataWithOldProtocolVersion
            OfferedEmptyApplicationProtocol OfferedIncorrectCompressions PskExtensionMustBeLast
            PskExtensionWithMismatchedIdsAndBinders RefusedToFollowHelloRetryRequest
            RejectedEarlyDataInterleavedWithHandshakeMessage ResumptionAttemptedWithVariedEms
            ResumptionOfferedWithVariedCipherSuite ResumptionOfferedWithVariedEms
            ResumptionOfferedWithIncompatibleCipherSuite SelectedDifferentCipherSuiteAfterRetry
            SelectedInvalidPsk SelectedTls12UsingTls13VersionExtension
            SelectedUnofferedApplicationProtocol SelectedUnofferedCertCompression
            SelectedUnofferedCipherSuite SelectedUnofferedCompression SelectedUnofferedKxGroup
            SelectedUnofferedPsk SelectedUnusableCipherSuiteForVersion
            ServerEchoedCompatibilitySessionId ServerHelloMustOfferUncompressedEcPoints
            ServerNameDifferedOnRetry ServerNameMustContainOneHostName SignedKxWithWrongAlgorithm
            SignedHandshakeWithUnadvertisedSigScheme TooManyEmptyFragments
            TooManyKeyUpdateRequests TooManyRenegotiationRequests TooManyWarningAlertsReceived
            TooMuchEarlyDataReceived UnexpectedCleartextExtension UnsolicitedCertExtension
            UnsolicitedEncryptedExtension UnsolicitedSctList UnsolicitedServerHelloExtension
            WrongGroupForKeyShare UnsolicitedEchExtension
        );
        assert_eq!(all.len(), 78);
        assert_plain(&all, MISBEHAVED);
    }

    #[test]
    fn every_malformed_message_has_its_sentence() {
        let all = sentences!(of_malformed, InvalidMessage:
            CertificatePayloadTooLarge HandshakePayloadTooLarge InvalidCcs InvalidContentType
            InvalidCertificateStatusType InvalidCertRequest InvalidDhParams InvalidEmptyPayload
            InvalidKeyUpdate InvalidServerName MessageTooLarge MessageTooShort
            MissingData("Random") MissingKeyExchange NoSignatureSchemes TrailingData("Random")
            UnexpectedMessage("Random") UnknownProtocolVersion UnsupportedCompression
            UnsupportedCurveType
            UnsupportedKeyExchangeAlgorithm(rustls::crypto::KeyExchangeAlgorithm::DHE)
            EmptyTicketValue IllegalEmptyList("Random") IllegalEmptyValue DuplicateExtension(10)
            PreSharedKeyIsNotFinalExtension UnknownHelloRetryRequestExtension
            UnknownCertificateExtension
        );
        assert_eq!(all.len(), 28);
        assert_plain(&all, MALFORMED);
    }

    #[test]
    fn every_incompatibility_has_its_sentence() {
        let all = sentences!(of_incompatibility, PeerIncompatible:
            EcPointsExtensionRequired ExtendedMasterSecretExtensionRequired
            IncorrectCertificateTypeExtension KeyShareExtensionRequired NamedGroupsExtensionRequired
            NoCertificateRequestSignatureSchemesInCommon NoCipherSuitesInCommon
            NoEcPointFormatsInCommon NoKxGroupsInCommon NoSignatureSchemesInCommon
            NullCompressionRequired ServerDoesNotSupportTls12Or13
            ServerSentHelloRetryRequestWithUnknownExtension ServerTlsVersionIsDisabledByOurConfig
            SignatureAlgorithmsExtensionRequired SupportedVersionsExtensionRequired Tls12NotOffered
            Tls12NotOfferedOrEnabled Tls13RequiredForQuic UncompressedEcPointsRequired
            UnsolicitedCertificateTypeExtension ServerRejectedEncryptedClientHello(None)
        );
        assert_eq!(all.len(), 22);
        assert_plain(&all, INCOMPATIBLE);
    }

    /// RFC 8446 §3.3, §4 and §5.1, and what is in no registry.
    #[test]
    fn parts_and_messages_have_their_names_of_the_rfc() {
        let missing = |part| of_malformed(&InvalidMessage::MissingData(part)).into_owned();
        let rows = [
            (missing("u24"), "(uint24)"),
            (missing("ClientHelloPayload"), "(ClientHello)"),
            (missing("HandshakeMessagePayload"), "(Handshake)"),
            (missing("HandshakeType"), "(HandshakeType)"),
            (missing("unknown"), "(unknown)"),
            (
                of_record(ContentType::ApplicationData).into(),
                "application data",
            ),
            (
                of_record(ContentType::Unknown(77)).into(),
                "the unknown type 77",
            ),
            (
                of_handshake_message(HandshakeType::ServerHelloDone).into(),
                "the handshake message ServerHelloDone",
            ),
            (
                of_handshake_message(HandshakeType::Unknown(77)).into(),
                "the unknown type 77",
            ),
        ];
        for (sentence, holds) in rows {
            assert!(sentence.contains(holds), "{sentence}");
        }
    }
}
