#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::Service;
use mail_tls::sasl_external::AuthorizationIdentity;
use mail_tls_fuzz::{TEXT, service, within};

fuzz_target!(|data: &[u8]| {
    within(TEXT, data, |input: (u8, &[u8])| {
        let (choice, bytes) = input;
        let read = [
            AuthorizationIdentity::from_response(bytes),
            AuthorizationIdentity::from_initial_response(service(choice), bytes),
            AuthorizationIdentity::from_initial_response(Service::Lmtp, bytes),
        ];
        for identity in read {
            match identity {
                Ok(identity) if identity.is_derived() => assert_eq!(identity.as_str(), ""),
                Ok(identity) => {
                    assert!(!identity.as_str().contains('\0'));
                    assert_eq!(AuthorizationIdentity::new(identity.as_str()), Ok(identity));
                }
                Err(fault) => drop(format!("{fault:?}")),
            }
        }
    });
});
