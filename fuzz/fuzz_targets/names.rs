#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::{EmailAddress, Host, HostName};
use mail_tls_fuzz::{TEXT, within};

fuzz_target!(|data: &[u8]| {
    within(TEXT, data, |text: &str| {
        match HostName::parse(text) {
            Ok(name) => assert_eq!(HostName::parse(name.as_str()), Ok(name)),
            Err(error) => drop(error.to_string()),
        }
        match Host::parse(text) {
            Ok(host) => {
                assert_eq!(Host::parse(&host.to_string()), Ok(host.clone()));
                assert_eq!(Host::parse(&host.to_authority()), Ok(host));
            }
            Err(error) => drop(error.to_string()),
        }
        match EmailAddress::parse(text) {
            Ok(address) => assert_eq!(EmailAddress::parse(&address.to_string()), Ok(address)),
            Err(error) => drop(error.to_string()),
        }
    });
});
