//! TLS alerts by code point.

use std::fmt;

/// A TLS alert as it goes over the wire (RFC 8446 §6), received or sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alert(u8);

impl Alert {
    pub(crate) const CLOSE_NOTIFY: Self = Self(0);
    pub(crate) const UNEXPECTED_MESSAGE: Self = Self(10);
    pub(crate) const HANDSHAKE_FAILURE: Self = Self(40);
    pub(crate) const CERTIFICATE_REVOKED: Self = Self(44);
    pub(crate) const CERTIFICATE_EXPIRED: Self = Self(45);
    pub(crate) const PROTOCOL_VERSION: Self = Self(70);
    pub(crate) const INTERNAL_ERROR: Self = Self(80);
    pub(crate) const UNRECOGNIZED_NAME: Self = Self(112);
    pub(crate) const NO_APPLICATION_PROTOCOL: Self = Self(120);

    /// The alert with this code point, registered or not.
    pub const fn from_code_point(code_point: u8) -> Self {
        Self(code_point)
    }

    /// The code point in IANA's registry of TLS alerts.
    pub const fn code_point(self) -> u8 {
        self.0
    }

    /// The name in IANA's registry of TLS alerts, `None` for an unassigned code point.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            21 => "decryption_failed",
            22 => "record_overflow",
            30 => "decompression_failure",
            40 => "handshake_failure",
            41 => "no_certificate",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            60 => "export_restriction",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            100 => "no_renegotiation",
            109 => "missing_extension",
            110 => "unsupported_extension",
            111 => "certificate_unobtainable",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            114 => "bad_certificate_hash_value",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            117 => "general_error",
            120 => "no_application_protocol",
            121 => "ech_required",
            _ => return None,
        })
    }

    /// Whether the alert says that the receiver's certificate was missing or refused.
    pub(crate) const fn is_about_certificate(self) -> bool {
        matches!(self.0, 41..=46 | 48 | 49 | 116)
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "alert {}", self.0),
        }
    }
}

impl fmt::Debug for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Alert({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8446 Appendix B.2, RFC 5246 §7.2, RFC 6066 §9, RFC 7301 §3.2.
    #[test]
    fn names() {
        let rows = [
            (0, "close_notify"),
            (48, "unknown_ca"),
            (70, "protocol_version"),
            (112, "unrecognized_name"),
            (116, "certificate_required"),
            (120, "no_application_protocol"),
        ];
        for (code, name) in rows {
            assert_eq!(Alert::from_code_point(code).name(), Some(name));
            assert_eq!(Alert::from_code_point(code).to_string(), name);
        }
        assert_eq!(Alert::from_code_point(255).to_string(), "alert 255");
    }
}
