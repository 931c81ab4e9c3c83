#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::received::recorded_tls;
use mail_tls::sasl_external::AuthorizationIdentity;

fuzz_target!(|bytes: &[u8]| {
    if let Some(tls) = recorded_tls(bytes) {
        assert!((1..=64).contains(&tls.cipher_name().len()));
        if let Some(clause) = tls.to_clause() {
            let again = format!("from a by b {clause}; date");
            let again = recorded_tls(again.as_bytes()).unwrap();
            assert_eq!(again.to_clause(), Some(clause));
        }
    }
    if let Ok(identity) = AuthorizationIdentity::from_response(bytes) {
        assert!(!identity.as_str().contains('\0'));
        assert_eq!(AuthorizationIdentity::new(identity.as_str()), Ok(identity));
    }
});
