#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::{Account, EmailAddress, Pin};
use mail_tls_fuzz::{TEXT, within};

// What was read is written as a line that says the same, and belongs to its own account only.
fuzz_target!(|data: &[u8]| {
    within(TEXT, data, |text: &str| match text.parse::<Pin>() {
        Ok(pin) => {
            let line = pin.to_string();
            assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
            let again: Pin = line.parse().unwrap();
            assert_eq!(again, pin);
            assert_eq!(again.to_string(), line);
            let owner = Account::configured().with_address(pin.account().clone());
            assert!(owner.restore_pin(pin.clone()));
            let other = EmailAddress::parse("nobody@other.example").unwrap();
            if *pin.account() != other {
                let other = Account::configured().with_address(other);
                assert!(!other.restore_pin(pin) && other.requires_confidentiality());
            }
        }
        Err(error) => drop(error.to_string()),
    });
});
